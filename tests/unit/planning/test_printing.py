"""A plan as one JSON object: complete, and the same for the same snapshot in any order."""

from __future__ import annotations

import dataclasses
import json
import random
from pathlib import Path
from typing import Any

import pytest

from local.planning.printing import as_json, launch, start_stopped, start_tasks
from slipway.domain.configuration import Market
from slipway.domain.intents import LaunchInstances, Offering, RunTasks, StartInstances
from slipway.domain.jobs import JobKey
from slipway.domain.launches import FailedLaunch
from slipway.domain.matching import Shape
from slipway.domain.plan import Plan
from slipway.domain.reasons import Reason, Why
from slipway.domain.resources import Resources
from tests.builders import SHAPE, SIZE, a_job
from tests.support.snapshot_files import (
    SAMPLES,
    a_file,
    a_moment,
    decided,
    printed,
    situation_of,
)

OFFERING, OTHER = Offering("m7i.4xlarge", "subnet-1"), Offering("m7a.4xlarge", "subnet-2")
RUN = RunTasks(SHAPE, 2)
LAUNCH = LaunchInstances((OFFERING,), Market.SPOT, 2, SIZE, ((((SHAPE, 1),), 1),))
START = StartInstances(OFFERING, (("i-1", ((SHAPE, 1),)),))
EVERY_FIELD: dict[str, Any] = {
    "offers": {SHAPE: (a_job(),)},
    "reserved": {(SHAPE, "acme"): (a_job(),)},
    "run": (RUN,),
    "hosts": {"i-1": {SHAPE: 2}},
    "launch": (LAUNCH,),
    "start": (START,),
    "dismiss": ("task",),
    "drain": ("i-1",),
    "end": ("i-1",),
    "replace": ("i-1",),
    "retire": ("i-1",),
    "idle_since": {"i-1": None},
    "closes_circuit": True,
    "closes_tier_circuit": True,
    "recovered": ("medium",),
    "is_short_of_tiers": True,
    "withholds": True,
    "failed_launches": (FailedLaunch(1.0, 2.0, "why", of_tier=True),),
    "reasons": {JobKey("acme", 1, 1): Reason(Why.PAUSED)},
    "set_aside": {"i-1": "why"},
}
OTHERWISE: dict[type, dict[str, Any]] = {
    RunTasks: {
        "shape": Shape("medium", Resources(1024, 2048)),
        "count": 3,
        "exclusive": True,
        "avoid": ("i-1",),
    },
    LaunchInstances: {
        "offerings": (OTHER,),
        "market": Market.ON_DEMAND,
        "count": 3,
        "each": Resources(1, 2, 3),
        "loads": (),
        "for_stopped_tier": True,
    },
    StartInstances: {"offering": OTHER, "starts": (("i-2", ()),)},
}


def names(kind: Any) -> set[str]:
    return {item.name for item in dataclasses.fields(kind)}


def test_every_field_of_a_plan_shows(tmp_path: Path) -> None:
    assert set(EVERY_FIELD) == names(Plan), "a new field of Plan must be printed"
    situation = situation_of(tmp_path, a_file())
    shown = {json.dumps(as_json(situation, Plan(**{name: value}))) for name, value in EVERY_FIELD.items()}
    shown.add(json.dumps(as_json(situation, Plan())))
    assert len(shown) == len(EVERY_FIELD) + 1


@pytest.mark.parametrize(("request_", "show"), [(RUN, start_tasks), (LAUNCH, launch), (START, start_stopped)])
def test_every_field_of_a_call_shows(request_: Any, show: Any) -> None:
    changes = OTHERWISE[type(request_)]
    assert set(changes) == names(type(request_)), "a new field of a call must be printed"
    for name, value in changes.items():
        assert show(dataclasses.replace(request_, **{name: value})) != show(request_), name


