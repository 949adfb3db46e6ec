"""Every fault of a snapshot file at once, at its place, with the nearest valid word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.snapshot_files import (
    SUBNET,
    a_file,
    a_host,
    a_moment,
    a_queued_job,
    a_task,
    faults_of,
)


def an_intent(kind: str, **changes: Any) -> dict[str, Any]:
    return {"kind": kind, "token": "t-1", **changes}


ONE_FAULT: dict[str, tuple[dict[str, Any], str, str, str | None]] = {
    "unknown key": (a_file(job=[]), "job", "unknown key", "jobs"),
    "unknown key of a job": (
        a_file(jobs=[a_queued_job(queued="x")]),
        "jobs[0].queued",
        "unknown key",
        "queued_at",
    ),
    "unknown key with a reserved word near it": (
        a_file(instances=[a_host(fo={"medium": 1})]),
        "instances[0].fo",
        "unknown key",
        "for",
    ),
    "unknown pool": (a_file(pool="generel"), "pool", "no pool is called 'generel'", "general"),
    "unknown control": (a_file(control="paus"), "control", "run, pause, drain", "pause"),
    "unknown instance type": (
        a_file(instances=[a_host(type="m7i.4xlage")]),
        "instances[0].type",
        "neither in the pool nor in the catalogue",
        "m7i.4xlarge",
    ),
    "unknown state": (a_file(instances=[a_host(state="redy")]), "instances[0].state", "is not one of", "ready"),
    "unknown profile of a runner": (
        a_file(runners=[a_task(profile="mediun")]),
        "runners[0].profile",
        "no profile is called 'mediun'",
        "medium",
    ),
    "unknown profile of a load": (
        a_file(instances=[{**a_host(), "for": {"smal": 2}}]),
        "instances[0].for.smal",
        "neither a profile nor",
        "small",
    ),
    "runner on an instance that is not there": (
        a_file(runners=[a_task(instance="i-one")], instances=[a_host("i-onee")]),
        "runners[0].instance",
        "no instance of this file",
        "i-onee",
    ),
    "time without an offset": (
        a_file(now="2026-07-18T10:00:00"),
        "now",
        "not a time with its offset",
        None,
    ),
    "time that is none": (
        a_file(jobs=[a_queued_job(queued_at="2026-02-30T10:00:00Z")]),
        "jobs[0].queued_at",
        "not a time with its offset",
        None,
    ),
    "epoch seconds": (a_file(now=1_784_336_400), "now", "not a time with its offset", None),
    "time of another age": (a_file(now="1970-01-01T00:00:00Z"), "now", "not in the years 2000 to 2099", None),
    "no time at all": ({k: v for k, v in a_file().items() if k != "now"}, "now", "is required", None),
    "job without labels": (
        a_file(jobs=[{k: v for k, v in a_queued_job().items() if k != "labels"}]),
        "jobs[0].labels",
        "is required",
        None,
    ),
    "number as text": (a_file(jobs=[a_queued_job("1")]), "jobs[0].id", "whole number", None),  # type: ignore[arg-type]
    "repository without its owner": (
        a_file(jobs=[a_queued_job(repository="shop")]),
        "jobs[0].repository",
        "OWNER/NAME",
        None,
    ),
    "task id that is none": (a_file(runners=[a_task(task="1")]), "runners[0].task", "a task id", None),
    "cpu as text": (a_file(runners=[a_task(cpu="2")]), "runners[0].cpu", "number of vCPU", None),
    "labels of a runner that nobody can read": (
        a_file(runners=[a_task(labels=["a b"])]),
        "runners[0].labels",
        "printable ASCII",
        None,
    ),
    "the same job twice": (
        a_file(jobs=[a_queued_job(), a_queued_job(organization="Acme-Web")]),
        "jobs[1]",
        "acme-web/1-1 is there already, as jobs[0]",
        None,
    ),
    "the same task twice": (a_file(runners=[a_task(), a_task()]), "runners[1]", "already, as runners[0]", None),
    "the same token twice": (
        a_file(intents=[an_intent("start_tasks", shape={"profile": "small"}, count=1)] * 2),
        "intents[1]",
        "already, as intents[0]",
        None,
    ),
    "unknown kind of intent": (a_file(intents=[an_intent("lunch")]), "intents[0].kind", "not one of", "launch"),
    "intent without what it starts": (
        a_file(intents=[an_intent("start_tasks", count=1)]),
        "intents[0].shape",
        "is required with kind: start_tasks",
        None,
    ),
    "intent with what another kind has": (
        a_file(intents=[an_intent("start_tasks", count=1, shape={"profile": "small"}, starts=[])]),
        "intents[0].starts",
        "has no meaning with kind: start_tasks",
        None,
    ),
    "launch of a type that nobody knows": (
        a_file(intents=[an_intent("launch", count=1, offerings=[["m7i.4xlarg", SUBNET]])]),
        "intents[0].offerings[0][0]",
        "neither in the pool nor in the catalogue",
        "m7i.4xlarge",
    ),
    "offering without its subnet": (
        a_file(intents=[an_intent("launch", count=1, offerings=[["m7i.4xlarge"]])]),
        "intents[0].offerings[0]",
        "needs at least 2",
        None,
    ),
    "start of an instance that is not there": (
        a_file(
            intents=[an_intent("start_stopped", offering=["m7i.4xlarge", SUBNET], starts=[{"instance": "i-2"}])]
        ),
        "intents[0].starts[0].instance",
        "no instance of this file",
        None,
    ),
    "refusal of a type that nobody knows": (
        a_file(
            unavailable=[{"type": "m7i.4xlrge", "subnet": "*", "market": "spot", "until": a_moment(-60)}]
        ),
        "unavailable[0].type",
        "nor '*'",
        "m7i.4xlarge",
    ),
    "refusal in a subnet of another pool": (
        a_file(
            unavailable=[
                {"type": "*", "subnet": "subnet-0a1b2c3d4e5f6001", "market": "spot", "until": a_moment(-60)}
            ]
        ),
        "unavailable[0].subnet",
        "no subnet of pool 'general'",
        SUBNET,
    ),
    "no configuration": (
        {k: v for k, v in a_file().items() if k != "configuration"},
        "configuration",
        "is required, here or as --config FILE",
        None,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("body", "place", "words", "near"), ONE_FAULT.values(), ids=ONE_FAULT.keys())
def test_one_slip_is_one_fault_at_its_place_with_the_nearest_word(
    body: dict[str, Any], place: str, words: str, near: str | None, tmp_path: Path
) -> None:
    faults = faults_of(tmp_path, body)
    assert len(faults) == 1, faults
    assert (faults[0].path, faults[0].nearest) == (place, near)
    assert words in faults[0].message


def test_faults_of_form_and_faults_of_reference_are_reported_together_in_the_order_of_the_file(
    tmp_path: Path,
) -> None:
    body = a_file(
        jobs=[a_queued_job(), a_queued_job(2, attempt=0)],
        runners=[a_task(profile="mediun"), a_task(2, state="idle")],
        instances=[a_host(type="m9i.4xlarge"), a_host("i-2", launched_at="yesterday")],
    )
    faults = faults_of(tmp_path, body)
    assert [fault.path for fault in faults] == [
        "jobs[1].attempt",
        "runners[0].profile",
        "runners[1].state",
        "instances[0].type",
        "instances[1].launched_at",
    ]
    lines = [fault.line or 0 for fault in faults]
    assert lines == sorted(set(lines))


def test_a_fault_of_an_instance_makes_none_of_the_runners_on_it(tmp_path: Path) -> None:
    body = a_file(runners=[a_task(instance="i-1")], instances=[a_host(state="redy")])
    assert [fault.path for fault in faults_of(tmp_path, body)] == ["instances[0].state"]
