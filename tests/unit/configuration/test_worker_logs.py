"""Where worker logs go: what `slipway config check` allows, a runner's entrypoint takes (it ends with code 10 if not)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from local.configuration import fields

SCRIPT = Path(__file__).parents[3] / "runner-image" / "lib" / "worker_logs.sh"
TAKEN = TypeAdapter[str](fields.S3Prefix)


def pattern_of_the_script() -> re.Pattern[str]:
    found = re.search(r"^readonly WORKER_LOGS_PATTERN='(.+)'$", SCRIPT.read_text("utf-8"), re.MULTILINE)
    assert found
    return re.compile(found[1], re.ASCII)


def is_allowed(place: str) -> bool:
    try:
        TAKEN.validate_python(place)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("place", "is_good"),
    [
        ("s3://acme-logs", True),
        ("s3://a1b", True),
        ("s3://0-9/A.b_c-d/e", True),
        (f"s3://{'b' * 63}/{'p' * 100}" + "/p" * 7, True),
        ("s3://acme.logs", False),
        ("s3://acme.logs/runners", False),
        ("s3://acme_logs/runners", False),
        ("s3://Acme/runners", False),
        ("s3://-acme/runners", False),
        ("s3://acme-/runners", False),
        ("s3://ab", False),
        (f"s3://{'b' * 64}", False),
        ("s3://acme-logs/", False),
        ("s3://acme-logs//runners", False),
        ("s3://acme-logs/run ners", False),
        ("https://acme-logs/runners", False),
        ("", False),
    ],
)
def test_the_file_and_the_entrypoint_agree_on_where_logs_may_go(place: str, is_good: bool) -> None:
    assert is_allowed(place) is is_good
    assert bool(pattern_of_the_script().fullmatch(place)) is is_good
