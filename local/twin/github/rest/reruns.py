"""Starting a workflow, running its jobs again, one or all that failed, and the jobs of a run's attempts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from local.twin.github.credentials import RefusedError
from local.twin.github.jobs import Jobs
from local.twin.github.model import JobRequest, WorkflowJob
from local.twin.github.payloads import job_fields
from local.twin.github.rest.apps import authorize_actions
from local.twin.github.rest.operations import Call, Handler
from local.twin.github.rest.paging import page_of
from local.twin.github.state import World
from local.twin.github.wire import Response, json_response

_FAILED = ("failure", "cancelled", "timed_out")


class RerunCalls:
    """Reads a run's jobs, starts runs and makes new attempts of them."""

    def __init__(self, world: World, jobs: Jobs) -> None:
        self._world = world
        self._jobs = jobs
        self.workflows: dict[tuple[str, str], JobRequest] = {}
        """The job of a workflow that can be dispatched, by repository and file name."""

    def handlers(self) -> dict[tuple[str, str], Handler]:
        return {
            ("GET", "/actions/runs/{run_id}/jobs"): self.index,
            ("POST", "/actions/runs/{run_id}/rerun-failed-jobs"): self.rerun_failed,
            ("POST", "/actions/jobs/{job_id}/rerun"): self.rerun,
            ("POST", "/actions/workflows/{workflow_id}/dispatches"): self.dispatch,
        }

    def index(self, call: Call) -> Response:
        """The jobs of the latest attempt, or with ``filter=all`` of every one [GH-RUN-JOBS]."""
        jobs = self._of_run(call, write=False)
        if call.request.query.get("filter") != "all":
            latest = self._jobs.current_attempt(jobs[0].run_id)
            jobs = [job for job in jobs if job in latest]
        page, headers = page_of(call, jobs)
        return json_response(
            200, {"total_count": len(jobs), "jobs": [self._shown(job) for job in page]}, headers
        )

    def dispatch(self, call: Call) -> Response:
        """A new run whose one job asks for the label that is the input ``label`` [GH-DISPATCH]."""
        name = call.runner_scope.name
        authorize_actions(call, self._world.repositories[name], write=True)
        workflow = self.workflows.get((name, call.parameters["workflow_id"]))
        if workflow is None:
            raise RefusedError(404, "Not Found")
        label = call.content.get("inputs", {}).get("label")
        self._jobs.queue(replace(workflow, labels=(label,)) if label else workflow)
        return Response(204)

    def rerun(self, call: Call) -> Response:
        """One job again [GH-RERUN]."""
        authorize_actions(call, self._world.repositories[call.runner_scope.name], write=True)
        job = self._jobs.by_id.get(call.number("job_id"))
        if job is None or job.repository.full_name.lower() != call.runner_scope.name:
            raise RefusedError(404, "Not Found")
        current = self._jobs.current_attempt(job.run_id)
        if any(other.status != "completed" for other in current):
            raise RefusedError(403, "The workflow run containing this job is already running")
        if job not in current:
            raise RefusedError(403, "Only jobs from the current attempt can be re-run")
        self._jobs.new_attempt([job])
        return json_response(201, {})

    def rerun_failed(self, call: Call) -> Response:
        """All jobs that did not succeed, in one attempt [GH-RERUN]."""
        current = self._jobs.current_attempt(self._of_run(call, write=True)[0].run_id)
        if any(job.status != "completed" for job in current):
            raise RefusedError(403, "This workflow is already running")
        failed = [job for job in current if job.conclusion in _FAILED]
        if not failed:
            raise RefusedError(403, "This workflow run cannot be retried")
        self._jobs.new_attempt(failed)
        return json_response(201, {})

    def _of_run(self, call: Call, *, write: bool) -> list[WorkflowJob]:
        """The run's jobs of every attempt; raises ``RefusedError`` when the repository has no such run."""
        name = call.runner_scope.name
        authorize_actions(call, self._world.repositories[name], write=write)
        run_id = call.number("run_id")
        jobs = [job for job in self._jobs.of_run.get(run_id, ()) if job.repository.full_name.lower() == name]
        if not jobs:
            raise RefusedError(404, "Not Found")
        return jobs

    def _shown(self, job: WorkflowJob) -> dict[str, Any]:
        """The job as REST knows it, perhaps late [GH-WJ-12]."""
        state = job.seen_at(self._world.clock.now() - self._world.lags.job_status)
        shown = job_fields(self._world, job, state or job.history[0])
        return shown if state else shown | {"status": "pending", "conclusion": None}
