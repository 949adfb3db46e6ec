"""The commands that look at a deployment and order something of it, as they are typed, on a table behind HTTP."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from local.operating.faults import NoSightError
from local.operating.views import Row
from local.slipway_cli.look_command import watch
from local.slipway_cli.main import main
from local.twin.http.aws import AwsServer
from tests.integration.operating.conftest import REGION

ROOT = Path(__file__).parents[3]
CONFIGURATION = ROOT / "infra/terraform/examples/complete/slipway.yaml"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main([*arguments, "--config", str(CONFIGURATION)])
    out, err = capsys.readouterr()
    return status, out, err


def deny_next(aws: AwsServer, operation: str) -> None:
    aws.twin.faults.next_error("dynamodb", operation, "AccessDeniedException", message="not allowed")


def test_an_order_that_one_pool_refuses_is_given_to_the_others_and_each_outcome_is_told(
    aws: AwsServer, capsys: pytest.CaptureFixture[str]
) -> None:
    deny_next(aws, "PutItem")
    status, out, err = run(capsys, "pause", "--all", "--yes")
    assert status == 1
    assert [line.split(":")[0] for line in out.splitlines()] == ["general", "oregon"]
    assert err.startswith("alone: pause was not given, or not whole: ")
    status, out, _ = run(capsys, "pause", "--all", "--yes", "--json")
    assert (status, [order["before"] for order in json.loads(out)]) == (0, ["run", "pause", "pause"])


def test_a_program_learns_of_each_pool_what_became_of_its_order(
    aws: AwsServer, capsys: pytest.CaptureFixture[str]
) -> None:
    deny_next(aws, "PutItem")
    status, out, err = run(capsys, "drain", "--all", "--yes", "--json")
    alone, general, oregon = json.loads(out)
    assert (status, err) == (1, "")
    assert (alone["pool"], alone["order"], "not allowed" in alone["error"]) == ("alone", "drain", True)
    assert (general["before"], oregon["before"]) == ("run", "run")


def watched(*answers: list[Row] | NoSightError) -> str:
    """What stands on the screen when somebody ends a watch that read these, one after the other."""
    left: Iterator[list[Row] | NoSightError] = iter(answers)
    out = io.StringIO()

    def rows() -> list[Row]:
        answer = next(left)
        if isinstance(answer, NoSightError):
            raise answer
        return answer

    looks = iter(range(len(answers) - 1))

    def sleep(_seconds: float) -> None:
        if next(looks, None) is None:
            raise KeyboardInterrupt

    assert watch("runners", rows, Console(file=out, width=100), sleep) == 0
    return out.getvalue()


def a_row(task: str) -> Row:
    row = dict.fromkeys(("state", "profile", "instance", "job"), "x")
    return {**row, "task": task, "seconds": 1.0}


def test_a_watch_outlives_a_hiccup_and_says_since_when_it_could_not_look() -> None:
    shown = watched([a_row("before")], NoSightError("throttled [for a while]"))
    assert "before" in shown
    assert re.search(r"not read since \d\d:\d\d:\d\d UTC: throttled \[for a while\]", shown)
    healed = watched([a_row("before")], NoSightError("throttled"), [a_row("after")])
    assert "after" in healed
    assert "not read" not in healed


def test_a_watch_that_never_could_look_is_refused() -> None:
    with pytest.raises(NoSightError):
        watched(NoSightError("no table"))


def test_a_deployment_whose_pools_are_in_one_region_is_looked_for_there(
    aws: AwsServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_REGION")
    text = CONFIGURATION.read_text("utf-8").replace("us-west-2", REGION)
    (one_region := tmp_path / "slipway.yaml").write_text(text, "utf-8")
    for arguments in (["status"], ["jobs"], ["pause", "general", "--yes"], ["explain", "1"]):
        main([*arguments, "--json", "--config", str(one_region)])
        out, err = capsys.readouterr()
        assert (json.loads(out) is not None, err) == (True, "")


def test_a_table_that_is_not_there_lets_the_region_be_doubted(
    aws: AwsServer, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.twin.faults.next_error(
        "dynamodb", "Query", "ResourceNotFoundException", message="Requested resource not found."
    )
    status, _, err = run(capsys, "status")
    assert status == 1
    assert "Is it deployed, and in this region? --region names the home region" in err
    assert ".." not in err
