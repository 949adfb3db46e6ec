"""How it is with a pull request's environment: the plan's own reason, as the function remembers it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.words import iso
from slipway.domain.environments.announcing import address_of, sentence_of
from slipway.domain.environments.found import Note
from slipway.domain.environments.names import EnvironmentKey
from slipway.domain.environments.settings import Environments

_UNASKED = (
    "nothing is known of {key}: it has no label {label!r}, GitHub has not told of it yet (a lost webhook is made "
    "up for within five minutes), or the repository is not named in environments.repositories"
)


def as_json(
    key: EnvironmentKey, notes: Mapping[EnvironmentKey, Note], settings: Environments
) -> dict[str, Any]:
    """Return what is known of a pull request: its reason as a code and in words, its address and its commit."""
    note = notes.get(key)
    if note is None:
        answer = _UNASKED.format(key=key, label=settings.label)
        return {"pull_request": str(key), "state": "unknown", "answer": answer}
    return {
        "pull_request": str(key),
        "state": note.why.value,
        "answer": sentence_of(note, settings),
        "address": address_of(key, settings),
        "commit": note.commit,
        "since": iso(note.since),
        "failing_since": iso(note.failing_since) if note.failing_since is not None else None,
    }
