"""Workflow jobs, read and run again with the GitHub App's installation token."""

from __future__ import annotations

from typing import Any

from slipway.adapters.github.app_tokens import AppTokens
from slipway.adapters.github.credentials import Bearer, showing
from slipway.adapters.github.http import GitHubApi
from slipway.adapters.github.times import seconds
from slipway.domain.errors import RefusedError
from slipway.domain.readings import JobReading


class GitHubWorkflowJobs:
    """Implements ``ports.github.WorkflowJobs``."""

    def __init__(self, api: GitHubApi, tokens: AppTokens) -> None:
        self._api = api
        self._tokens = tokens

    def find(self, repository: str, job_id: int) -> JobReading | None:
        """Return one job, or None if GitHub has none of that id."""
        bearer = self._bearer(repository)
        try:
            with showing(self._tokens, lambda: bearer) as token:
                item = self._api.call("GET", f"/repos/{repository}/actions/jobs/{job_id}", token)
        except RefusedError as fault:
            if fault.code == "404":
                self._expect_installed(repository)
                return None
            raise
        return job_reading(item)

    def of_run(self, repository: str, run_id: int) -> list[JobReading]:
        """List the jobs of a run's latest attempt; none if GitHub has no such run."""
        bearer = self._bearer(repository)
        try:
            with showing(self._tokens, lambda: bearer) as token:
                pages = self._api.pages(f"/repos/{repository}/actions/runs/{run_id}/jobs", token)
                return [job_reading(item) for page in pages for item in page["jobs"]]
        except RefusedError as fault:
            if fault.code == "404":
                return []
            raise

    def run_again(self, repository: str, job_id: int) -> None:
        """Run a completed job again, and those that depend on it."""
        self._post(repository, f"jobs/{job_id}/rerun")

    def run_failed_again(self, repository: str, run_id: int) -> None:
        """Run again, in one attempt, all jobs of a run that did not succeed, and those that depend on them."""
        self._post(repository, f"runs/{run_id}/rerun-failed-jobs")

    def _post(self, repository: str, call: str) -> None:
        bearer = self._bearer(repository)
        with showing(self._tokens, lambda: bearer) as token:
            self._api.call("POST", f"/repos/{repository}/actions/{call}", token)

    def _expect_installed(self, repository: str) -> None:
        """Tell a job that is not there from a repository that the App may not see: both are 404 [GH-404-HIDDEN]."""
        try:
            self._api.call("GET", f"/repos/{repository}/installation", self._tokens.app_jwt)
        except RefusedError as fault:
            if fault.code == "404":
                raise RefusedError(f"the GitHub App is not installed on {repository}", code="404") from fault
            raise

    def _bearer(self, repository: str) -> Bearer:
        """Get the token of the repository's organization; on its own, because without the App that is a 404 too."""
        return self._tokens.bearer(repository.partition("/")[0])


def job_reading(item: dict[str, Any]) -> JobReading:
    """Return a job of the REST API in our words."""
    return JobReading(
        job_id=int(item["id"]),
        run_id=int(item["run_id"]),
        run_attempt=int(item.get("run_attempt") or 1),  # optional in the schema
        status=item["status"],
        labels=tuple(item["labels"]),
        conclusion=item["conclusion"],
        created_at=seconds(item.get("created_at")),
        started_at=seconds(item.get("started_at")),
        completed_at=seconds(item.get("completed_at")),
        runner_name=item.get("runner_name") or None,
        name=item.get("name") or "",
        workflow=item.get("workflow_name") or "",
        branch=item.get("head_branch") or "",
    )
