"""Jobs that were running when EC2 took their instance away: which those are, and when to look at them again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from slipway.domain.events import TaskChange, read_event
from slipway.domain.interruptions import (
    LOOK_AT_LEAST_EVERY_SECONDS,
    LOOK_SECONDS,
    interruption_of,
    next_look,
)
from slipway.domain.jobs import LONGEST_WAIT_SECONDS, JobKey
from slipway.domain.runners import RunnerState
from tests.builders import a_configuration, a_runner, a_task_id

ARN = "arn:aws:ecs:eu-west-1:111122223333"


def stopped(**told: Any) -> TaskChange:
    """The event of a task that stopped, with what ECS tells of it."""
    detail = {
        "clusterArn": f"{ARN}:cluster/slipway-general",
        "cpu": "2048",
        "memory": "7168",
        "lastStatus": "STOPPED",
        "startedBy": "slipway/general/intent-1",
        "taskArn": f"{ARN}:task/slipway-general/{a_task_id(1)}",
        "taskDefinitionArn": f"{ARN}:task-definition/slipway-medium:7",
        **told,
    }
    body = {"detail-type": "ECS Task State Change", "time": "2026-03-02T10:00:30Z", "detail": detail}
    event = read_event(json.dumps(body), a_configuration())
    assert isinstance(event, TaskChange)
    return event


@pytest.mark.parametrize(
    ("told", "lost_host"),
    [
        ({"stoppedReason": "Host EC2 (instance i-0abc) terminated."}, True),
        ({"stoppedReason": "Host EC2 (instance i-0abc) stopped."}, True),
        ({"stopCode": "SpotInterruption", "stoppedReason": "words that AWS may change"}, True),
        ({"stopCode": "TerminationNotice"}, True),
        (
            {"stopCode": "EssentialContainerExited", "stoppedReason": "Essential container in task exited"},
            False,
        ),
        ({"stopCode": "UserInitiated", "stoppedReason": "slipway: past its job timeout"}, False),
        ({"stopCode": "UserInitiated", "stoppedReason": "the Host EC2 (instance i-0abc) terminated."}, False),
        ({"stoppedReason": None}, False),
        ({}, False),
    ],
)
def test_a_task_that_ended_with_its_host_is_told_from_others(told: dict[str, Any], lost_host: bool) -> None:
    """[ECS-HOST-LOST]"""
    assert stopped(**told).lost_host is lost_host


def test_only_a_runner_that_took_a_job_was_interrupted() -> None:
    job = JobKey("alpha", 1, 1)
    busy = a_runner(1, RunnerState.BUSY, job=job, run_id=77, repository="alpha/web")
    found = interruption_of(busy, 100.0)
    assert found is not None
    assert (found.job, found.run_id, found.task_id, found.due_at) == (
        job,
        77,
        busy.task_id,
        100.0 + LOOK_SECONDS,
    )
    registered = a_runner(
        1, RunnerState.REGISTERED, job=job, repository="alpha/web"
    )  # for it, but not yet with it
    assert interruption_of(registered, 100.0) is None
    assert interruption_of(a_runner(1), 100.0) is None


def test_looks_grow_rarer_and_never_stop_before_the_end() -> None:
    busy = a_runner(1, RunnerState.BUSY, job=JobKey("alpha", 1, 1), run_id=77, repository="alpha/web")
    lost = interruption_of(busy, 0.0)
    assert lost is not None
    now, looks = 0.0, []
    while now < LONGEST_WAIT_SECONDS:
        later = next_look(lost, now)
        looks.append(later - now)
        now = later
    assert looks == sorted(looks)
    assert (looks[0], looks[-1]) == (LOOK_SECONDS, LOOK_AT_LEAST_EVERY_SECONDS)
    assert len(looks) <= 80
