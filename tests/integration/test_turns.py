"""Many claims at once against GitHub's documented limits, on the virtual clock."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from slipway.domain.turns import RegistrationPace, Turn, pace_of
from tests.bench.claims import Crowd


@pytest.mark.parametrize("owners", [1, 3])
def test_a_crowd_is_registered_as_fast_as_the_limits_allow_and_none_is_met(owners: int) -> None:
    """[GH-LIMIT-SECONDARY] [GH-REGISTRATION-1500]"""
    crowd = Crowd(claims=500, owners=owners)
    crowd.run()
    pace = pace_of(owners)
    assert crowd.refused_by_limit == 0
    assert crowd.seconds <= (500 - pace.burst) * pace.interval_seconds + 1.0
    counts = crowd.by_owner().values()
    assert max(counts) - min(counts) <= 1


def test_who_takes_no_turns_meets_the_limits() -> None:
    """So that the test above can fail."""

    class Everybody:
        def take(self, queues: Sequence[str], holder: str, pace: RegistrationPace, now: float) -> Turn:
            return Turn(now, 0)

    crowd = Crowd(claims=300, owners=1, turns=Everybody())
    crowd.run()
    assert crowd.refused_by_limit > 100


def test_the_flood_of_one_organization_waits_behind_itself() -> None:
    """Six hundred claims of alpha book minutes ahead; a claim of beta's that comes later waits for a few of them."""
    crowd = Crowd(claims=600, owners=1, logins=("alpha",))
    crowd.start()
    crowd.acme.clock.advance(60.0)
    came_at = crowd.acme.clock.now()
    crowd.come(10_000, "beta")
    while 10_000 not in crowd.registered:
        crowd.step()
    assert crowd.registered[10_000] - came_at <= 5.0
    assert len(crowd.registered) < 300
