"""Writes that met another one or found no room: which failures pass by themselves, and the pauses between tries."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from slipway.adapters.aws_errors import aws_errors
from slipway.domain.errors import ThrottledError

T = TypeVar("T")
TRIES = 8
_FIRST_SECONDS, _MOST_SECONDS = 0.05, 1.0

_MEETING, _NO_ROOM = "another transaction was in the way", "DynamoDB had no capacity"
_BY_CODE = {"TransactionConflictException": _MEETING, "TransactionInProgressException": _MEETING}
# Why a transaction is cancelled that can be written as it is a moment later [DDB-TRANSACT] [DDB-CANCELLED].
_BY_REASON = {
    "TransactionConflict": _MEETING,
    "ProvisionedThroughputExceeded": _NO_ROOM,
    "ThrottlingError": _NO_ROOM,
}
PASSING = {*_BY_REASON, "None"}
"""What a part of a cancelled transaction says that passes by itself, or that others were in the way of."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Makes a write again after a pause while what is in its way passes; what else fails is raised at once.

    botocore repeats none of it but a transaction in progress [BOTO-STANDARD-RETRIES]. ``draw`` returns a number from
    0 to 1.
    """

    pause: Callable[[float], None] = time.sleep
    draw: Callable[[], float] = random.random

    def __call__(self, action: str, write: Callable[[], T]) -> T:
        """Make a write, named by what is being done.

        Raises:
            ThrottledError: what was in its way stayed there; nothing was written. ClientError: one for the table.
        """
        for tried in count(1):
            try:
                with aws_errors(action):
                    return write()
            except ClientError as fault:
                met = _what_it_met(fault)
                if met is None:
                    raise
                if tried == TRIES:
                    raise ThrottledError(f"{action}: {met} too often", retry_after_seconds=1) from fault
            self.rest(tried)
        raise AssertionError("it counts for ever")

    def rest(self, tried: int) -> None:
        """Wait a random part of a time that doubles from try to try: two that met do not meet again."""
        self.pause(self.draw() * min(_FIRST_SECONDS * 2.0 ** (tried - 1), _MOST_SECONDS))


def code_of(fault: ClientError) -> str:
    """Return the code of a failure."""
    return str(fault.response.get("Error", {}).get("Code", ""))


def reasons_of(fault: ClientError) -> list[str]:
    """Return why each part of a transaction was cancelled, "None" where it was not its fault."""
    reasons: list[dict[str, Any]] = fault.response.get("CancellationReasons", [])  # type: ignore[assignment]
    return [str(reason.get("Code", "")) for reason in reasons]


def _what_it_met(fault: ClientError) -> str | None:
    """Return what was in a write's way if that passes by itself, else None."""
    if code_of(fault) != "TransactionCanceledException":
        return _BY_CODE.get(code_of(fault))
    reasons = set(reasons_of(fault))
    met = {_BY_REASON[reason] for reason in reasons if reason in _BY_REASON}
    return " and ".join(sorted(met)) if met and reasons <= PASSING else None
