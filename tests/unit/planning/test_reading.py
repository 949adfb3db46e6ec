"""From a snapshot file to the snapshot: defaults, routes, and what cannot be true but is in form."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.catalogue.file import catalogue_text, shipped
from local.planning.check import read_files
from slipway.domain.configuration import Market
from slipway.domain.instances import InstanceState
from slipway.domain.intents import LaunchInstances, Offering, RunTasks, StartInstances
from slipway.domain.jobs import JobKey
from slipway.domain.matching import Shape
from slipway.domain.resources import Resources
from tests.support.snapshot_files import (
    EXAMPLE,
    NOW,
    SUBNET,
    a_file,
    a_host,
    a_moment,
    a_queued_job,
    a_task,
    faults_of,
    of_kind,
    printed,
    reading_of,
    situation_of,
    written,
)

MEDIUM = Shape("medium", Resources(2048, 7168))
REGISTERED = Resources(16384, 62986)  # what the catalogue expects of m7i.4xlarge


def test_a_job_goes_by_its_labels_and_keeps_its_facts(tmp_path: Path) -> None:
    job = a_queued_job(7, attempt=2, labels=["slipway/medium/cpu=4/memory=14GiB"], organization="Acme-Web")
    (read,) = situation_of(tmp_path, a_file(jobs=[job])).snapshot.jobs
    assert read.key == JobKey("acme-web", 7, 2)
    assert read.shape == Shape("medium", Resources(4096, 14336))
    assert read.queued_at == situation_of(tmp_path, a_file()).snapshot.now - 30


def test_a_catalogue_of_ones_own_has_the_sizes_of_types_that_no_pool_has(tmp_path: Path) -> None:
    document = yaml.safe_load(EXAMPLE.read_text("utf-8"))
    names = {name for pool in document["pools"].values() for name in pool["instance_types"]}
    regions = {pool["region"] for pool in document["pools"].values()}
    known = {entry.name: entry for entry in shipped().entries()}
    rows = [replace(known[name], region=region) for name in names for region in regions]
    rows.append(replace(known["m7i.4xlarge"], region="eu-west-1", name="zz9.4xlarge"))
    (tmp_path / "prices.csv").write_text(catalogue_text(rows), "utf-8")
    (tmp_path / "slipway.yaml").write_text(yaml.safe_dump({**document, "catalogue": "prices.csv"}), "utf-8")
    body = {**a_file(instances=[a_host("i-1", type="zz9.4xlarge")]), "configuration": "slipway.yaml"}
    (host,) = situation_of(tmp_path, body).snapshot.instances
    assert host.registered == REGISTERED
    body = {**body, "instances": [a_host("i-1", type="m8i.4xlarge")]}  # of what ships, not of this file
    (fault,) = faults_of(tmp_path, body)
    assert "neither in the pool nor in the catalogue" in fault.message


def test_an_instance_has_the_catalogues_size_and_the_pools_market_unless_told(tmp_path: Path) -> None:
    hosts = [
        a_host("i-1"),
        a_host("i-2", state="stopped"),
        a_host("i-3", state="launching", market="on-demand"),
    ]
    first, stopped, booting = situation_of(tmp_path, a_file(instances=hosts)).snapshot.instances
    assert (first.registered, first.market, first.connected) == (REGISTERED, Market.SPOT, True)
    assert (stopped.state, stopped.market, stopped.connected) == (
        InstanceState.STOPPED,
        Market.ON_DEMAND,
        False,
    )
    assert (booting.market, booting.connected) == (Market.ON_DEMAND, False)


def test_an_unknown_type_or_profile_passes_with_its_size(tmp_path: Path) -> None:
    body = a_file(
        instances=[a_host(type="x9z.huge", registered={"cpu_units": 65536, "memory_mib": 100_000})],
        runners=[a_task(profile="gone", cpu=1, memory="1GiB", instance="i-1")],
    )
    snapshot = situation_of(tmp_path, body).snapshot
    assert snapshot.instances[0].registered == Resources(65536, 100_000)
    assert snapshot.runners[0].shape == Shape("gone", Resources(1024, 1024))


def test_an_idle_runner_covers_a_job_of_its_organization_with_its_profiles_labels(tmp_path: Path) -> None:
    idle = a_task(state="registered", organization="acme-web", repository="acme-web/shop")
    output = printed(tmp_path, a_file(jobs=[a_queued_job()], runners=[idle]))
    assert output["waiting"] == {"runner_idle": 1}
    others = a_task(state="registered", organization="acme-data", repository="acme-data/lake")
    assert printed(tmp_path, a_file(jobs=[a_queued_job()], runners=[others]))["waiting"] == {
        "instance_starting": 1
    }
    smaller = {**idle, "labels": ["self-hosted", "medium"]}
    assert printed(tmp_path, a_file(jobs=[a_queued_job()], runners=[smaller]))["waiting"] == {
        "instance_starting": 1
    }


def test_a_runner_holds_room_on_its_instance(tmp_path: Path) -> None:
    busy = [a_task(number, state="busy", instance="i-1") for number in range(1, 8)]
    body = a_file(jobs=[a_queued_job(1), a_queued_job(2)], runners=busy, instances=[a_host()])
    assert printed(tmp_path, body)["hosts"] == {"i-1": {"medium-2048-7168": 1}}


UNSERVED: dict[str, tuple[list[str], str, dict[str, str]]] = {
    "labels of no profile": (["self-hosted", "medium", "gpu"], "no_profile", {"nearest": "medium"}),
    "sized label of no profile": (["slipway/medum/cpu=2"], "no_profile", {"nearest": "medium"}),
    "profile of another pool": (["docker"], "no_profile", {"profile": "docker", "pool": "alone"}),
    "no labels": ([], "no_labels", {}),
    "unreadable labels": (["a b"], "labels_unreadable", {}),
    "size that is not sold": (["slipway/medium/cpu=16"], "size_out_of_bounds", {}),
    "run of another": (["slipway/medium/run=1-1"], "run_mismatch", {}),
}


@pytest.mark.parametrize(("labels", "code", "parameters"), UNSERVED.values(), ids=UNSERVED.keys())
def test_a_job_that_the_pool_does_not_serve_is_set_aside_with_its_reason(
    labels: list[str], code: str, parameters: dict[str, str], tmp_path: Path
) -> None:
    output = printed(tmp_path, a_file(jobs=[a_queued_job(labels=labels), a_queued_job(2)]))
    first, second = output["reasons"]
    assert (first["job"], first["code"]) == ("acme-web/1-1", code)
    assert parameters.items() <= first["parameters"].items()
    assert second["code"] == "instance_starting"
    assert of_kind(output, "set_aside") == [{"kind": "set_aside", "job": "acme-web/1-1", "why": code}]


SET_ASIDE: dict[str, tuple[list[dict[str, Any]], str]] = {
    "no size": ([a_host(registered={"cpu_units": 0, "memory_mib": 0})], "registered without CPU or memory"),
    "less than no size": (
        [a_host(registered={"cpu_units": -1024, "memory_mib": 4096})],
        "registered without CPU or memory",
    ),
    "another pool": ([a_host(pool="alone")], "belongs to another pool"),
    "twice": ([a_host(), a_host()], "is there twice"),
}


@pytest.mark.parametrize(("hosts", "why"), SET_ASIDE.values(), ids=SET_ASIDE.keys())
def test_an_instance_that_cannot_be_is_set_aside_by_the_planner_and_gets_no_task(
    hosts: list[dict[str, Any]], why: str, tmp_path: Path
) -> None:
    output = printed(tmp_path, a_file(jobs=[a_queued_job()], instances=hosts))
    assert of_kind(output, "set_aside") == [{"kind": "set_aside", "instance": "i-1", "why": why}]
    assert output["hosts"] == {}


def test_an_instance_in_two_pools_is_set_aside_for_the_same_reason_in_either_order(tmp_path: Path) -> None:
    hosts = [a_host(), a_host(pool="alone")]
    first, second = (printed(tmp_path, a_file(instances=order)) for order in (hosts, hosts[::-1]))
    assert first == second
    assert len(of_kind(first, "set_aside")) == 1


def test_more_tasks_than_an_instance_holds_leave_no_room_and_are_no_fault(tmp_path: Path) -> None:
    busy = [a_task(number, state="busy", instance="i-1") for number in range(1, 30)]
    output = printed(tmp_path, a_file(jobs=[a_queued_job()], runners=busy, instances=[a_host()]))
    assert (output["hosts"], output["waiting"]) == ({}, {"instance_starting": 1})


def test_times_ahead_of_now_are_no_fault(tmp_path: Path) -> None:
    ahead = a_moment(-7_200)
    host = a_host(launched_at=ahead, idle_since=ahead, ready_at=ahead)
    body = a_file(jobs=[a_queued_job(queued_at=ahead)], runners=[a_task(started_at=ahead)], instances=[host])
    assert printed(tmp_path, body)["waiting"] == {"task_starting": 1}


def test_every_kind_of_intent_is_read(tmp_path: Path) -> None:
    body = a_file(
        instances=[a_host(state="stopped")],
        intents=[
            {
                "kind": "start_tasks",
                "token": "a",
                "shape": {"profile": "medium"},
                "count": 2,
                "avoid": ["i-1"],
            },
            {
                "kind": "launch",
                "token": "b",
                "count": 3,
                "offerings": [["m7i.4xlarge", SUBNET], ["m7a.4xlarge", SUBNET]],
                "loads": [{"for": {"medium": 2, "-8192-28672": 1}, "instances": 1}],
            },
            {
                "kind": "start_stopped",
                "token": "c",
                "created_at": a_moment(5),
                "offering": ["m7i.4xlarge", SUBNET],
                "starts": [{"instance": "i-1", "for": {"medium-4096-14336": 1}}],
            },
        ],
    )
    run, launch, start = situation_of(tmp_path, body).snapshot.intents
    assert run.request == RunTasks(MEDIUM, 2, avoid=("i-1",))
    load = ((Shape("", Resources(8192, 28672)), 1), (MEDIUM, 2))
    offerings = (Offering("m7i.4xlarge", SUBNET), Offering("m7a.4xlarge", SUBNET))
    assert launch.request == LaunchInstances(offerings, Market.SPOT, 3, REGISTERED, ((load, 1),))
    larger = Shape("medium", Resources(4096, 14336))
    assert start.request == StartInstances(offerings[0], (("i-1", ((larger, 1),)),))
    assert run.created_at - start.created_at == 5


def test_control_failures_and_pauses_reach_the_planner(tmp_path: Path) -> None:
    jobs = [a_queued_job()]
    assert printed(tmp_path, a_file(jobs=jobs, control="pause"))["waiting"] == {"paused": 1}
    assert printed(
        tmp_path,
        a_file(jobs=jobs, github_pauses=[{"reach": jobs[0]["organization"], "until": a_moment(-600)}]),
    )["waiting"] == {"github_busy": 1}
    failures = {"count": 3, "last_at": a_moment(10), "why": "InvalidLaunchTemplate"}
    assert printed(tmp_path, a_file(jobs=jobs, launch_failures=failures))["waiting"] == {"launches_fail": 1}
    late = a_queued_job(untaken=2, retry_at=a_moment(-60))
    assert printed(tmp_path, a_file(jobs=[late]))["waiting"] == {"not_taken": 1}
    nothing = {"type": "*", "subnet": "*", "until": a_moment(-60)}
    refused = [{**nothing, "market": market} for market in ("spot", "on-demand")]
    assert printed(tmp_path, a_file(jobs=jobs, unavailable=refused))["waiting"] == {"no_capacity": 1}


def test_an_older_launch_template_is_drained(tmp_path: Path) -> None:
    body = a_file(template_version=4, instances=[a_host(template_version=3)])
    assert of_kind(printed(tmp_path, body), "drain") == [{"kind": "drain", "instance": "i-1"}]


def test_the_configuration_lies_beside_the_file_unless_the_command_line_names_one(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_bytes(EXAMPLE.read_bytes())
    beside = reading_of(tmp_path, a_file(configuration="mine.yaml"))
    assert beside.situation is not None
    path = written(tmp_path, a_file(configuration="none.yaml"))
    assert read_files(path, EXAMPLE).situation is not None


def test_yaml_says_the_same_as_json_and_takes_times_without_quotes(tmp_path: Path) -> None:
    body = a_file(jobs=[a_queued_job()], instances=[a_host()], runners=[a_task(instance="i-1")])
    text = yaml.safe_dump(body).replace(f"'{NOW}'", NOW)
    assert f"now: {NOW}" in text
    from_yaml, from_json = reading_of(tmp_path, text, "a.yaml"), reading_of(tmp_path, body)
    assert from_yaml.situation is not None
    assert from_json.situation is not None
    assert from_yaml.situation.snapshot == from_json.situation.snapshot


def test_json_may_be_indented_with_tabs_and_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    assert reading_of(tmp_path, "\ufeff" + json.dumps(a_file(), indent="\t")).situation is not None
