"""What every ``Clock`` must do: tell epoch seconds that never run back."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from local.twin.clock import VirtualClock
from slipway.adapters.clock import ScaledClock, SystemClock
from slipway.ports.clock import Clock
from tests.fakes.clock import ManualClock

CLOCKS: dict[str, Callable[[], Clock]] = {
    "system": SystemClock,
    "scaled": lambda: ScaledClock(time.time(), 60.0),
    "manual": lambda: ManualClock(time.time()),
    "virtual": lambda: VirtualClock(time.time()),
}


@pytest.fixture(params=CLOCKS)
def clock(request: pytest.FixtureRequest) -> Clock:
    return CLOCKS[request.param]()


def test_a_clock_tells_epoch_seconds_and_never_runs_back(clock: Clock) -> None:
    earlier = time.time() - 1
    readings = [clock.now() for _ in range(100)]
    assert readings == sorted(readings)
    assert all(reading >= earlier for reading in readings)


def test_a_scaled_clock_runs_so_many_times_as_fast_from_its_origin_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = ScaledClock(1_000.0, 60.0)
    for wall, model in [(1_000.0, 1_000.0), (1_001.0, 1_060.0), (1_060.0, 4_600.0)]:
        monkeypatch.setattr(time, "time", lambda wall=wall: wall)
        assert clock.now() == model
