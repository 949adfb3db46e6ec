"""``slipway status``, ``jobs``, ``runners``, ``instances``, ``explain`` on a saved ledger, and what they say of bad input."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.memory_ledger import MemoryStore, MemoryTable, memory_ledger
from local.operating.faults import NoSightError
from local.operating.saved_ledger import save_ledger
from local.operating.sight import told_what_is_needed
from local.operator_account import home_session
from local.slipway_cli.main import main
from local.words import phrase
from slipway.adapters.ledger.environments import DynamoEnvironmentNotes
from slipway.domain.environments import reasons as environment_reasons
from slipway.domain.environments.found import Note
from slipway.domain.environments.names import EnvironmentKey
from slipway.domain.errors import UnavailableError
from slipway.domain.instances import InstanceState
from slipway.domain.reasons import Why
from slipway.domain.resources import Resources
from slipway.domain.snapshot import Control
from tests.builders import NOW, POOL, a_booting_instance, a_configuration, a_runner, an_arn
from tests.contract.ledger_cases import ROUTE, an_event

ROOT = Path(__file__).parents[3]
CONFIGURATION = ROOT / "infra/terraform/examples/complete/slipway.yaml"
HOSTILE = "acme/\x1b[31m[bold]red"


def test_what_an_order_needs_is_told_with_what_reading_needs() -> None:
    for is_order in (False, True):
        with pytest.raises(NoSightError) as said, told_what_is_needed(a_configuration(), is_order=is_order):
            raise UnavailableError("refused")
        assert "dynamodb:Query" in str(said.value)
        assert ("dynamodb:UpdateItem" in str(said.value)) is is_order


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A pool with a job that waits, one that runs, and the instance under it."""
    store = MemoryStore()
    ledger = memory_ledger(store)
    ledger.jobs.record(an_event(number=1), ROUTE)
    ledger.jobs.record(an_event(number=2, repository=HOSTILE), ROUTE)
    instance = replace(
        a_booting_instance(), state=InstanceState.READY, connected=True, ready_at=NOW - 60, arn=an_arn("i-1"),
        registered=Resources(16_384, 62_000),
    )  # fmt: skip
    ledger.instances.add([instance])
    ledger.runners.add([replace(a_runner(), instance_arn=an_arn("i-1"), running_at=NOW - 30)])
    ledger.notes.order(POOL, Control.PAUSE)
    path = tmp_path / "ledger.jsonl"
    save_ledger(path, store.items(), NOW)
    return path


def told(capsys: pytest.CaptureFixture[str], saved: Path, *arguments: str) -> tuple[int, str, str]:
    status = main([*arguments, "--config", str(CONFIGURATION), "--ledger", str(saved)])
    out, err = capsys.readouterr()
    return status, out, err


def as_json(capsys: pytest.CaptureFixture[str], saved: Path, *arguments: str) -> Any:
    status, out, err = told(capsys, saved, *arguments, "--json")
    assert (status, err) == (0, "")
    return json.loads(out)


