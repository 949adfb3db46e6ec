"""Workflow jobs: what GitHub told us of them, and the slim event that travels on the ``jobs`` queue."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from slipway.domain import strict_json
from slipway.domain.errors import MalformedError, UnavailableError

ENVELOPE_VERSION = 1
MAX_TEXT = 200
LONGEST_WAIT_SECONDS = 24 * 3_600  # GitHub fails a job that no runner took for so long [GH-JOB-24H]


class JobState(StrEnum):
    """GitHub's words, in the only direction in which a job moves."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"

    @property
    def rank(self) -> int:
        """Return a number that grows as the job moves on; a lower rank arriving late moves nothing back."""
        return _RANKS[self]


_RANKS = {JobState.QUEUED: 1, JobState.IN_PROGRESS: 2, JobState.COMPLETED: 3}


@dataclass(frozen=True, slots=True, order=True)
class JobKey:
    """One try of one job: re-runs get new ids and a higher attempt [GH-WJ-14].

    The organization (lower-case) is part of it: who may sign for one organization can claim any job id, and
    must not be able to move another's job.
    """

    organization: str
    job_id: int
    run_attempt: int

    def __str__(self) -> str:
        return f"{self.organization}/{self.job_id}-{self.run_attempt}"

    @classmethod
    def parse(cls, text: str) -> JobKey:
        """Read a key back from its text.

        Raises:
            ValueError: it is not the text of a key.
        """
        organization, _, numbers = text.rpartition("/")
        job_id, _, attempt = numbers.partition("-")
        return cls(organization, int(job_id), int(attempt))


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One ``workflow_job`` event, allow-listed, capped and stripped. Times are epoch seconds.

    ``repository`` is the full name; ``labels`` are those of ``runs-on``, as written.
    """

    action: JobState
    job_id: int
    run_id: int
    run_attempt: int
    organization: str
    organization_id: int
    repository: str
    repository_id: int
    public: bool
    labels: tuple[str, ...]
    received_at: float
    created_at: float | None = None
    started_at: float | None = None
    completed_at: float | None = None
    conclusion: str | None = None
    runner_id: int | None = None
    runner_name: str | None = None
    name: str = ""
    workflow: str = ""
    branch: str = ""
    installation_id: int | None = None
    delivery_id: str = ""

    @property
    def key(self) -> JobKey:
        """Return what tells this job from every other."""
        return JobKey(self.organization.lower(), self.job_id, self.run_attempt)

    @property
    def may_be_of_a_check_run(self) -> bool:
        """Say whether this is a success that names no runner: a check run of the job may have ended [GH-WJ-6]."""
        has_no_runner = self.runner_id is None and self.runner_name is None
        return self.action is JobState.COMPLETED and self.conclusion == "success" and has_no_runner

    @property
    def queued_at(self) -> float:
        """Return when the job began to wait by GitHub's clock, or when we heard of it."""
        return self.created_at if self.created_at is not None else self.received_at


_NAMES = tuple(one.name for one in fields(JobEvent))
_COMPACT = json.JSONEncoder(separators=(",", ":"))


def encode_job_event(event: JobEvent) -> str:
    """Return the event as it travels on the ``jobs`` queue: versioned compact JSON."""
    body = {name: value for name in _NAMES if (value := getattr(event, name)) not in (None, "")}
    return _COMPACT.encode({"version": ENVELOPE_VERSION, **body})


def decode_job_event(text: str) -> JobEvent:
    """Read an event back from the ``jobs`` queue.

    Raises:
        MalformedError: not our JSON, no known version, a missing or wrongly typed field.
        UnavailableError: a newer version: a newer webhook is deployed already, and this function soon will be.
    """
    body = strict_json.loads(text)
    version = body.pop("version", None) if isinstance(body, dict) else None
    if isinstance(version, int) and version > ENVELOPE_VERSION:
        raise UnavailableError(f"a message of the jobs queue is of the newer version {version}")
    if not isinstance(body, dict) or version != ENVELOPE_VERSION:
        raise MalformedError(f"a message of the jobs queue is not of version {ENVELOPE_VERSION}")
    try:
        return JobEvent(**_checked(body))
    except (KeyError, TypeError, ValueError) as fault:
        raise MalformedError(f"a message of the jobs queue has a bad field: {fault}") from fault


_TYPES: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "int": (int,),
    "int | None": (int,),
    "float": (int, float),
    "float | None": (int, float),
    "str": (str,),
    "str | None": (str,),
}


_ALLOWED = {one.name: _TYPES.get(str(one.type)) for one in fields(JobEvent)}


def _checked(body: dict[str, Any]) -> dict[str, Any]:
    body = {name: value for name, value in body.items() if name in _ALLOWED}  # a newer webhook may tell more
    for name, value in body.items():
        allowed = _ALLOWED[name]
        if allowed and type(value) not in allowed:  # to isinstance true is a whole number
            raise TypeError(f"{name} is {type(value).__name__}")
    labels = body["labels"]
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise TypeError("labels is not a list of strings")
    return {**body, "action": JobState(body["action"]), "labels": tuple(labels)}
