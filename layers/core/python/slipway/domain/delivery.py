"""A webhook delivery of GitHub: payload in, job event out, or the reason to ignore it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from slipway.domain.errors import MalformedError
from slipway.domain.fields import Fields
from slipway.domain.jobs import JobEvent, JobState

_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}", re.ASCII)
_REPOSITORY = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}", re.ASCII)
_DELIVERY_ID = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
_WAITING = "waiting"


class IgnoreReason(StrEnum):
    """Why a delivery is ignored, beside the codes of ``matching.Unserved``."""

    PING = "ping"
    OTHER_EVENT = "other_event"
    UNKNOWN_ACTION = "unknown_action"
    WAITING = "waiting"
    TOO_OLD = "too_old"
    ORGANIZATION_NOT_ALLOWED = "organization_not_allowed"
    REPOSITORY_NOT_ALLOWED = "repository_not_allowed"
    PUBLIC_REPOSITORY = "public_repository"


@dataclass(frozen=True, slots=True)
class Ignored:
    """A delivery that changes nothing: a code (of ``IgnoreReason`` or ``Unserved``) and a sentence."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class RepositoryName:
    """A repository's full name, its parts checked: safe in a URL, a message group, a log."""

    owner: str
    name: str

    def __str__(self) -> str:
        return f"{self.owner}/{self.name}"


def repository_of(payload: Any) -> RepositoryName:
    """Return which repository a payload speaks of; its owner is the organization that is charged.

    The owner is read from the one name that every later request is built with, never from the payload's
    ``organization``: two places could disagree, and a secret bound to one organization would then speak
    for another.

    Raises:
        MalformedError: no repository, or a name that GitHub would not have given.
    """
    return _repository_name(Fields(payload, "").section("repository"))


def _repository_name(repository: Fields) -> RepositoryName:
    owner, _, name = repository.exact_text("full_name").partition("/")
    if not _LOGIN.fullmatch(owner) or not _REPOSITORY.fullmatch(name):
        raise MalformedError("repository.full_name is not OWNER/NAME in GitHub's characters")
    return RepositoryName(owner, name)


def readable_delivery_id(text: str) -> str:
    """Return the ``X-GitHub-Delivery`` header when it has the form of an id, otherwise nothing."""
    return text if _DELIVERY_ID.fullmatch(text) else ""


def read_workflow_job(payload: Any, received_at: float, delivery_id: str) -> JobEvent | Ignored:
    """Read a ``workflow_job`` payload: listed fields only, types strict, strings inert and capped.

    What old GitHub Enterprise Servers leave out (attempt, creation time, branch, workflow) may be absent
    [GH-WJ-OLD-SERVER]. Labels stay as written: ``matching.route`` reads them by a grammar of its own.

    Raises:
        MalformedError: a field is missing or of the wrong type; the message names it, never its value.
    """
    top = Fields(payload, "")
    action, status = top.exact_text("action"), top.section("workflow_job").exact_text("status")
    # An environment's gate says `queued` with status `waiting`; the real one follows approval [GH-WJ-2].
    if _WAITING in (action, status):
        return Ignored(IgnoreReason.WAITING, "the job waits for an approval; another event follows it")
    if action not in set(JobState):
        return Ignored(IgnoreReason.UNKNOWN_ACTION, "not an action of a job's life that is known here")
    return _job_event(JobState(action), top, received_at, delivery_id)


def _job_event(action: JobState, top: Fields, received_at: float, delivery_id: str) -> JobEvent:
    job, repository = top.section("workflow_job"), top.section("repository")
    installation = top.optional_section("installation")
    name = _repository_name(repository)
    return JobEvent(
        action=action,
        job_id=job.identifier("id"),
        run_id=job.identifier("run_id"),
        run_attempt=job.optional_identifier("run_attempt") or 1,
        organization=name.owner,
        organization_id=_owner(top, repository).identifier("id"),
        repository=str(name),
        repository_id=repository.identifier("id"),
        public=_is_public(repository),
        labels=job.texts("labels"),
        received_at=received_at,
        created_at=job.optional_time("created_at"),
        started_at=job.optional_time("started_at"),
        completed_at=job.optional_time("completed_at"),
        conclusion=job.optional_text("conclusion"),
        runner_id=job.optional_identifier("runner_id"),
        runner_name=job.optional_text("runner_name"),
        name=job.optional_text("name") or "",
        workflow=job.optional_text("workflow_name") or "",
        branch=job.optional_text("head_branch") or "",
        installation_id=installation.optional_identifier("id") if installation else None,
        delivery_id=delivery_id,
    )


def _owner(top: Fields, repository: Fields) -> Fields:
    """Return who owns the repository; App hooks may leave ``organization`` out [GH-WJ-ORGANIZATION]."""
    return top.optional_section("organization") or repository.section("owner")


def _is_public(repository: Fields) -> bool:
    """Say whether anyone can read the repository; when the payload does not tell, it may be."""
    private, visibility = repository.optional_flag("private"), repository.optional_text("visibility")
    if private is None:
        return visibility not in ("private", "internal")
    return not private or visibility == "public"
