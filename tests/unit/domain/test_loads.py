"""What was launched for some jobs holds them when it comes up, in whatever order that happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from slipway.domain.configuration import InstanceType, Market
from slipway.domain.instances import Instance, InstanceState
from slipway.domain.matching import Shape
from slipway.domain.resources import Resources
from tests.builders import NOW, a_configuration, a_job, a_pool, a_profile, a_snapshot, an_arn
from tests.strategies import Situation, of_pools
from tests.support.planning import applied, plan

SIZES = [(1_024, 2_048), (2_048, 7_168), (4_096, 4_096), (2_048, 20_000), (7_000, 9_000)]
SHAPES = [Shape(f"p{number}", Resources(*size)) for number, size in enumerate(SIZES)]
TYPES = (
    InstanceType("four", Resources(4_096, 15_000), 0.20),
    InstanceType("eight", Resources(8_192, 31_000), 0.41),
    InstanceType("wide", Resources(8_192, 63_000), 0.55),
    InstanceType("sixteen", Resources(16_384, 62_000), 0.80),
)


def up(instance: Instance) -> Instance:
    """Return the instance when it has just come up."""
    arn = an_arn(instance.instance_id)
    return replace(instance, state=InstanceState.READY, arn=arn, connected=True, ready_at=NOW)


def a_burst(picks: Sequence[int]) -> Situation:
    """Return a pool without instances in which jobs of many sizes wait."""
    configuration = a_configuration(
        [a_profile(name=shape.profile, size=shape.size, max_runners=500) for shape in SHAPES],
        [a_pool(instance_types=TYPES, market=Market.ON_DEMAND)],
    )
    configuration = replace(
        configuration, fairness=replace(configuration.fairness, max_starting_per_repository=500)
    )
    jobs = tuple(a_job(number, shape=SHAPES[pick]) for number, pick in enumerate(picks, 1))
    return Situation(a_snapshot(jobs=jobs), configuration)


@of_pools
@given(st.data(), st.lists(st.integers(0, 4), min_size=1, max_size=40))
def test_launched_instances_that_come_up_in_any_order_hold_the_jobs_they_were_launched_for(
    data: st.DataObject, picks: list[int]
) -> None:
    situation = a_burst(picks)
    decided = plan(situation.snapshot, situation.configuration)
    snapshot = applied(situation, decided)
    while booting := [i.instance_id for i in snapshot.instances if i.state is InstanceState.LAUNCHING]:
        first = data.draw(st.sets(st.sampled_from(booting), min_size=1))
        instances = tuple(up(i) if i.instance_id in first else i for i in snapshot.instances)
        situation = replace(situation, snapshot=replace(snapshot, instances=instances))
        decided = plan(situation.snapshot, situation.configuration)
        assert decided.launch == ()
        snapshot = applied(situation, decided)
    assert Counter(runner.shape for runner in snapshot.runners) == Counter(SHAPES[pick] for pick in picks)
