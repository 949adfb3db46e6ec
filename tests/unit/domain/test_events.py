"""Messages of the ``events`` queue: AWS's own events, ticks and wake-ups."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slipway.domain.configuration import Bounds
from slipway.domain.errors import MalformedError
from slipway.domain.events import (
    Event,
    Foreign,
    InstanceChange,
    InstanceLoss,
    InstanceStop,
    TaskChange,
    Tick,
    Wake,
    read_event,
)
from slipway.domain.instances import Instance, InstanceState
from slipway.domain.matching import Shape
from slipway.domain.resources import Resources
from tests.builders import SHAPE, SIZE, a_configuration, a_pool, a_profile

CONFIGURATION = a_configuration(
    [a_profile(bounds=Bounds(SIZE, SIZE + SIZE)), a_profile(name="other", pool="elsewhere")],
    [a_pool(), a_pool(name="elsewhere", cluster="slipway-elsewhere")],
)
ARN = "arn:aws:ecs:eu-west-1:111122223333"
TASK_ID = "0123456789abcdef0123456789abcdef"
HOST = f"{ARN}:container-instance/slipway-general/4a5b6c7d8e9f4a5b6c7d8e9f4a5b6c7d"
AT = datetime.fromisoformat("2026-03-02T10:00:30+00:00").timestamp()


def an_event(detail_type: str, detail: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "8f07966c-b005-4a0f-9ee9-63d2c41448b3",
        "detail-type": detail_type,
        "source": "aws.ecs" if detail_type.startswith("ECS") else "aws.ec2",
        "account": "111122223333",
        "time": "2026-03-02T10:00:30Z",
        "region": "eu-west-1",
        "resources": [],
        "detail": detail,
    }


def a_task_event(**changes: Any) -> dict[str, Any]:
    detail = {
        "clusterArn": f"{ARN}:cluster/slipway-general",
        "containerInstanceArn": HOST,
        "createdAt": "2026-03-02T10:00:20.5Z",
        "cpu": "2048",
        "memory": "7168",
        "desiredStatus": "RUNNING",
        "lastStatus": "RUNNING",
        "group": "family:slipway-medium",
        "launchType": "EC2",
        "overrides": {"containerOverrides": [{"name": "runner"}]},
        "startedBy": "slipway/general/intent-1",
        "taskArn": f"{ARN}:task/slipway-general/{TASK_ID}",
        "taskDefinitionArn": f"{ARN}:task-definition/slipway-medium:7",
        "version": 3,
    }
    return an_event("ECS Task State Change", {**detail, **changes})


def a_host_event(**changes: Any) -> dict[str, Any]:
    resources = [
        {"name": "CPU", "type": "INTEGER", "integerValue": 8192},
        {"name": "MEMORY", "type": "INTEGER", "integerValue": 28672},
        {"name": "PORTS", "type": "STRINGSET", "stringSetValue": ["22", "2376"]},
    ]
    detail = {
        "agentConnected": True,
        "attributes": [
            {"name": "com.amazonaws.ecs.capability.ecr-auth"},
            {"name": "ecs.instance-type", "value": "m7i.2xlarge"},
        ],
        "clusterArn": f"{ARN}:cluster/slipway-general",
        "containerInstanceArn": HOST,
        "ec2InstanceId": "i-0abc",
        "registeredResources": resources,
        "remainingResources": resources,
        "status": "ACTIVE",
        "version": 14,
    }
    return an_event("ECS Container Instance State Change", {**detail, **changes})


SPOT_WARNING = an_event(
    "EC2 Spot Instance Interruption Warning", {"instance-id": "i-0abc", "instance-action": "terminate"}
)


def a_state_event(state: str) -> dict[str, Any]:
    return an_event("EC2 Instance State-change Notification", {"instance-id": "i-0abc", "state": state})


def read(body: Any) -> Event:
    return read_event(json.dumps(body), CONFIGURATION)


def host(body: Any) -> Instance:
    event = read(body)
    assert isinstance(event, InstanceChange)
    return event.instance


def test_a_running_task_of_ours_is_read() -> None:
    assert read(a_task_event()) == TaskChange(
        pool="general",
        task_id=TASK_ID,
        shape=SHAPE,
        intent="intent-1",
        status="RUNNING",
        instance_arn=HOST,
        created_at=AT - 9.5,
        at=AT,
        why="",
    )


def test_a_stopped_task_says_why() -> None:
    stopped = {"lastStatus": "STOPPED", "stoppedReason": "Essential container in task exited"}
    event = read(a_task_event(**stopped, stopCode="EssentialContainerExited"))
    assert isinstance(event, TaskChange)
    assert (event.status, event.why) == (
        "STOPPED",
        "EssentialContainerExited; Essential container in task exited",
    )
    event = read(a_task_event(stopCode="EssentialContainerExited", containers=[{"exitCode": 14}]))
    assert isinstance(event, TaskChange)
    assert event.why == "EssentialContainerExited; exit code 14"
    event = read(a_task_event(**stopped))
    assert isinstance(event, TaskChange)
    assert event.why == "Essential container in task exited"


def test_a_task_of_another_size_says_so_in_its_overrides() -> None:
    event = read(a_task_event(overrides={"cpu": "4096", "memory": "14336", "containerOverrides": []}))
    assert isinstance(event, TaskChange)
    assert event.shape == Shape("medium", Resources(4096, 14336))


def test_a_task_stays_ours_when_its_profile_is_gone() -> None:
    arn = "arn:aws:ecs:eu-west-1:111122223333:task-definition/slipway-removed:3"
    event = read(a_task_event(taskDefinitionArn=arn))
    assert isinstance(event, TaskChange)
    assert event.shape == Shape("removed", SHAPE.size)


def test_a_task_that_was_never_placed_has_no_instance() -> None:
    body = a_task_event(lastStatus="STOPPED")
    del body["detail"]["containerInstanceArn"]
    event = read(body)
    assert isinstance(event, TaskChange)
    assert event.instance_arn is None


@pytest.mark.parametrize(
    "changes",
    [
        {"clusterArn": f"{ARN}:cluster/payments"},
        {"startedBy": "ecs-svc/1234"},
        {"startedBy": "slipway/elsewhere/intent-1"},
        {"startedBy": "slipway/general"},
        {"startedBy": None},
        {"taskDefinitionArn": f"{ARN}:task-definition/payments:1"},
        {"taskDefinitionArn": f"{ARN}:task-definition/beta-medium:1"},
    ],
    ids=[
        "another cluster",
        "a service's",
        "another pool's",
        "no intent",
        "started by nobody",
        "another family",
        "another deployment's",
    ],
)
def test_a_task_that_is_not_ours_is_foreign(changes: dict[str, Any]) -> None:
    assert isinstance(read(a_task_event(**changes)), Foreign)


def test_a_task_that_somebody_started_by_hand_is_foreign() -> None:
    body = a_task_event()
    del body["detail"]["startedBy"]
    assert read(body) == Foreign("task")


def test_a_connected_active_instance_is_ready() -> None:
    assert host(a_host_event()) == Instance(
        instance_id="i-0abc",
        pool="general",
        state=InstanceState.READY,
        registered=Resources(8192, 28672),
        launched_at=AT,
        instance_type="m7i.2xlarge",
        arn=HOST,
        connected=True,
        version=14,
        ready_at=AT,
    )


def test_an_instance_whose_agent_is_not_connected_yet_is_not_usable() -> None:
    """[ECS-AGENT-REGISTERS-FIRST]"""
    instance = host(a_host_event(agentConnected=False))
    assert (instance.is_usable, instance.ready_at) == (False, None)


@pytest.mark.parametrize(
    ("status", "state"),
    [("DRAINING", InstanceState.DRAINING), ("REGISTERING", InstanceState.LAUNCHING)],
)
def test_an_instance_that_drains_or_registers_takes_no_task(status: str, state: InstanceState) -> None:
    instance = host(a_host_event(status=status))
    assert (instance.state, instance.is_usable) == (state, False)
    assert instance.draining_at == (AT if state is InstanceState.DRAINING else None)


def test_an_instance_that_ecs_dropped_is_gone() -> None:
    assert read(a_host_event(status="INACTIVE")) == InstanceLoss("i-0abc", AT, is_gone=True)


def test_an_instance_of_another_cluster_is_foreign() -> None:
    assert read(a_host_event(clusterArn=f"{ARN}:cluster/payments")) == Foreign("cluster")


@pytest.mark.parametrize(
    "kind", ["EC2 Spot Instance Interruption Warning", "EC2 Instance Rebalance Recommendation"]
)
def test_what_ec2_says_of_an_instance_that_it_takes_away_announces_a_loss(kind: str) -> None:
    """[EC2-SPOT-NOTICE] [EC2-REBALANCE]"""
    assert read({**SPOT_WARNING, "detail-type": kind}) == InstanceLoss("i-0abc", AT, is_gone=False)


def test_a_host_tells_its_gpus() -> None:
    """[ECS-GPU]"""
    resources = [
        {"name": "CPU", "integerValue": 4096},
        {"name": "MEMORY", "integerValue": 15000},
        {"name": "GPU", "type": "STRINGSET", "stringSetValue": ["GPU-a", "GPU-b"]},
    ]
    assert host(a_host_event(registeredResources=resources)).registered == Resources(4096, 15000, 2)


@pytest.mark.parametrize(
    ("state", "event"),
    [
        ("shutting-down", InstanceLoss("i-0abc", AT, is_gone=False)),
        ("terminated", InstanceLoss("i-0abc", AT, is_gone=True)),
        ("pending", Foreign("instance state")),
        ("running", Foreign("instance state")),
        ("stopping", Foreign("instance state")),
        ("stopped", InstanceStop("i-0abc", AT)),
    ],
)
def test_an_instance_that_ends_is_a_loss(state: str, event: Event) -> None:
    assert read(a_state_event(state)) == event


@pytest.mark.parametrize(
    ("body", "event"),
    [
        ({"slipway": "tick"}, Tick()),
        ({"slipway": "wake", "pool": "general"}, Wake("general")),
        ({"slipway": "wake", "pool": "general", "attempt": 3}, Wake("general", 3)),
        ({"slipway": "wake", "pool": "removed"}, Foreign("unknown wake-up")),
        ({"slipway": "dance"}, Foreign("unknown wake-up")),
        ({"detail-type": "AWS API Call via CloudTrail"}, Foreign("detail-type")),
        ({}, Foreign("detail-type")),
    ],
    ids=["tick", "wake-up", "retry", "no such pool", "no such word", "another event", "nothing"],
)
def test_our_own_messages_are_read_and_the_rest_is_foreign(body: Any, event: Event) -> None:
    assert read(body) == event


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not JSON",
        "[]",
        "null",
        '"tick"',
        "[" * 100_000,
        '{"slipway": "wake"}',
        '{"slipway": "wake", "pool": []}',
        '{"slipway": "wake", "pool": "general", "attempt": 1e999}',
        '{"slipway": "wake", "pool": "general", "attempt": Infinity}',
        '{"slipway": "wake", "pool": "general", "attempt": -1}',
        '{"slipway": "wake", "pool": "general", "attempt": null}',
        '{"slipway": "tick", "slipway": "wake"}',
        '{"detail-type": "ECS Task State Change"}',
        json.dumps({**a_task_event(), "detail": []}),
        json.dumps({**a_task_event(), "time": "yesterday"}),
        json.dumps({**a_task_event(), "time": "0001-01-01T00:00:00"}),
        json.dumps({**a_task_event(), "time": 5}),
        json.dumps(a_task_event(lastStatus=5)),
        json.dumps(a_task_event(taskArn=None)),
        json.dumps(a_task_event(createdAt=None)),
        json.dumps(a_task_event(containerInstanceArn={})),
        json.dumps(a_task_event(overrides={"cpu": "much"})),
        json.dumps(a_task_event(overrides=[1])),
        json.dumps(a_host_event(status=None)).replace('"status": null', '"status": {}'),
        json.dumps(a_host_event(registeredResources=[])),
        json.dumps(a_host_event(registeredResources=[{"name": "CPU", "integerValue": "8192"}] * 2)),
        json.dumps(a_host_event(ec2InstanceId=7)),
        json.dumps(a_host_event(version="x")),
        json.dumps({**SPOT_WARNING, "detail": {"instance-action": "terminate"}}),
        json.dumps({**SPOT_WARNING, "detail": {"instance-id": ["i-0abc"]}}),
        json.dumps(a_state_event("terminated")).replace('"i-0abc"', "null"),
    ],
    ids=lambda text: text[-60:],
)
def test_what_is_garbled_is_malformed(text: str) -> None:
    with pytest.raises(MalformedError):
        read_event(text, CONFIGURATION)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
REAL = [a_task_event(), a_host_event(), SPOT_WARNING, a_state_event("terminated"), {"slipway": "wake"}]
relaxed = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path to every value in a JSON document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield (*path, key)
        yield from places(item, (*path, key))


@st.composite
def damaged_events(draw: st.DrawFn) -> Any:
    """Return an event of AWS or of ours in which one value is any JSON, or absent."""
    body = copy.deepcopy(draw(st.sampled_from(REAL)))
    *path, last = draw(st.sampled_from(list(places(body))))
    holder: Any = body
    for key in path:
        holder = holder[key]
    if draw(st.booleans()):
        holder[last] = draw(ANY_JSON)
    else:
        del holder[last]
    return body


def read_or_refuse(text: str) -> Event | None:
    try:
        return read_event(text, CONFIGURATION)
    except MalformedError:
        return None


@relaxed
@given(ANY_JSON)
def test_any_json_is_an_event_or_malformed(body: Any) -> None:
    read_or_refuse(json.dumps(body))


@relaxed
@given(st.text())
def test_any_text_is_an_event_or_malformed(text: str) -> None:
    read_or_refuse(text)


@relaxed
@given(damaged_events())
def test_a_damaged_event_is_read_soundly_or_malformed(body: Any) -> None:
    event = read_or_refuse(json.dumps(body))
    if isinstance(event, TaskChange):
        assert isinstance(event.status, str)
        assert event.instance_arn is None or isinstance(event.instance_arn, str)
    if isinstance(event, InstanceChange):
        facts = event.instance
        assert all(isinstance(item, str) for item in (facts.instance_id, facts.arn, facts.instance_type))
        assert isinstance(facts.registered.cpu_units, int)
        assert isinstance(facts.registered.memory_mib, int)
    if isinstance(event, InstanceLoss):
        assert isinstance(event.instance_id, str)
