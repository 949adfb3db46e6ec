"""Latencies are drawn from a table by a random source that the caller owns."""

from __future__ import annotations

import random
import statistics
from functools import cache
from typing import Any

import pytest
import yaml

from local.twin.latency import LATENCIES, LatencyModel, Lognormal, Phase, Uniform, exactly


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


@cache
def entries() -> dict[str, dict[str, Any]]:
    documented: dict[str, dict[str, Any]] = yaml.safe_load(LATENCIES.read_text("utf-8"))
    return documented


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_says_what_it_is_on_which_basis_and_from_where(phase: Phase) -> None:
    entry = entries()[phase]
    assert entry["basis"] in ("documented", "measured", "estimated")
    assert len(entry["about"]) > 15
    assert len(entry["source"]) > 10


def test_the_file_has_no_phase_that_nobody_can_name() -> None:
    assert set(entries()) == {phase.value for phase in Phase}


def test_the_two_minutes_of_the_spot_notice_are_the_same_with_and_without_delays() -> None:
    assert LatencyModel.modelled().phases[Phase.SPOT_NOTICE] == exactly(120.0)
    assert LatencyModel.none().phases[Phase.SPOT_NOTICE] == exactly(120.0)


def test_a_uniform_stays_within_its_ends_and_is_scaled_with_them() -> None:
    rng = random.Random(2)
    draws = [Uniform(5.0, 60.0).draw(rng) for _ in range(5_000)]
    assert 5.0 <= min(draws) < 6.0
    assert 59.0 < max(draws) <= 60.0
    assert abs(statistics.mean(draws) - 32.5) < 1.0
    assert Uniform(5.0, 60.0).scaled(0.5) == Uniform(2.5, 30.0)


def test_the_listener_takes_the_mean_that_was_published() -> None:
    rng, session = random.Random(3), LatencyModel.modelled().phases[Phase.LISTENER_SESSION]
    draws = [session.draw(rng) for _ in range(50_000)]
    assert abs(statistics.mean(draws) - 3.7) < 0.1


def test_bottlerocket_boots_faster_and_changes_nothing_else() -> None:
    model = LatencyModel.modelled()
    bottlerocket = model.on_bottlerocket()
    assert bottlerocket.phases[Phase.RUNNING_TO_REGISTERED] == Lognormal(12.0, 20.0)
    assert {p for p in Phase if bottlerocket.phases[p] != model.phases[p]} == {Phase.RUNNING_TO_REGISTERED}


def median_of(phases: list[Phase]) -> float:
    rng, model = random.Random(4), LatencyModel.modelled()
    return statistics.median(sum(model.draw(phase, rng) for phase in phases) for _ in range(5_000))


def test_a_managed_instance_runs_its_first_container_40_seconds_from_zero() -> None:
    assert (
        38
        < median_of(
            [
                Phase.MANAGED_INSTANCES_DECISION,
                Phase.CREATE_FLEET_CALL,
                Phase.PENDING_TO_RUNNING,
                Phase.RUNNING_TO_REGISTERED_BOTTLEROCKET,
                Phase.PLACE,
                Phase.IMAGE_PULL,
                Phase.CONTAINER_START,
            ]
        )
        < 43
    )


def test_cluster_auto_scaling_takes_77_seconds_to_notice() -> None:
    noticing = [Phase.CAS_METRIC_PUBLISH, Phase.CAS_ALARM_EVALUATION, Phase.CAS_TRACKING_TO_LAUNCH]
    assert abs(median_of(noticing) - 77) < 2
