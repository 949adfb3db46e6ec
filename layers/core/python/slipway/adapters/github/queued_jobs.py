"""The search for queued jobs in what the GitHub App sees."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from slipway.adapters.github.app_tokens import AppTokens
from slipway.adapters.github.credentials import showing
from slipway.adapters.github.http import GitHubApi
from slipway.adapters.github.times import seconds
from slipway.adapters.github.workflow_jobs import job_reading
from slipway.domain.errors import RefusedError
from slipway.domain.readings import InstallationReading, JobReading, RepositoryReading

_STATUSES = ("queued", "in_progress")  # of runs in which a job can be queued [GH-RUN-STATUS]


class GitHubQueuedJobs:
    """Implements ``ports.github.QueuedJobs``; ``tokens`` asks for them by the same ``api``, which counts the calls."""

    def __init__(self, api: GitHubApi, tokens: AppTokens) -> None:
        self._api = api
        self._tokens = tokens

    @property
    def calls(self) -> int:
        """How many calls to GitHub were made so far, those for tokens among them."""
        return self._api.calls

    def installations(self) -> Iterator[list[InstallationReading]]:
        """List the organizations that the App works in; where it is suspended it does not.

        What is no organization's is passed over: the enterprise's own installation, whose account has no login, and
        one without an account [GH-APP-ENTERPRISE].
        """
        for page in self._api.pages("/app/installations", self._tokens.app_jwt):
            yield [
                InstallationReading(account["login"], account["id"], item["id"])
                for item in page
                if not item["suspended_at"] and "login" in (account := item["account"] or {})
            ]

    def repositories(self, installation: InstallationReading) -> Iterator[list[RepositoryReading]]:
        """List the repositories that an installation reaches, exactly those [GH-INSTALLATION-REPOSITORIES]."""
        for page in self._parts("/installation/repositories", installation):
            yield [
                _repository(item, installation)
                for item in page["repositories"]
                if not item["archived"] and not item["disabled"]
            ]

    def queued(self, repository: RepositoryReading) -> Iterator[list[JobReading]]:
        """List the queued jobs of a repository, those of its oldest runs first [GH-RUNS]."""
        path = f"/repos/{repository.name}/actions/runs"
        runs: set[int] = set()
        for status in _STATUSES:
            wanted = {"status": status, "exclude_pull_requests": "true"}
            for page in self._parts(path, repository.installation, wanted):
                runs |= {run["id"] for run in page["workflow_runs"]}
                yield []
        for run in sorted(runs):
            yield from self._queued_in(f"{path}/{run}/jobs", repository.installation)

    def _queued_in(self, path: str, installation: InstallationReading) -> Iterator[list[JobReading]]:
        """List the queued jobs of the latest attempt of a run [GH-RUN-JOBS]."""
        try:
            for page in self._parts(path, installation, {"filter": "latest"}):
                yield [job_reading(item) for item in page["jobs"] if item["status"] == "queued"]
        except RefusedError as fault:
            if fault.code != "404":  # deleted since it was listed
                raise

    def _parts(
        self, path: str, installation: InstallationReading, params: dict[str, str] | None = None
    ) -> Iterator[Any]:
        """List with an installation's token, asked for anew a page: between two of them an hour can pass."""
        bearer = partial(self._tokens.bearer, installation.organization, installation.installation_id)
        with showing(self._tokens, bearer) as token:
            yield from self._api.pages(path, token, params=params)


def _repository(item: dict[str, Any], installation: InstallationReading) -> RepositoryReading:
    return RepositoryReading(
        installation=installation,
        name=item["full_name"],
        repository_id=item["id"],
        public=not item["private"],
        pushed_at=seconds(item["pushed_at"]) or 0.0,
    )
