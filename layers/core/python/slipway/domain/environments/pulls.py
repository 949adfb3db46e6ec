"""Pull requests: what GitHub says of them now, and the slim event that only wakes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slipway.domain import strict_json
from slipway.domain.environments.names import EnvironmentKey
from slipway.domain.errors import MalformedError, UnavailableError

ENVELOPE_VERSION = 1
SWEEP_MESSAGE = '{"slipway":"sweep"}'
LOOK_MESSAGE = '{"slipway":"look"}'
"""Asks for another look at what is under way; it names no repository."""
ACTIONS = frozenset(
    {
        "opened",
        "reopened",
        "synchronize",
        "labeled",
        "unlabeled",
        "closed",
        "converted_to_draft",
        "ready_for_review",
    }
)


@dataclass(frozen=True, slots=True)
class PullRequest:
    """An open pull request. ``labels`` are lower-case; ``is_fork`` also where the head's repository is gone."""

    key: EnvironmentKey
    commit: str
    branch: str
    actor: str
    labels: frozenset[str] = frozenset()
    is_draft: bool = False
    is_fork: bool = False


@dataclass(frozen=True, slots=True)
class PullRequestEvent:
    """One ``pull_request`` event, allow-listed. It says where to look; what is true is read from GitHub."""

    action: str
    repository: str
    number: int
    received_at: float
    delivery_id: str = ""


def encode_pull_request_event(event: PullRequestEvent) -> str:
    """Return the event as it travels on the ``environments`` queue."""
    return json.dumps(
        {
            "version": ENVELOPE_VERSION,
            "action": event.action,
            "repository": event.repository,
            "number": event.number,
            "received_at": event.received_at,
            "delivery_id": event.delivery_id,
        },
        separators=(",", ":"),
    )


def repositories_of(text: str, known: Mapping[str, str]) -> frozenset[str]:
    """Return which repositories a message asks to look at; ``known`` is where the images of each lie.

    All for a sweep; for an image that was pushed [EVENTS-ECR] those that are made of it; else the one that is named. A
    repository that is configured no longer is none.

    Raises:
        MalformedError: it is none of ours. UnavailableError: it is of a newer version than this function.
    """
    body = strict_json.loads(text)
    if not isinstance(body, dict):
        raise MalformedError("a message of the environments queue is no object")
    if body.get("slipway") in ("sweep", "look"):
        return frozenset(known) if body["slipway"] == "sweep" else frozenset()
    if body.get("source") == "aws.ecr":
        detail = body.get("detail")
        pushed = detail.get("repository-name") if isinstance(detail, dict) else None
        return frozenset(name for name, place in known.items() if place == pushed)
    version, repository = body.get("version"), body.get("repository")
    if type(version) is int and version > ENVELOPE_VERSION:
        raise UnavailableError(f"a message of the environments queue is of the newer version {version}")
    if type(version) is not int or version != ENVELOPE_VERSION or not isinstance(repository, str):
        raise MalformedError(
            f"a message of the environments queue is not of version {ENVELOPE_VERSION}, or names no repository"
        )
    return frozenset({repository.lower()} & known.keys())


def read_pull_request_event(payload: Any, received_at: float, delivery_id: str) -> PullRequestEvent | str:
    """Read a ``pull_request`` payload; an action that changes no environment is returned as it is called.

    Raises:
        MalformedError: a field is missing or of the wrong type.
    """
    from slipway.domain.delivery import repository_of  # noqa: PLC0415 - the webhook alone reads payloads
    from slipway.domain.fields import Fields  # noqa: PLC0415

    top = Fields(payload, "")
    action, number = top.exact_text("action"), top.section("pull_request").identifier("number")
    if action not in ACTIONS:
        return action
    return PullRequestEvent(action, str(repository_of(payload)), number, received_at, delivery_id)
