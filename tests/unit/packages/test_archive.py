"""A zip is its contents and nothing else."""

from __future__ import annotations

import hashlib
import io
import random
import stat
import zipfile

from hypothesis import given
from hypothesis import strategies as st

from local.packages.archive import zip_bytes

TEXT = b"def lambda_handler(event, context):\n    return {}\n" * 40
NAMES = st.from_regex(r"[a-zé]{1,8}(/[a-z]{1,8}){0,2}\.py", fullmatch=True)


def opened(content: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(content))


@given(st.dictionaries(NAMES, st.binary(max_size=300), max_size=8))
def test_what_was_put_in_comes_out(files: dict[str, bytes]) -> None:
    archive = opened(zip_bytes(files))
    assert archive.testzip() is None
    assert {name: archive.read(name) for name in archive.namelist()} == files


@given(st.dictionaries(NAMES, st.binary(max_size=300), min_size=2, max_size=8), st.randoms())
def test_the_order_in_which_files_were_found_changes_nothing(
    files: dict[str, bytes], rng: random.Random
) -> None:
    items = list(files.items())
    rng.shuffle(items)
    assert zip_bytes(dict(items)) == zip_bytes(files)


def test_every_file_is_sorted_readable_by_all_and_of_the_first_day_that_a_zip_can_name() -> None:
    infos = opened(zip_bytes({"b.py": TEXT, "a/c.py": b""})).infolist()
    assert [info.filename for info in infos] == ["a/c.py", "b.py"]
    for info in infos:
        mode = info.external_attr >> 16
        assert (stat.S_ISREG(mode), stat.S_IMODE(mode)) == (True, 0o644)
        assert info.date_time == (1980, 1, 1, 0, 0, 0)
        assert (info.create_system, info.extra, info.comment) == (3, b"", b"")


def test_text_is_packed_and_what_would_only_grow_is_stored() -> None:
    noise = random.Random(1).randbytes(200)
    text, stored = opened(zip_bytes({"a": TEXT, "b": noise})).infolist()
    assert (text.compress_type, stored.compress_type) == (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED)
    assert text.compress_size < len(TEXT) / 5
    assert stored.compress_size == len(noise)


def test_the_bytes_are_the_same_on_every_machine() -> None:
    """Made on x86-64. When a new libdeflate packs otherwise, so do all digests: CHANGELOG.md should say it."""
    digest = hashlib.sha256(zip_bytes({"a/handler.py": TEXT, "b.json": b"{}"})).hexdigest()
    assert digest == "3c6a48564c0ea2d335e7f62e61525004f869414fd1d9f54250896fd5e9262d5c"
