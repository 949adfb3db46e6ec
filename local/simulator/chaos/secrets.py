"""The secrets of a run, and where they must not stand."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

from local.simulator.world import WEBHOOK_SECRET
from local.twin.github.keys import app_keys

#: Every JIT config of the twin begins with the name of its first file, in base64.
_JIT_BEGINS: Final = "eyIucnVubmVyIjo"


def secrets_in(text: str) -> Iterator[str]:
    """Return the names of the secrets that stand in a text."""
    return (name for name, secret in _secrets().items() if secret in text)


@cache
def _secrets() -> dict[str, str]:
    return {
        "webhook secret": WEBHOOK_SECRET,
        "key of the App": app_keys()[0].splitlines()[1],
        "classic token": "ghp_",
        "installation token": "ghs_",
        "JIT config": _JIT_BEGINS,
    }
