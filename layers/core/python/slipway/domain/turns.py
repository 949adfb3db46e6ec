"""Turns: how fast runners may be registered at GitHub, so that its limits are kept and never met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# Rates that nobody exceeds for long leave room in GitHub's windows for a burst: who comes together registers together.
# One credential may make 180 POSTs to an endpoint in any minute, and 100 calls at once [GH-LIMIT-SECONDARY]: with two
# seconds of lateness its turns stay below the one, with answers that take all of the client's 10 s below the other,
# also when it goes on alone because all others rest.
_BURST, _PER_SECOND = 76, 1.4
# 1,500 registrations in any five minutes, an enterprise, organization or repository [GH-REGISTRATION-1500].
_SCOPE_BURST, _SCOPE_PER_SECOND = 228, 4.2
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
    return RegistrationPace(min(_BURST * credentials, _SCOPE_BURST), 1 / per_second)


@dataclass(frozen=True, slots=True)
class Turn:
    """When its holder may register, and its number in the order of turns; without one, when to ask again."""

    at: float
    number: int | None


def horizon_of(queues: Sequence[str], position: int) -> float:
    """Return how far ahead, in seconds, a turn is kept in one of several queues, of which the last is shared."""
    is_shared = len(queues) > 1 and position == len(queues) - 1
    return SHARED_HORIZON_SECONDS if is_shared else HORIZON_SECONDS
