"""The demo's stopwatch: a call is matched with what its own convergence saw for the first time."""

from __future__ import annotations

import json
from typing import Any

from local.demo.own_time import OwnTime
from local.twin.aws.service import Call
from local.twin.github.deliveries import Delivery, Hook

POOL = "POOL#general"


def a_watch() -> OwnTime:
    """Return a stopwatch that saw the webhook of job 1 and the event of a usable instance."""
    watch = OwnTime()
    body = json.dumps({"workflow_job": {"id": 1}}).encode()
    hook = Hook(1, "business", 1, "https://hook.example", "")
    watch.webhook(Delivery(1, "guid", hook, "workflow_job", "queued", 1, 1, {}, body))
    watch.event({"detail": {"agentConnected": True, "status": "ACTIVE", "ec2InstanceId": "i-1"}})
    return watch


def wrote_the_job(watch: OwnTime) -> None:
    item = {"pk": {"S": POOL}, "sk": {"S": "JOB#acme/1-1"}}
    call(watch, "dynamodb", "TransactWriteItems", TransactItems=[{"Put": {"Item": item}}])


def wrote_the_instance(watch: OwnTime) -> None:
    key, connected = {"pk": {"S": POOL}, "sk": {"S": "INSTANCE#i-1"}}, {":set_connected": {"BOOL": True}}
    call(
        watch,
        "dynamodb",
        "UpdateItem",
        Key=key,
        ExpressionAttributeValues=connected,
        UpdateExpression="SET connected",
    )


def read(watch: OwnTime) -> None:
    call(watch, "dynamodb", "Query", ExpressionAttributeValues={":pk": {"S": POOL}})


def let_go(watch: OwnTime) -> None:
    key = {"pk": {"S": POOL}, "sk": {"S": "ROW"}}
    call(watch, "dynamodb", "UpdateItem", Key=key, UpdateExpression="REMOVE holder")


def launched(watch: OwnTime) -> None:
    template = {"LaunchTemplateSpecification": {"LaunchTemplateName": "slipway-general"}}
    call(watch, "ec2", "CreateFleet", LaunchTemplateConfigs=[template])


def ran(watch: OwnTime) -> None:
    call(watch, "ecs", "RunTask", cluster="slipway-general")


def call(watch: OwnTime, service: str, operation: str, **parameters: Any) -> None:
    watch.call(Call(service, operation, parameters, 0.0))


def samples(watch: OwnTime) -> tuple[float, float]:
    told = watch.as_json()
    return told["queued_to_create_fleet"]["samples"], told["usable_to_run_task"]["samples"]


def test_the_calls_after_the_first_reading_of_a_job_and_an_instance_are_their_samples() -> None:
    watch = a_watch()
    wrote_the_job(watch)
    wrote_the_instance(watch)
    read(watch)
    launched(watch)
    ran(watch)
    assert samples(watch) == (1, 1)
    assert all(sample > 0 for sample in (*watch.queued_to_create_fleet, *watch.usable_to_run_task))


def test_a_second_call_of_one_convergence_counts_nothing_again() -> None:
    watch = a_watch()
    wrote_the_job(watch)
    read(watch)
    launched(watch)
    launched(watch)
    assert samples(watch) == (1, 0)


def test_what_is_written_after_the_reading_belongs_to_the_next_one() -> None:
    watch = a_watch()
    read(watch)
    wrote_the_job(watch)
    launched(watch)
    assert samples(watch) == (0, 0)
    let_go(watch)
    read(watch)
    launched(watch)
    assert samples(watch) == (1, 0)


def test_what_a_convergence_saw_and_did_not_need_is_no_sample_of_a_later_one() -> None:
    watch = a_watch()
    wrote_the_instance(watch)
    read(watch)
    let_go(watch)
    read(watch)
    ran(watch)
    assert samples(watch) == (0, 0)
