"""Zips whose bytes follow from their contents alone: no time, no owner, no order of a folder, no zlib."""

from __future__ import annotations

import binascii
import struct
from collections.abc import Mapping

from deflate import deflate_compress

# Not zlib: its output differs from version to version and from fork to fork. libdeflate's is the same on every machine
# for one version of it, as its author says (ebiggers/libdeflate#400), and that version stands in our lock.
_LEVEL = 9
_STORED, _DEFLATED = 0, 8
_VERSION_NEEDED = 20  # of the format: folders and deflate
_MADE_ON_UNIX = 3 << 8 | _VERSION_NEEDED
_UTF8_NAME = 0x0800
_TIME, _DATE = 0, 1 << 5 | 1  # midnight of 1980-01-01, the first that a zip can name
_MODE = 0o100644 << 16  # a plain file that everybody may read: Lambda runs as a user of its own


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """Return a zip of files by path; equal files give equal bytes, on every machine."""
    body, directory = bytearray(), bytearray()
    for path in sorted(files):
        name, content = path.encode(), files[path]
        method, packed = _packed(content)
        fields = struct.pack(
            "<HHHHHIIIHH",
            _VERSION_NEEDED,
            0 if path.isascii() else _UTF8_NAME,
            method,
            _TIME,
            _DATE,
            binascii.crc32(content),
            len(packed),
            len(content),
            len(name),
            0,
        )
        directory += b"PK\x01\x02" + struct.pack("<H", _MADE_ON_UNIX) + fields
        directory += struct.pack("<HHHII", 0, 0, 0, _MODE, len(body)) + name
        body += b"PK\x03\x04" + fields + name + packed
    end = struct.pack("<HHHHIIH", 0, 0, len(files), len(files), len(directory), len(body), 0)
    return bytes(body + directory + b"PK\x05\x06" + end)


def _packed(content: bytes) -> tuple[int, bytes]:
    packed = bytes(deflate_compress(content, _LEVEL))
    return (_DEFLATED, packed) if len(packed) < len(content) else (_STORED, content)
