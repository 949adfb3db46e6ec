"""The redelivery function in the Lambda runtime, with a job that died with its instance."""

from __future__ import annotations

import json
import time
from pathlib import Path

from local.twin.github.model import JobRequest, RunnerIdentity, WorkflowJob
from slipway.adapters.ledger import dynamo_ledger
from slipway.domain.jobs import JobEvent, JobKey, JobState
from slipway.domain.matching import Shape
from slipway.domain.resources import Resources
from slipway.domain.runners import Runner, RunnerState, TaskHost
from tests.builders import name_of
from tests.integration.functions.stage import LABELS, Stage

HOUR = 3_600.0


def configured(stage: Stage, limit: int) -> str:
    """Write the compiled configuration with another limit; return its path."""
    path: Path = stage.folder / f"rerun-{limit}.json"
    compiled = json.loads((stage.folder / "slipway.json").read_text("utf-8"))
    compiled["github"]["rerun_interrupted"] = limit
    path.write_text(json.dumps(compiled), "utf-8")
    return str(path)


def interrupted(stage: Stage, task_id: str) -> WorkflowJob:
    """A job that failed when its host went, as GitHub has it and as the scaler noted it an hour ago."""
    at, shape = time.time() - HOUR, Shape("small", Resources(1024, 3072))
    state = RunnerState.REGISTERED
    runner = Runner(task_id, "general", shape, state, at, "intent", organization="alpha", reach="alpha")
    with stage.lock:
        job = stage.github.queue_job(JobRequest("alpha/web", LABELS))
        stage.github.router.withdraw(job)
        stage.github.jobs.start(job, RunnerIdentity(7, name_of(runner), 1, "slipway-alpha"))
        stage.github.jobs.complete(job, "failure")
        event = JobEvent(
            JobState.IN_PROGRESS, job.id, job.run_id, 1, "alpha", 1, "alpha/web", 1, False, LABELS, at
        )
        runners = dynamo_ledger(stage.aws.client("dynamodb"), "slipway").runners
        runners.add([runner])
        assert runners.mark_busy("general", task_id, event)
        host = TaskHost(is_lost=True)
        runners.remove("general", task_id, at=at, why="Host EC2 terminated", host=host, run_again=True)
    return job


def lines(stage: Stage, name: str, message: str) -> list[dict[str, object]]:
    return [line for line in stage.log(name) if line.get("message") == message]


def test_an_interrupted_job_is_run_again_when_the_app_may_and_until_then_the_log_says_what_is_missing(
    stage: Stage,
) -> None:
    job, configuration = interrupted(stage, "e" * 32), configured(stage, 1)
    answer = stage.invoke("redelivery", {}, variant="-read", SLIPWAY_CONFIG=configuration)
    assert answer == {"resent": 0, "found": 0, "errors": 1}
    (line,) = lines(stage, "redelivery-read", "repair met an error")
    assert "Actions: write" in str(line["fault"])
    with stage.lock:
        for installation in stage.github.credentials.installations.values():
            installation.permissions["actions"] = "write"
        interruptions = dynamo_ledger(stage.aws.client("dynamodb"), "slipway").interruptions
        (noted,) = interruptions.pending()
        assert noted.due_at > time.time()  # put off, not lost
        interruptions.look_again(noted, time.time() - 1)
    stage.invoke("redelivery", {}, variant="-write", SLIPWAY_CONFIG=configuration)
    (line,) = lines(stage, "redelivery-write", "run again")
    assert (line["job"], line["repository"]) == (str(JobKey("alpha", job.id, 1)), "alpha/web")
    with stage.lock:
        assert [other.status for other in stage.github.jobs.current_attempt(job.run_id)] == ["queued"]
    assert [item for item in stage.items() if item["pk"]["S"] == "INTERRUPTED"] == []
    assert stage.secrets.app_key.splitlines()[1] not in stage.everything_logged()


def test_switched_off_it_asks_github_nothing_and_forgets_what_was_noted(stage: Stage) -> None:
    job = interrupted(stage, "f" * 32)
    before = sum(count for name, count in stage.github.calls.items() if "/actions/" in name)
    stage.invoke("redelivery", {}, variant="-off", SLIPWAY_CONFIG=configured(stage, 0))
    (line,) = lines(stage, "redelivery-off", "not run again")
    assert line["why"] == "it was attempt 1, and github.rerun_interrupted is 0"
    with stage.lock:
        assert stage.github.jobs.current_attempt(job.run_id) == [job]
        assert sum(count for name, count in stage.github.calls.items() if "/actions/" in name) == before
