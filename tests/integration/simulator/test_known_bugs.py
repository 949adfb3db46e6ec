"""The checks of chaos can fail: each bug that is planted is seen within fifty seeds."""

from __future__ import annotations

import pytest

from local.simulator.chaos.run import run_seed
from tests.integration.simulator.known_bugs import BUGS, Bug

SEEDS = 50


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_seen_within_fifty_seeds(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    bug.plant(monkeypatch.setattr)
    seeds = range(bug.first_seed, bug.first_seed + SEEDS)
    broken = next(
        (found for seed in seeds if (found := run_seed(seed, ends_when_broken=True).violations)), ()
    )
    assert broken, f"{bug.says}: nothing was seen in {SEEDS} seeds"
