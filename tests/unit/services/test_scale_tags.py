"""Cost tags at the end of an invocation: while there is time, each on its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from slipway.domain.milestones import JobFacts, JobStarted
from slipway.domain.runners import runner_name
from slipway.services.scale import Batch, Scale
from tests.builders import POOL, a_task_id, an_arn


class Tags:
    """A cluster that notes which tasks are tagged, and refuses the first."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def tag(self, task_id: str, _instance_arn: str, _tags: Mapping[str, str]) -> None:
        self.asked.append(task_id)
        if len(self.asked) == 1:
            raise RuntimeError("refused")


def a_started(number: int) -> JobStarted:
    name = runner_name("slipway", "medium", a_task_id(number))
    facts = JobFacts(f"acme/{number}-1", 1, "acme", "acme/one", "ci", "build", "medium", POOL, name)
    return JobStarted(facts, 1.0, instance_arn=an_arn("i-1"))


def a_batch(cluster: Tags) -> Batch:
    unused = cast("Any", None)
    scale = Scale(unused, unused, unused, "jobs", unused, {POOL: cast("Any", cluster)}, tags_tasks=True)
    return Batch(scale, started=[a_started(number) for number in (1, 2, 3)])


def test_a_refused_tag_keeps_no_other_task_without() -> None:
    cluster = Tags()
    assert [str(fault) for fault in a_batch(cluster).tag(lambda: True)] == ["refused"]
    assert cluster.asked == [a_task_id(number) for number in (1, 2, 3)]


def test_tags_end_where_the_invocation_has_no_time_left() -> None:
    cluster, left = Tags(), iter([True, True, False])
    a_batch(cluster).tag(lambda: next(left))
    assert cluster.asked == [a_task_id(1), a_task_id(2)]
