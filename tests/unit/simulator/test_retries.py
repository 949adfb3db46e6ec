"""What boto3 repeats: our lists are those of the pinned botocore. And what the ledger repeats itself."""

from __future__ import annotations

import random
from typing import Any

from botocore.retries import standard

from local.simulator import retries
from local.simulator.calls import Calls
from local.simulator.fibers import Fibers
from local.twin.clock import VirtualClock
from local.twin.latency import LatencyModel

THROTTLED: Any = standard.ThrottledRetryableChecker
TRANSIENT: Any = standard.TransientRetryableChecker


def test_the_codes_that_are_repeated_are_botocore_s() -> None:
    assert {
        *THROTTLED._THROTTLED_ERROR_CODES,
        *TRANSIENT._TRANSIENT_ERROR_CODES,
    } == retries._THROTTLES | retries._TRANSIENT
    assert set(TRANSIENT._TRANSIENT_STATUS_CODES) == retries._SERVER_FAULTS
    assert TRANSIENT._TRANSIENT_EXCEPTION_CLS == retries._LOST


def test_the_ledger_s_pauses_take_time_on_the_clock_and_none_outside_of_functions() -> None:
    clock = VirtualClock(0.0)
    calls = Calls(Fibers(clock), LatencyModel.none(), random.Random(1))
    ended: list[float] = []

    def work() -> None:
        for _ in range(50):
            calls.patience.rest(9)
        ended.append(clock.now())

    calls.patience.rest(9)
    assert clock.now() == 0.0
    calls.fibers.start(work)
    clock.advance(100.0)
    (after,) = ended
    assert 5.0 < after < 50.0
