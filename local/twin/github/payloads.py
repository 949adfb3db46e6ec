"""Webhook payloads, made from GitHub's own examples with the twin's facts put in."""

from __future__ import annotations

import base64
import copy
import json
from functools import lru_cache
from typing import Any

from local.twin.github import spec
from local.twin.github.model import JobState, Organization, Repository, WorkflowJob
from local.twin.github.state import World, timestamp

_EXAMPLE_OF = {"queued": 5, "waiting": 7, "in_progress": 3, "completed": 2}
_WITH_ORGANIZATION = 1
_WITH_DEPLOYMENT = 6
_ORGANIZATION_PING = 3
_LASTING = ("repository", "organization", "enterprise", "sender", "installation")
_COMPACT = json.JSONEncoder(separators=(",", ":"), check_circular=False)


class Payloads:
    """Builds payloads for one world; what never changes between events is built once a process, and shared."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._texts: dict[tuple[str, int], str] = {}

    def workflow_job(self, action: str, job: WorkflowJob, state: JobState) -> dict[str, Any]:
        """The body of a ``workflow_job`` event, but for ``installation``, which depends on the hook."""
        example = spec.examples()["workflow_job"][_EXAMPLE_OF[action]]
        payload = {
            "action": action,
            "workflow_job": self._job(example["workflow_job"], job, state),
            "repository": self.repository(job.repository),
            "organization": self.organization(job.repository.organization),
            "enterprise": self.enterprise(),
            "sender": example["sender"],
        }
        if job.request.environment is not None and state.status in ("waiting", "queued"):
            payload["deployment"] = self._deployment(job)
        return payload

    def text(self, payload: dict[str, Any]) -> str:
        """A ``workflow_job`` payload as compact JSON; what never changes between events is encoded once."""
        parts = [f'"{name}":{self._text_of(name, part)}' for name, part in payload.items()]
        return "{" + ",".join(parts) + "}"

    def _text_of(self, name: str, part: Any) -> str:
        if name not in _LASTING:
            return compact(part)
        key = (name, part["id"])
        text = self._texts.get(key)
        if text is None:
            text = self._texts[key] = compact(part)
        return text

    def ping(self, hook_id: int, url: str, event_names: list[str]) -> dict[str, Any]:
        """The body of the ``ping`` event that follows the creation of a hook."""
        payload = copy.deepcopy(spec.examples()["ping"][_ORGANIZATION_PING])
        payload["hook_id"] = payload["hook"]["id"] = hook_id
        payload["hook"]["events"] = event_names
        payload["hook"]["config"]["url"] = url
        return payload

    def organization(self, organization: Organization) -> dict[str, Any]:
        """The ``organization-simple`` object of ``organization``."""
        return _organization(organization, self._world.api_url)

    def owner(self, organization: Organization) -> dict[str, Any]:
        """The ``simple-user`` object by which an account of type Organization appears."""
        return _owner(organization, self._world.api_url)

    def repository(self, repository: Repository) -> dict[str, Any]:
        return _repository(repository, self._world.api_url)

    def _job(self, example: dict[str, Any], job: WorkflowJob, state: JobState) -> dict[str, Any]:
        return example | job_fields(self._world, job, state)

    def enterprise(self) -> dict[str, Any]:
        """The ``enterprise`` object."""
        return _enterprise(self._world.enterprise, self._world.url)

    def _deployment(self, job: WorkflowJob) -> dict[str, Any]:
        example = spec.examples()["workflow_job"][_WITH_DEPLOYMENT]
        old_name = example["repository"]["full_name"]
        renamed = _renamed(example["deployment"], self._world.api_url, {old_name: job.repository.full_name})
        return renamed | {
            "environment": job.request.environment,
            "original_environment": job.request.environment,
            "sha": job.head_sha,
            "created_at": timestamp(job.created_at),
            "updated_at": timestamp(job.created_at),
        }


@lru_cache(maxsize=1_000)
def _organization(organization: Organization, api_url: str) -> dict[str, Any]:
    example = spec.examples()["workflow_job"][_WITH_ORGANIZATION]["organization"]
    return _renamed(example, api_url, {example["login"]: organization.login}) | {
        "id": organization.id,
        "login": organization.login,
        "node_id": node_id("O", organization.id),
    }


def _owner(organization: Organization, api_url: str) -> dict[str, Any]:
    example = spec.examples()["workflow_job"][_EXAMPLE_OF["completed"]]["repository"]["owner"]
    return _renamed(example, api_url, {example["login"]: organization.login}) | {
        "id": organization.id,
        "login": organization.login,
        "node_id": node_id("O", organization.id),
        "type": "Organization",
    }


@lru_cache(maxsize=1_000)
def _repository(repository: Repository, api_url: str) -> dict[str, Any]:
    example = spec.examples()["workflow_job"][_EXAMPLE_OF["completed"]]["repository"]
    return _renamed(example, api_url, {example["full_name"]: repository.full_name}) | {
        "id": repository.id,
        "node_id": node_id("R", repository.id),
        "name": repository.name,
        "owner": _owner(repository.organization, api_url),
        "private": repository.private,
        "visibility": "private" if repository.private else "public",
    }


@lru_cache(maxsize=10)
def _enterprise(enterprise: Organization, url: str) -> dict[str, Any]:
    return {
        "id": enterprise.id,
        "node_id": node_id("E", enterprise.id),
        "name": enterprise.login,
        "slug": enterprise.login,
        "html_url": f"{url}/enterprises/{enterprise.login}",
        "avatar_url": f"{url}/avatars/b/{enterprise.id}",
        "description": None,
        "website_url": None,
        "created_at": "2019-05-14T19:31:12Z",
        "updated_at": "2026-01-01T00:00:00Z",
    }


def _renamed(example: dict[str, Any], api_url: str, names: dict[str, str]) -> dict[str, Any]:
    text = json.dumps(example).replace("https://api.github.com", api_url)
    for old, new in names.items():
        text = text.replace(f"/{old}", f"/{new}").replace(f'"{old}"', f'"{new}"')
    renamed: dict[str, Any] = json.loads(text)
    return renamed


def compact(content: Any) -> str:
    """JSON as GitHub sends it in deliveries."""
    return _COMPACT.encode(content)


def job_fields(world: World, job: WorkflowJob, state: JobState) -> dict[str, Any]:
    """A workflow job as both REST and webhooks show it, in ``state``."""
    api = f"{world.api_url}/repos/{job.repository.full_name}"
    runner = state.runner
    return {
        "id": job.id,
        "run_id": job.run_id,
        "run_url": f"{api}/actions/runs/{job.run_id}",
        "run_attempt": job.run_attempt,
        "node_id": node_id("CR", job.id),
        "head_sha": job.head_sha,
        "head_branch": "main",
        "url": f"{api}/actions/jobs/{job.id}",
        "html_url": f"{world.url}/{job.repository.full_name}/actions/runs/{job.run_id}/job/{job.id}",
        "status": state.status,
        "conclusion": state.conclusion,
        "created_at": timestamp(job.created_at),
        "started_at": timestamp(state.started_at or job.created_at),
        "completed_at": timestamp(state.completed_at) if state.completed_at is not None else None,
        "name": job.request.name,
        "workflow_name": job.request.workflow_name,
        "steps": _steps(state),
        "check_run_url": f"{api}/check-runs/{job.id}",
        "labels": list(job.request.labels),
        "runner_id": runner.id if runner else None,
        "runner_name": runner.name if runner else None,
        "runner_group_id": runner.group_id if runner else None,
        "runner_group_name": runner.group_name if runner else None,
    }


def _steps(state: JobState) -> list[dict[str, Any]]:
    """Steps exist once a runner works on the job."""
    if state.runner is None or state.started_at is None:
        return []
    over = state.completed_at is not None
    return [
        {
            "name": name,
            "status": "completed" if over else "in_progress",
            "conclusion": state.conclusion if over else None,
            "number": number,
            "started_at": timestamp(state.started_at),
            "completed_at": timestamp(state.completed_at) if state.completed_at is not None else None,
        }
        for number, name in enumerate(("Set up job", "Run make") if over else ("Set up job",), start=1)
    ]


@lru_cache(maxsize=10_000)  # a job's is told with each of its events
def node_id(kind: str, number: int) -> str:
    """GitHub's GraphQL id: opaque to everyone."""
    return f"{kind}_{base64.urlsafe_b64encode(str(number).encode()).decode().rstrip('=')}"
