"""How long one reading of a pool serves: the larger the pool, the longer; of a small one, not at all."""

from __future__ import annotations

import pytest

from slipway.domain.pace import SMALL, seconds_for
from slipway.domain.snapshot import Snapshot
from tests.builders import a_runner, a_snapshot, an_instance, several_jobs


def of(jobs: int, runners: int = 0, instances: int = 0) -> Snapshot:
    return a_snapshot(
        jobs=several_jobs(jobs),
        runners=tuple(a_runner(number) for number in range(runners)),
        instances=tuple(an_instance(f"i-{number}") for number in range(instances)),
    )


def test_a_small_pool_is_read_as_often_as_there_is_news() -> None:
    assert seconds_for(of(SMALL - 300, runners=200, instances=99)) == 0.0


def test_all_that_is_read_counts() -> None:
    assert seconds_for(of(SMALL - 300, runners=200, instances=100)) > 0.0


@pytest.mark.parametrize("items", [2 * SMALL, 20 * SMALL])
def test_twice_as_large_a_pool_is_read_half_as_often(items: int) -> None:
    assert seconds_for(of(2 * items)) == pytest.approx(2 * seconds_for(of(items)))