def test_status_counts_jobs_by_reason_runners_and_instances_and_tells_the_order(
    saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [pool] = as_json(capsys, saved, "status", "--pool", POOL)
    assert (pool["pool"], pool["order"], pool["waiting"]) == (POOL, "pause", 2)
    assert pool["reasons"] == {"paused": 1, "task_starting": 1}
    assert (pool["runners"], pool["instances"]) == ({"starting": 1}, {"ready": 1})
    assert pool["longest_wait_seconds"] == 5.0
    assert pool["troubles"] == ["an operator ordered: pause"]


def test_status_says_in_a_few_words_what_a_reason_means_and_once_where_more_stands(
    saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = told(capsys, saved, "status")
    assert "1  paused: an operator paused the pool" in out
    assert out.count("docs/reasons.md") == 1


@pytest.mark.parametrize("why", list(Why))
def test_every_reason_has_a_phrase_that_fits_beside_its_code(why: Why) -> None:
    assert 0 < len(f"{why.value}: {phrase(why.value)}") < 60 - len("    12345  ")


def test_each_waiting_job_has_the_plan_s_reason_in_words(
    saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = as_json(capsys, saved, "jobs")
    assert (first["job"], first["reason"], first["why"]) == (
        "acme/1-1", "paused", "an operator paused the pool",
    )  # fmt: skip
    assert (second["reason"], second["state"]) == ("task_starting", "queued")


def test_runners_and_instances_are_listed_with_what_they_hold(
    saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [runner] = as_json(capsys, saved, "runners")
    assert (runner["state"], runner["instance"]) == ("starting", "i-1")
    [instance] = as_json(capsys, saved, "instances")
    assert (instance["state"], instance["tasks"]) == ("ready", 1)
    share = (2_048 / 16_384 + 7_168 / 62_000) / 2
    assert instance["fill"] == round(share, 3)


@pytest.mark.parametrize("kind", ["status", "jobs", "runners", "instances"])
def test_a_terminal_of_sixty_columns_is_enough(
    kind: str, saved: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    status, out, _ = told(capsys, saved, kind)
    assert status == 0
    assert out.strip()
    assert max(len(line) for line in out.splitlines()) <= 60


def test_in_eighty_columns_a_job_s_key_is_whole_beside_its_reason(
    saved: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = told(capsys, saved, "jobs")
    assert out.splitlines()[0].split() == ["job", "for", "why"]
    assert any(
        line.startswith("acme/1-1 ") and "an operator paused the pool" in line for line in out.splitlines()
    )


def test_hostile_names_are_shown_as_text(
    saved: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    _, out, _ = told(capsys, saved, "jobs")
    assert "\x1b[31m" not in out
    assert "[bold]" in out


def test_explain_tells_a_waiting_job_s_story(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = as_json(capsys, saved, "explain", "https://github.com/acme/one/actions/runs/101/job/1?pr=3")
    [story] = found["tries"]
    assert (found["job_id"], story["state"]) == (1, "waiting")
    assert story["answer"] == "it has waited 5 s: an operator paused the pool"
    assert [one["code"] for one in story["story"]] == ["queued", "heard", "paused"]
    _, out, _ = told(capsys, saved, "explain", "1")
    assert "an operator paused the pool" in out


def test_the_story_of_more_than_one_day_tells_the_days(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = MemoryStore()
    memory_ledger(store).jobs.record(an_event(created_at=NOW - 90_000), ROUTE)
    save_ledger(tmp_path / "ledger.jsonl", store.items(), NOW)
    _, out, _ = told(capsys, tmp_path / "ledger.jsonl", "explain", "1")
    assert "2027-01-14 07:00:00" in out
    assert "2027-01-15 08:00:00" in out


def test_explain_finds_a_refused_job_in_the_webhook_s_log(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = {
        "level": "INFO", "message": "no profile has all of these labels", "timestamp": "2027-01-15 08:00:00,000+0000",
        "status": 200, "reason": "no_profile", "job_id": 77, "action": "queued", "repository": "acme/one",
        "labels": ["self-hosted", "linux", "gpu"],
    }  # fmt: skip
    (tmp_path / "webhook.log").write_text(f"START of something\n{json.dumps(line)}\n", "utf-8")
    found = as_json(capsys, saved, "explain", "77", "--logs", str(tmp_path))
    [story] = found["tries"]
    assert story["state"] == "refused"
    assert "its labels are self-hosted, linux, gpu; the nearest profile is" in story["answer"]


def test_explain_of_an_unknown_job_exits_with_1_and_says_where_else_to_look(
    saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = told(capsys, saved, "explain", "99")
    assert status == 1
    assert "nothing is known of job 99" in out
    assert "--logs" in out


@pytest.mark.parametrize(
    "job", ["", "-1", "abc", "1.5", "https://github.com/acme/one/actions/runs/101", "1" * 19]
)
def test_what_is_no_job_id_is_refused(job: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["explain", f"{job}"] if not job.startswith("-") else ["explain", "--", job])
    assert stop.value.code == 2
    assert "neither a job's id nor its address" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1"),
        ('{"version": 9, "at": 1}\n', "version 9"),
        ('{"version": 1, "at": 1}\n{"pk": "a"}\n', "line 2"),
        ('{"version": 1, "at": 1}\nnonsense\n', "line 2"),
    ],
)
def test_a_broken_saved_ledger_is_named_with_its_line(
    text: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text(text, "utf-8")
    status, _, err = told(capsys, broken, "status")
    assert status == 1
    assert says in err


@pytest.mark.parametrize(
    "arguments", [["status"], ["explain", "1"], ["live"], ["pause", POOL, "--yes"], ["report"]], ids=str
)
def test_without_credentials_that_is_said_and_how_to_get_them(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--region", "eu-west-1", "--config", str(CONFIGURATION)]) == 1
    err = capsys.readouterr().err
    assert "there are no AWS credentials. Log in (aws sso login, or a profile in AWS_PROFILE)" in err
    assert "dynamodb:" not in err


def test_without_a_region_where_pools_are_in_several_it_is_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["status", "--config", str(CONFIGURATION)]) == 1
    err = capsys.readouterr().err
    assert "--region is needed: pools are in ap-northeast-1 and us-west-2" in err
    assert ".." not in err


def test_without_a_connection_the_region_is_doubted_and_no_permission(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOPERATOROPERATOR")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of an operator")
    assert main(["status", "--region", "eu-west-1", "--config", str(CONFIGURATION)]) == 1
    err = capsys.readouterr().err
    assert "no connection: Could not connect to the endpoint URL" in err
    assert "the region is one of AWS's" in err
    assert "dynamodb:" not in err


@pytest.mark.parametrize(
    ("asked", "variables", "expected"),
    [
        ("eu-north-1", {"AWS_REGION": "eu-west-1"}, "eu-north-1"),
        (None, {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1"}, "eu-west-1"),
        (None, {"AWS_REGION": "", "AWS_DEFAULT_REGION": "us-east-1"}, "us-east-1"),
        (None, {}, "ap-south-1"),
    ],
)
def test_the_home_region_is_that_of_the_option_of_the_environment_or_the_only_one_of_pools(
    asked: str | None, variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert home_session(asked, ["ap-south-1", "ap-south-1"]).region_name == expected


def test_an_unknown_pool_is_answered_with_the_nearest(
    saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = told(capsys, saved, "status", "--pool", "genral")
    assert status == 1
    assert "the nearest is general" in err


def test_a_missing_configuration_says_which_option_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--config", str(tmp_path / "none.yaml")]) == 1
    assert "--config" in capsys.readouterr().err


class Terminal(io.StringIO):
    """A standard input with somebody before it."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("ends", [EOFError, KeyboardInterrupt])
def test_who_leaves_instead_of_answering_has_changed_nothing(
    ends: type[BaseException], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def leaves(_question: str) -> str:
        raise ends

    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("builtins.input", leaves)
    assert main(["pause", POOL, "--config", str(CONFIGURATION)]) == 1
    assert "nothing was changed" in capsys.readouterr().err


def test_watching_is_not_for_programs(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        told(capsys, saved, "status", "--watch", "--json")
    assert stop.value.code == 2
    assert "--watch is for people" in capsys.readouterr().err


ENVIRONMENTS = ROOT / "docs/examples/environments.yaml"


def with_notes(tmp_path: Path, *notes: Note) -> Path:
    store = MemoryStore()
    DynamoEnvironmentNotes(MemoryTable(store)).keep(notes)
    path = tmp_path / "notes.jsonl"
    save_ledger(path, store.items(), NOW)
    return path


def explained(
    capsys: pytest.CaptureFixture[str], asked: str, ledger: Path, *more: str
) -> tuple[int, str, str]:
    status = main(["explain", asked, "--config", str(ENVIRONMENTS), "--ledger", str(ledger), *more])
    out, err = capsys.readouterr()
    return status, out, err


@pytest.mark.parametrize("why", list(environment_reasons.Why))
def test_a_pull_request_s_environment_is_explained_whatever_its_reason(
    why: environment_reasons.Why, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    note = Note(EnvironmentKey("acme/web", 123), "0123456789abcdef", NOW, why)
    status, out, _ = explained(capsys, "Acme/Web#123", with_notes(tmp_path, note), "--json")
    told = json.loads(out)
    assert (status, told["state"], told["pull_request"]) == (0, why.value, "acme/web#123")
    assert told["answer"]
    assert "{" not in told["answer"]
    _, out, _ = explained(capsys, "acme/web#123", with_notes(tmp_path, note))
    assert told["answer"] in out


def test_of_a_pull_request_that_nobody_asked_for_it_is_said_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = explained(capsys, "acme/web#7", with_notes(tmp_path))
    assert status == 1
    assert "no label 'preview'" in out


def test_without_the_section_no_pull_request_is_explained(
    saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = told(capsys, saved, "explain", "acme/web#7")
    assert status == 1
    assert "has no section environments" in err