def test_intents_have_the_documented_form(tmp_path: Path) -> None:
    output = as_json(situation_of(tmp_path, a_file()), Plan(**EVERY_FIELD))
    size = {"cpu_units": 2048, "memory_mib": 7168, "gpus": 0}
    load, offering = {"medium-2048-7168": 1}, ["m7i.4xlarge", "subnet-1"]
    assert output["intents"] == [
        {"kind": "start_tasks", "shape": {"profile": "medium", **size}, "count": 2, "exclusive": False, "avoid": []},
        {"kind": "launch", "market": "spot", "count": 2, "offerings": [offering], "each": size,
         "loads": [{"for": load, "instances": 1}], "for_stopped_tier": False},
        {"kind": "start_stopped", "count": 1, "offering": offering, "starts": [{"instance": "i-1", "for": load}]},
        {"kind": "drain", "instance": "i-1"},
        {"kind": "terminate", "instance": "i-1"},
        {"kind": "replace", "instance": "i-1"},
        {"kind": "retire", "instance": "i-1"},
        {"kind": "stop_task", "task": "task"},
        {"kind": "close_circuit", "of": "launches"},
        {"kind": "close_circuit", "of": "stopped_tier"},
        {"kind": "close_circuit", "of": "starts of medium"},
        {"kind": "count_failure", "of": "stopped_tier", "why": "why"},
        {"kind": "no_room", "of": "tiers"},
        {"kind": "plan_again", "after": "offers"},
        {"kind": "set_aside", "instance": "i-1", "why": "why"},
    ]  # fmt: skip
    assert output["hosts"] == {"i-1": {"medium-2048-7168": 2}}
    assert output["offers"] == {"medium-2048-7168": ["acme/1-1"]}
    assert output["idle_since"] == {"i-1": None}
    assert output["reasons"] == [{"job": "acme/1-1", "code": "paused", "parameters": {}}]
    assert output["waiting"] == {"paused": 1}


def test_times_are_told_in_the_offset_of_the_files_own_now(tmp_path: Path) -> None:
    situation = situation_of(tmp_path, a_file())
    now = situation.snapshot.now
    plan = Plan(
        idle_since={"i-1": now},
        reasons={JobKey("acme", 1, 1): Reason(Why.NO_CAPACITY, {"until": now + 60, "subnets": "a,b"})},
    )
    output = as_json(situation, plan)
    assert output["idle_since"] == {"i-1": a_moment()}
    assert output["reasons"][0]["parameters"] == {"subnets": "a,b", "until": a_moment(-60)}


def test_reasons_are_in_the_order_of_the_jobs_numbers(tmp_path: Path) -> None:
    keys = [JobKey("b", 1, 1), JobKey("a", 10, 1), JobKey("a", 9, 2), JobKey("a", 9, 1)]
    output = as_json(
        situation_of(tmp_path, a_file()), Plan(reasons={key: Reason(Why.PAUSED) for key in keys})
    )
    assert [reason["job"] for reason in output["reasons"]] == ["a/9-1", "a/9-2", "a/10-1", "b/1-1"]


def sample_of(folder: Path, path: Path) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return {**body, "configuration": str((path.parent / body["configuration"]).resolve())}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_an_equal_file_in_another_order_gives_the_equal_output(sample: Path, tmp_path: Path) -> None:
    body = sample_of(tmp_path, sample)
    wanted = json.dumps(printed(tmp_path, body))
    for seed in range(3):
        chance = random.Random(seed)
        other = {
            key: chance.sample(value, len(value)) if isinstance(value, list) else value
            for key, value in chance.sample(list(body.items()), len(body))
        }
        assert json.dumps(printed(tmp_path, other)) == wanted


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_what_a_plan_starts_can_be_an_intent_of_the_next_file(sample: Path, tmp_path: Path) -> None:
    body = sample_of(tmp_path, sample)
    situation = situation_of(tmp_path, body)
    plan = decided(situation)
    starts = [
        {**entry, "token": f"new-{number}"}
        for number, entry in enumerate(as_json(situation, plan)["intents"])
        if entry["kind"] in ("start_tasks", "launch", "start_stopped")
    ]
    assert starts
    read = situation_of(tmp_path, {**body, "intents": starts}).snapshot.intents
    wanted = [*map(start_tasks, plan.run), *map(launch, plan.launch), *map(start_stopped, plan.start)]
    shows = {RunTasks: start_tasks, LaunchInstances: launch, StartInstances: start_stopped}
    assert [shows[type(intent.request)](intent.request) for intent in read] == wanted  # type: ignore[operator]
