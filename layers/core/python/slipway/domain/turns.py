"""Turns: how fast runners may be registered at GitHub, so that its limits are kept and never met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# One credential may make 180 POSTs to an endpoint in any minute, and 100 calls at once, of which a tenth is left to
# others [GH-LIMIT-SECONDARY]. A scope (an enterprise, organization or repository) may register 1,500 runners in any
# five minutes [GH-REGISTRATION-1500].
_A_MINUTE, _AT_ONCE, _IN_FIVE_MINUTES = 180, 90, 1_500
# Rates that nobody exceeds for long: beside them the windows leave room for a burst, and a matrix registers at once.
_PER_SECOND, _SCOPE_PER_SECOND = 2.0, 4.2
_LATENESS_SECONDS, _SLOWEST_ANSWER_SECONDS = 2.0, 10.0
HORIZON_SECONDS = 300.0  # a container is not sent further away: half of what it may take to claim
# Nobody books the queue that all share further ahead: whoever comes then waits behind this much, however many want in.
SHARED_HORIZON_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class RegistrationPace:
    """A token bucket: so many at once, then one every ``interval_seconds``."""

    burst: int
    interval_seconds: float


def pace_of(credentials: int) -> RegistrationPace:
    """Return the pace of registrations in one scope that so many credentials of different owners share."""
    per_second = min(_PER_SECOND * credentials, _SCOPE_PER_SECOND)
    of_each = per_second / credentials
    burst_of_each = min(
        _A_MINUTE - of_each * (60 + _LATENESS_SECONDS), _AT_ONCE - of_each * _SLOWEST_ANSWER_SECONDS
    )
    burst = min(burst_of_each * credentials, _IN_FIVE_MINUTES - per_second * (300 + _LATENESS_SECONDS))
    return RegistrationPace(int(burst), 1 / per_second)


@dataclass(frozen=True, slots=True)
class Turn:
    """When its holder may register, and its number in the order of turns; without one, when to ask again."""

    at: float
    number: int | None


def horizon_of(queues: Sequence[str], position: int) -> float:
    """Return how far ahead, in seconds, a turn is kept in one of several queues, of which the last is shared."""
    is_shared = len(queues) > 1 and position == len(queues) - 1
    return SHARED_HORIZON_SECONDS if is_shared else HORIZON_SECONDS
