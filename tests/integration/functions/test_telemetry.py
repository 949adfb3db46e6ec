"""The scaler in the Lambda runtime: the metrics that a healthy demo may not write."""

from __future__ import annotations

import json
import time
from typing import Any

from slipway.adapters.ledger import dynamo_ledger
from slipway.domain.jobs import JobState, decode_job_event
from slipway.domain.matching import Shape
from slipway.domain.runners import Runner, RunnerState, runner_name
from slipway.ports.ledger import Ledger
from tests.integration.functions.stage import Stage, claim_event, records, role_arn


def the_ledger(stage: Stage) -> Ledger:
    return dynamo_ledger(stage.aws.client("dynamodb"), "slipway")


def shape_of_small(stage: Stage) -> Shape:
    (job, *_) = the_ledger(stage).snapshots.read("general", time.time()).jobs
    return job.shape


def test_what_ec2_refuses_is_counted_and_named(stage: Stage) -> None:
    with stage.lock:
        stage.aws.ec2.capacity.limit(0)
    job = stage.job(labels=("self-hosted", "linux", "x64", "docker"))  # each on an instance of its own
    stage.invoke("scaler", records(job), variant="-refused")
    with stage.lock:
        stage.aws.ec2.capacity.lift()
    assert sum(stage.metrics("scaler-refused")["LaunchesRefused"]) >= 1
    refused = [line for line in stage.log("scaler-refused") if line.get("message") == "launch refused"]
    assert {code for line in refused for code in line["codes"]} == {"InsufficientInstanceCapacity"}
    assert all(line["offerings"] and line["pool"] == "alone" for line in refused)


def test_containers_that_start_and_runners_that_wait_for_github_are_counted(stage: Stage) -> None:
    """A demo's convergences may all come before and after such a moment."""

    def told_at_a_tick() -> dict[str, float]:
        stage.invoke("scaler", records('{"slipway":"tick"}', queue="events"), variant="-moment")
        return {name: values[-1] for name, values in stage.metrics("scaler-moment").items()}

    (task, *_) = stage.start_tasks(1)
    before = told_at_a_tick()
    assert before["StartingRunners"] >= 1
    assert stage.invoke("registrar", claim_event(role_arn(task)))["statusCode"] == 200
    after = told_at_a_tick()
    assert after["IdleRunners"] == before.get("IdleRunners", 0) + 1


def test_a_job_that_a_standby_container_took_is_counted_as_such_once(stage: Stage) -> None:
    body = stage.job()
    stage.invoke("scaler", records(body))
    now, task_id = time.time(), "e" * 32
    waited = Runner(
        task_id=task_id, pool="general", shape=shape_of_small(stage), state=RunnerState.REGISTERED, started_at=now - 90,
        intent="settled", running_at=now - 80, claimed_at=now, organization="alpha", reach="alpha",
    )  # fmt: skip
    with stage.lock:
        the_ledger(stage).runners.add([waited])
    event = decode_job_event(body)
    facts: dict[str, Any] = {
        "job_id": event.job_id, "run_id": event.run_id, "action": JobState.IN_PROGRESS, "started_at": time.time() + 1,
        "runner_id": 7, "runner_name": runner_name("slipway", "small", task_id),
    }  # fmt: skip
    progress = stage.job(**facts)
    for _ in range(2):
        stage.invoke("scaler", records(progress, progress))
    found = stage.metrics("scaler")
    assert found["JobsOnStandby"] == [1.0]
    assert len(found["JobStartupDuration"]) == 1
    (line,) = [line for line in stage.log("scaler") if line.get("message") == "job started"]
    assert (line["on_standby"], line["job"], line["profile"]) == (True, str(event.key), "small")


def test_a_stopped_instance_is_counted_and_its_start_too(stage: Stage) -> None:
    configured = json.loads((stage.folder / "slipway.json").read_text("utf-8"))
    configured["pools"]["general"]["stopped_instances"] = 1
    (stage.folder / "stopped.json").write_text(json.dumps(configured), "utf-8")
    scaler: dict[str, Any] = {"variant": "-stopped", "SLIPWAY_CONFIG": str(stage.folder / "stopped.json")}

    def converge_until(metric: str, *bodies: str) -> None:
        if bodies:
            stage.invoke("scaler", records(*bodies), **scaler)
        for _ in range(20):
            if metric in stage.metrics("scaler-stopped"):
                return
            stage.fold_events(**scaler)
        raise AssertionError(f"{metric} was never written")

    converge_until("StoppedInstances", stage.job())
    jobs = [stage.job() for _ in range(60)]  # more than there is room for on what runs
    for start in range(0, len(jobs), 10):
        stage.invoke("scaler", records(*jobs[start : start + 10]), **scaler)
    converge_until("InstancesStarted")
    assert stage.metrics("scaler-stopped")["InstancesStarted"] == [1.0]
    assert [line for line in stage.log("scaler-stopped") if line.get("message") == "started"]
