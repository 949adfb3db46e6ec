"""A large pool is held a moment longer than its round takes, so that it is read no oftener than its partition bears."""

from __future__ import annotations

from dataclasses import dataclass

from slipway.domain.pace import SMALL
from slipway.domain.runners import RunnerState
from tests.builders import NOW, POOL, a_runner
from tests.contract.ledger_cases import ROUTE, an_event
from tests.support.converging import Stage


def stage_of(runners: int) -> Stage:
    found = Stage()
    found.ledger.runners.add(
        [a_runner(number, RunnerState.BUSY, pool=POOL) for number in range(1, runners + 1)]
    )
    return found


def test_a_large_pool_is_let_go_when_its_reading_has_served_its_time() -> None:
    found = stage_of(2 * SMALL)
    found.converge()
    (pause,) = found.pauses
    assert 0.05 < pause < 0.5
    assert found.calls.made[-2:] == ["pause", "rows.release"]


@dataclass
class MovingClock:
    """Moves on, or back, whenever it is looked at."""

    seconds: float
    time: float = NOW

    def now(self) -> float:
        self.time += self.seconds
        return self.time


def test_the_time_that_its_round_took_counts() -> None:
    found = stage_of(2 * SMALL)
    found.clock = MovingClock(1.0)
    found.converge()
    assert found.pauses == []


def test_a_clock_that_is_set_back_meanwhile_makes_no_pause_longer() -> None:
    found = stage_of(2 * SMALL)
    found.clock = MovingClock(-3_600.0)
    found.converge()
    (pause,) = found.pauses
    assert 0.05 < pause < 0.5


def test_a_small_one_is_let_go_at_once() -> None:
    found = stage_of(SMALL // 2)
    found.converge()
    assert found.pauses == []


def test_what_ec2_is_to_be_asked_for_waits_for_no_pause() -> None:
    found = stage_of(2 * SMALL)
    found.ledger.jobs.record(an_event(), ROUTE)
    found.converge()
    order = [name for name in found.calls.made if name in ("ask", "pause", "carry_out")]
    assert order[:2] == ["ask", "carry_out"]
