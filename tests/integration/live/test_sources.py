"""Where frames come from: a simulation that stays the same, and a deployment's table over HTTP."""

from __future__ import annotations

import dataclasses
import itertools
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import boto3
import pytest

from local.demo.live_source import DemoSource
from local.live.frames import FrameMaker
from local.live.recording import open_recording
from local.live.source_deployment import deployment_source
from local.operating.sight import deployed
from local.simulator.configuration import configuration_for
from local.simulator.policies.policy import Task
from local.simulator.policies.slipway import run_slipway
from local.simulator.recording import recorded_run
from local.simulator.workload.scenarios import make_workload
from local.simulator.workload.windows import Size, Window
from local.twin.clock import VirtualClock
from local.twin.http.aws import AwsServer
from local.twin.latency import LatencyModel
from local.twin_deployment import TABLE
from local.words import has_words
from slipway.adapters.ledger import dynamo_ledger
from slipway.domain.jobs import JobState
from slipway.domain.runners import RunnerState
from tests.builders import NOW, POOL, a_booting_instance, a_configuration, a_runner
from tests.contract.aws_faces import create_table, new_twin
from tests.contract.ledger_cases import ROUTE, an_event

if TYPE_CHECKING:
    from local.demo.world import World


def test_a_run_that_is_recorded_is_the_run_that_is_not(tmp_path: Path) -> None:
    workload = make_workload("working-day", 3, Size(1_000, Window(5, 1)))
    task = Task(workload, configuration_for(1_000), LatencyModel.modelled(), seed=3)
    recorded = recorded_run(task, tmp_path / "run.jsonl", "a test")
    assert dataclasses.asdict(recorded) == dataclasses.asdict(run_slipway(task))
    frames = [frame for frame, _ in open_recording(tmp_path / "run.jsonl").frames()]
    started = {row[7] for frame in frames for row in frame["r"].values() if row[5] == "busy"}
    assert len(started) == len(workload.jobs)
    assert all(has_words(row[6]) for frame in frames for row in frame["j"].values())
    assert max(frame["s"][1] for frame in frames) > 1
    assert frames[-1]["s"][:2] == [0, 0]
    assert frames[-1]["d"]
    times = [frame["t"] for frame in frames]
    assert times == sorted(times)
    assert all(later - earlier >= 1 for earlier, later in itertools.pairwise(times[:-1]))


def test_looking_at_a_demo_is_not_counted_among_its_calls() -> None:
    twin = new_twin()
    client = twin.client("dynamodb")
    create_table(client, TABLE)
    dynamo_ledger(client, TABLE).jobs.record(an_event(JobState.QUEUED), ROUTE)
    clock = VirtualClock(NOW)
    world = SimpleNamespace(lock=threading.RLock(), aws=twin, clock=clock, configuration=a_configuration())
    before = dict(twin.calls)
    reading = DemoSource(cast("World", world)).read()
    assert len(reading.pools[0].jobs) == 1
    assert dict(twin.calls) == before


def test_a_deployments_table_is_read_with_the_operators_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    twin = new_twin()
    with AwsServer(twin) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOPERATOROPERATOR")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of an operator")
        client = boto3.client("dynamodb", region_name="ap-northeast-1")
        create_table(client, "slipway")
        ledger = dynamo_ledger(client, "slipway")
        for number in (1, 2):
            ledger.jobs.record(an_event(JobState.QUEUED, job_id=number), ROUTE)
        running = an_event(JobState.IN_PROGRESS, job_id=2, started_at=an_event(JobState.QUEUED).queued_at + 8)
        ledger.jobs.record(running, ROUTE)
        ledger.runners.add([a_runner(1, RunnerState.BUSY, job=running.key)])
        ledger.instances.add([a_booting_instance("i-1")])
        ledger.jobs.record(an_event(JobState.COMPLETED, job_id=3, started_at=running.started_at), ROUTE)
        configuration = a_configuration()
        source = deployment_source(deployed(configuration, "ap-northeast-1"))
        maker = FrameMaker(configuration)
        before = dict(twin.calls)
        frame = maker.frame(source.read(NOW))
        called = {name for name, count in twin.calls.items() if count > before.get(name, 0)}
        records = twin.calls["dynamodb.GetItem"]
        maker.frame(source.read(NOW + 2))
        assert twin.calls["dynamodb.GetItem"] == records, "a job's record is read once"
    assert called == {"dynamodb.Query", "dynamodb.GetItem"}, "it only reads"
    assert frame["w"]["medium"] == [2, 8.0, 8.0, 8.0]
    assert list(frame["d"]) == ["acme/3-1"], "what finished before anybody looked is told too"
    assert list(frame["i"]) == ["i-1"]
    assert len(frame["j"]) == len(frame["r"]) == 1
    assert frame["p"][POOL][0] == "run"
