"""Workflow runs, as the REST API shows them: perhaps late [GH-WJ-12]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from local.twin.github.jobs import Jobs
from local.twin.github.model import JobState, Repository, WorkflowJob
from local.twin.github.payloads import Payloads, node_id
from local.twin.github.rest.apps import authorize_actions
from local.twin.github.rest.operations import Call, Handler
from local.twin.github.rest.paging import page_of
from local.twin.github.state import World, timestamp
from local.twin.github.wire import Response, json_response

_SEARCH_LIMIT = 1_000  # of a list that is filtered [GH-RUNS]
_WORKFLOW_PATH = ".github/workflows/ci.yml"


@dataclass(frozen=True, slots=True)
class _Run:
    """The latest attempt of a run; of its jobs that REST does not know yet ``None`` is seen."""

    id: int
    created_at: float
    jobs: tuple[WorkflowJob, ...]
    seen: tuple[JobState | None, ...]

    def status(self, mixed: str) -> str:
        """What the least advanced job says; ``mixed`` where others of the run are further than a queued one."""
        statuses = {state.status if state else "pending" for state in self.seen}
        if len(statuses) == 1:
            return statuses.pop()
        if "queued" in statuses:
            return mixed
        for status in ("in_progress", "waiting", "pending"):
            if status in statuses:
                return "in_progress" if "completed" in statuses else status
        return "completed"

    @property
    def conclusion(self) -> str:
        found = {state.conclusion for state in self.seen if state}
        return next((bad for bad in ("failure", "cancelled") if bad in found), "success")


class RunCalls:
    """Runs of a repository by status; ``reruns.py`` has the jobs of one run."""

    def __init__(self, world: World, jobs: Jobs) -> None:
        self._world = world
        self._jobs = jobs
        self._payloads = Payloads(world)

    def handlers(self) -> dict[tuple[str, str], Handler]:
        return {("GET", "/actions/runs"): self.index}

    def index(self, call: Call) -> Response:
        """Newest first, of one status if asked, a thousand at most then [GH-RUNS]."""
        repository = self._repository(call)
        status = call.request.query.get("status")
        found = self._runs(repository)
        if status is not None:
            found = [run for run in found if status in self._said(run)]
        listed = found if status is None else found[:_SEARCH_LIMIT]
        page, headers = page_of(call, listed)
        shown = [self._shown(run, repository) for run in page]
        return json_response(200, {"total_count": len(found), "workflow_runs": shown}, headers)

    def _repository(self, call: Call) -> Repository:
        repository = self._world.repositories[call.runner_scope.name]
        authorize_actions(call, repository)
        return repository

    def _runs(self, repository: Repository) -> list[_Run]:
        by_run: dict[int, list[WorkflowJob]] = {}
        for job in self._jobs.of_repository.get(repository.id, ()):
            by_run.setdefault(job.run_id, []).append(job)
        seen_at = self._world.clock.now() - self._world.lags.job_status
        runs = [_run(number, jobs, seen_at) for number, jobs in by_run.items()]
        return sorted(runs, key=lambda run: (-run.created_at, -run.id))

    def _status(self, run: _Run) -> str:
        return run.status(self._world.mixed_run_status)

    def _said(self, run: _Run) -> tuple[str, ...]:
        """What a filter by status may ask for: a run that has ended is found by its conclusion too."""
        status = self._status(run)
        return (status, run.conclusion) if status == "completed" else (status,)

    def _shown(self, run: _Run, repository: Repository) -> dict[str, Any]:
        first = run.jobs[0]
        repository_url = f"{self._world.api_url}/repos/{repository.full_name}"
        url = f"{repository_url}/actions/runs/{run.id}"
        workflow_id = repository.id * 10 + 1
        shown = self._payloads.repository(repository)
        status = self._status(run)
        return {
            "id": run.id,
            "name": first.request.workflow_name,
            "node_id": node_id("WFR", run.id),
            "head_branch": "main",
            "head_sha": first.head_sha,
            "path": _WORKFLOW_PATH,
            "display_title": "Change",
            "run_number": 1,
            "run_attempt": first.run_attempt,
            "event": first.request.event,
            "status": status,
            "conclusion": run.conclusion if status == "completed" else None,
            "workflow_id": workflow_id,
            "url": url,
            "html_url": f"{self._world.url}/{repository.full_name}/actions/runs/{run.id}",
            "pull_requests": [],
            "created_at": timestamp(run.created_at),
            "updated_at": timestamp(max(job.now.at for job in run.jobs)),
            "run_started_at": timestamp(first.created_at),
            "jobs_url": f"{url}/jobs",
            "logs_url": f"{url}/logs",
            "check_suite_url": f"{repository_url}/check-suites/{run.id}",
            "artifacts_url": f"{url}/artifacts",
            "cancel_url": f"{url}/cancel",
            "rerun_url": f"{url}/rerun",
            "workflow_url": f"{repository_url}/actions/workflows/{workflow_id}",
            "head_commit": None,
            "repository": shown,
            "head_repository": shown,
        }


def _run(number: int, jobs: Sequence[WorkflowJob], seen_at: float) -> _Run:
    if len(jobs) == 1:  # as most have
        return _Run(number, jobs[0].created_at, tuple(jobs), (jobs[0].seen_at(seen_at),))
    latest = _latest(jobs)
    created_at = min(job.created_at for job in jobs)
    return _Run(number, created_at, tuple(latest), tuple(job.seen_at(seen_at) for job in latest))


def _latest(jobs: Sequence[WorkflowJob]) -> list[WorkflowJob]:
    newest = max(job.run_attempt for job in jobs)
    return [job for job in jobs if job.run_attempt == newest]
