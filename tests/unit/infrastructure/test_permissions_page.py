"""docs/permissions.md lists every statement of every function with its actions, and no other."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from local.infrastructure.function_policies import OF_LAMBDA, WIDE
from local.infrastructure.places import ENVIRONMENTS
from slipway.domain.configuration import Registration
from tests.support.environments import settings
from tests.unit.infrastructure.test_function_policies import ALL, configured, policies

DISK_KEY = "arn:aws:kms:eu-west-1:111122223333:key/5d6e7f80-0a1b-4c2d-8e3f-0a1b2c3d4e5f"
PAGE = Path(__file__).parents[3] / "docs" / "permissions.md"
ROW = re.compile(r"^\| `(?P<sid>\w+)` \| (?P<actions>[^|]+) \| (?P<on>[^|]+) \|", re.MULTILINE)


def sections() -> dict[str, str]:
    parts = re.split(r"^## (.+)$", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def documented() -> dict[tuple[str, str], set[str]]:
    return {
        (function, row["sid"]): set(re.findall(r"`([a-z0-9]+:\w+)`", row["actions"]))
        for function in (*ALL, ENVIRONMENTS)
        for row in ROW.finditer(sections()[function])
    }


def test_the_page_lists_every_statement_with_exactly_its_actions() -> None:
    deployed: dict[tuple[str, str], set[str]] = {}
    for registration in Registration:
        configuration = configured(registration)
        pools = {name: replace(pool, disk_key=DISK_KEY) for name, pool in configuration.pools.items()}
        everything = replace(configuration, tags_tasks=True, pools=pools)
        for function, policy in policies(everything, environments=settings()).items():
            for statement in policy["Statement"]:
                deployed[function, statement["Sid"]] = set(statement["Action"])
    assert documented() == deployed


def test_the_page_gives_the_reason_of_all_that_is_wide_and_names_what_lambda_asks_itself() -> None:
    said = sections()["What is wide, and why"]
    assert set(re.findall(r"^- `(\w+)`", said, re.MULTILINE)) == set(WIDE)
    proven = sections()["What is tested, and what is not"]
    for action in OF_LAMBDA:
        assert action in proven or action.startswith("logs:")


def test_every_test_file_that_the_page_names_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)`", PAGE.read_text("utf-8"))
    assert named
    assert all((PAGE.parents[1] / name).is_file() for name in named)
