"""Latencies are drawn from a table by a random source that the caller owns."""

from __future__ import annotations

import random
import statistics

from local.twin.latency import LatencyModel, Lognormal, Phase, exactly


def test_a_lognormal_has_the_median_and_95th_percentile_it_names() -> None:
    rng = random.Random(1)
    draws = sorted(Lognormal(7.0, 15.0).draw(rng) for _ in range(20_000))
    assert abs(statistics.median(draws) - 7.0) < 0.2
    assert abs(draws[int(0.95 * len(draws))] - 15.0) < 0.6


def test_the_same_seed_draws_the_same_latencies() -> None:
    model = LatencyModel.modelled()
    draws = [
        [model.draw(Phase.IMAGE_PULL, rng) for _ in range(5)] for rng in (random.Random(3), random.Random(3))
    ]
    assert draws[0] == draws[1]


def test_no_latency_leaves_only_the_two_minute_spot_notice() -> None:
    model, rng = LatencyModel.none(), random.Random(0)
    delays = {phase: model.draw(phase, rng) for phase in Phase}
    assert delays.pop(Phase.SPOT_NOTICE) == 120.0
    assert set(delays.values()) == {0.0}


def test_scaling_and_replacing_leave_the_original_alone() -> None:
    model, rng = LatencyModel.modelled(), random.Random(0)
    changed = model.replacing({Phase.PLACE: exactly(4.0)}).scaled(0.5)
    assert changed.draw(Phase.PLACE, rng) == 2.0
    assert changed.draw(Phase.SPOT_NOTICE, rng) == 120.0
    assert model.phases[Phase.PLACE] == Lognormal(0.4, 1.5)


def test_every_phase_has_a_modelled_latency() -> None:
    assert set(LatencyModel.modelled().phases) == set(Phase)
