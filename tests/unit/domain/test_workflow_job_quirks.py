"""The quirks of GitHub's workflow_job events, one by one [GH-WJ-1 to GH-WJ-17].

Here is what reading, admitting and queueing owe to each; where the ledger or a convergence finishes the
work, their tests name the same quirk.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from typing import Any

import pytest

from slipway.domain.admission import admit
from slipway.domain.delivery import Ignored, read_workflow_job
from slipway.domain.jobs import JobEvent, JobState, decode_job_event, encode_job_event
from slipway.domain.labels import label_set_key
from tests.deliveries import NOW, configuration, github_examples, payload, repository

EXAMPLES = github_examples("workflow_job")


def read(value: dict[str, Any]) -> JobEvent:
    event = read_workflow_job(value, NOW, "")
    assert isinstance(event, JobEvent)
    return event


def code(value: dict[str, Any]) -> str | None:
    found: Any = read_workflow_job(value, NOW, "")
    if isinstance(found, JobEvent):
        found = admit(found, configuration(), NOW)
    return found.code if isinstance(found, Ignored) else None


def example(action: str, status: str) -> dict[str, Any]:
    return next(
        item for item in EXAMPLES if (item["action"], item["workflow_job"]["status"]) == (action, status)
    )


def test_quirk_1_events_of_github_hosted_jobs_are_dropped_by_their_labels() -> None:
    hosted = [item for item in EXAMPLES if item["workflow_job"]["labels"] == ["ubuntu-latest"]]
    assert len(hosted) >= 4
    for item in hosted:
        # The repository of the example is public; what is asked here is what the labels alone do.
        private = {**item["repository"], "private": True, "visibility": "private"}
        fresh = {**item["workflow_job"], "created_at": None, "started_at": None}
        assert code({**item, "repository": private, "workflow_job": fresh}) == "no_profile"


def test_quirk_2_queued_with_status_waiting_is_ignored_and_the_queued_that_follows_is_not() -> None:
    gate = example("queued", "waiting")
    assert "deployment" in gate
    assert code(gate) == "waiting"
    assert code(payload("queued", job={"status": "waiting"})) == "waiting"
    assert code(payload("queued")) is None


def test_quirk_3_waiting_binds_nothing_though_its_runner_is_null() -> None:
    assert code(example("waiting", "waiting")) == "waiting"
    assert code(payload("waiting")) == "waiting"
    # Even when it claims to be something else: no event comes of it.
    assert code(payload("in_progress", job={"status": "waiting"})) == "waiting"


def test_quirk_4_in_every_order_the_highest_rank_wins() -> None:
    events = [read(payload(action)) for action in ("queued", "in_progress", "completed")]
    for order in itertools.permutations(events):
        assert max(order, key=lambda event: event.action.rank).action is JobState.COMPLETED


def test_quirk_5_completed_without_queued_is_passed_on_as_skipped() -> None:
    event = read(payload("completed", job={"conclusion": "skipped", "runner_id": None, "started_at": None}))
    assert (event.conclusion, event.runner_id, event.started_at) == ("skipped", None, None)
    assert admit(event, configuration(), NOW) is None


def test_quirk_6_completed_of_a_check_run_keeps_its_own_id_and_names_no_runner() -> None:
    event = read(payload("completed", job={"id": 123456, "conclusion": "success", "runner_id": None}))
    assert event.runner_id is None
    assert event.key != read(payload("completed")).key


@pytest.mark.parametrize("runner_id", [None, 0])
def test_quirk_7_cancelled_while_queued_has_no_runner_be_it_null_or_0(runner_id: int | None) -> None:
    job: dict[str, Any] = {
        "conclusion": "cancelled",
        "runner_id": runner_id,
        "runner_name": None,
        "steps": [],
    }
    event = read(payload("completed", job=job))
    assert (event.conclusion, event.runner_id) == ("cancelled", None)
    assert admit(event, configuration(), NOW) is None


def test_quirk_8_events_carry_a_state_of_one_job_and_never_a_count() -> None:
    queued = read(payload("queued"))
    completed = [read(payload("completed", job={"id": number})) for number in (1, 2, 3)]
    rerun = read(payload("queued", job={"run_attempt": 2}))
    assert len({event.key for event in (queued, *completed, rerun)}) == 5


@pytest.mark.parametrize("example_labels", [[]], ids=["runs-on: {group: x}"])
def test_quirk_9_empty_labels_are_ignored_with_a_code_of_their_own(example_labels: list[str]) -> None:
    assert code(payload("queued", job={"labels": example_labels})) == "no_labels"


def test_quirk_10_a_runner_id_is_optional_everywhere() -> None:
    assert read(example("queued", "queued")).runner_id == 5
    assert read(payload("queued", job={"runner_id": None})).runner_id is None
    assert read(payload("completed", job={"runner_id": None})).runner_id is None
    assert read(payload("in_progress", job={"runner_id": 9})).runner_id == 9


def test_quirk_11_a_duplicate_has_the_same_key_whatever_its_delivery_id() -> None:
    from_app = read_workflow_job(payload(), NOW, "guid-of-the-app")
    from_hook = read_workflow_job(payload(), NOW + 3, "guid-of-the-hook")
    assert isinstance(from_app, JobEvent)
    assert isinstance(from_hook, JobEvent)
    assert (from_app.key, from_app.action) == (from_hook.key, from_hook.action)


def test_quirk_12_no_job_is_doubted_because_it_is_fresh() -> None:
    # GitHub's REST API lags behind the webhook, so nothing is asked of it before a job is let in.
    assert code(payload(job={"created_at": "2026-11-18T11:06:40Z"})) is None


def test_quirk_13_the_event_tells_which_runner_took_the_job_even_a_job_that_was_refused() -> None:
    stolen = payload(
        "in_progress",
        job={"runner_id": 12, "runner_name": "slipway-medium-" + "0" * 32},
        repository=repository("acme/public", private=False),
    )
    assert code(stolen) is None
    assert read(stolen).runner_name == "slipway-medium-" + "0" * 32


def test_quirk_14_a_rerun_is_another_job_and_a_job_that_was_not_rerun_repeats_its_completed() -> None:
    first = read(payload("completed"))
    assert read(payload("queued", job={"id": 9002, "run_attempt": 2})).key != first.key
    assert read(payload("queued", job={"run_attempt": 2})).key != first.key
    assert read(payload("completed")).key == first.key


def test_quirk_15_labels_match_in_any_case_and_all_of_them_must() -> None:
    chance = random.Random(15)
    labels = ["SELF-HOSTED", "Linux", "x64", "mEdIuM"]
    assert code(payload(job={"labels": labels})) is None
    assert code(payload(job={"labels": [*labels, "gpu"]})) == "no_profile"
    chance.shuffle(labels)
    assert label_set_key(labels) == label_set_key(["self-hosted", "linux", "x64", "medium"])


def test_quirk_16_a_job_held_back_by_concurrency_changes_nothing_until_it_is_queued() -> None:
    assert code(payload("pending", job={"status": "pending"})) == "unknown_action"
    assert code(payload("queued")) is None


def test_quirk_17_a_zombie_s_queued_is_too_old_after_a_day() -> None:
    event = read(payload())
    assert admit(replace(event, created_at=NOW - 86_401), configuration(), NOW) is not None
    assert admit(replace(event, created_at=NOW - 86_399), configuration(), NOW) is None


def test_old_servers_that_leave_fields_out_are_read_as_a_first_attempt() -> None:
    old = next(item for item in EXAMPLES if "run_attempt" not in item["workflow_job"])
    event = read(old)
    assert (event.run_attempt, event.created_at, event.branch, event.workflow) == (1, None, "", "")
    assert decode_job_event(encode_job_event(event)) == event
