"""Which pull requests ask for an environment, and which of those may have one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from slipway.domain.environments.found import Note
from slipway.domain.environments.names import EnvironmentKey
from slipway.domain.environments.pulls import PullRequest
from slipway.domain.environments.reasons import HELD, OVER, REFUSED, Why
from slipway.domain.environments.settings import Environments


@dataclass(frozen=True, slots=True)
class Reading:
    """What GitHub said of a repository: its open pull requests, or ``None`` where it did not answer.

    ``is_gone`` when it answered that there is none.
    """

    repository: str
    pulls: tuple[PullRequest, ...] | None = None
    is_gone: bool = False


def refusal(pull: PullRequest, settings: Environments) -> Why | None:
    """Return why a pull request gets no environment, whatever else is true.

    A fork's is refused first and always: its author is anybody, and what runs in the environment is theirs.
    """
    if pull.is_fork:
        return Why.FORK
    if settings.label.lower() not in pull.labels:
        return Why.NO_LABEL
    return Why.DRAFT if pull.is_draft and not settings.drafts else None


def asks(pull: PullRequest, settings: Environments) -> bool:
    """Say whether a pull request asks for an environment: it has the label."""
    return settings.label.lower() in pull.labels


def noted(pull: PullRequest, note: Note | None, settings: Environments, now: float) -> Note:
    """Return what is to be remembered of a pull request that may have an environment, before its plan is made.

    Its time begins with each commit, and anew when it was refused or held before. ``keep_label`` stops it from ending.
    """
    key = pull.key
    if note is None:
        return Note(key, pull.commit, now, Why.IMAGE_AWAITED)
    if note.commit != pull.commit:
        return replace(note, commit=pull.commit, since=now, why=Why.IMAGE_AWAITED, failing_since=None)
    if note.why in REFUSED:
        return replace(note, since=now, why=Why.IMAGE_AWAITED, failing_since=None)
    if note.why is Why.UNHEALTHY:
        return note
    if note.why in HELD:
        return replace(note, since=now)
    keeps = settings.keep_label.lower() in pull.labels
    if keeps:
        return note if note.why is not Why.EXPIRED else replace(note, since=now, why=Why.IMAGE_AWAITED)
    is_over = now - note.since >= settings.time_to_live_seconds
    return note.about(Why.EXPIRED) if is_over else note


def is_over(note: Note) -> bool:
    """Say whether it had its time, or its chance, with this commit."""
    return note.why in OVER


def key_of_repository(repository: str) -> EnvironmentKey:
    """Return under which key a repository itself is remembered."""
    return EnvironmentKey(repository, 0)
