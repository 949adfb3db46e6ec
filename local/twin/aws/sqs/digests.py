"""The MD5 digests that SQS answers with [SQS-MD5]."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from typing import Any


def digest_of_body(body: str) -> str:
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def digest_of_attributes(attributes: Mapping[str, Mapping[str, Any]]) -> str:
    """Names sorted; each name, type and value behind its length, the value also behind its kind."""
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        attribute = attributes[name]
        is_text = "StringValue" in attribute
        value = attribute["StringValue"].encode() if is_text else attribute["BinaryValue"]
        for part in (name.encode(), attribute["DataType"].encode()):
            digest.update(struct.pack("!I", len(part)) + part)
        digest.update((b"\x01" if is_text else b"\x02") + struct.pack("!I", len(value)) + value)
    return digest.hexdigest()
