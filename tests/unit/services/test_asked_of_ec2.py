"""What is asked of EC2 while the pool is let go: calls under way at once, and those that were never made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

from local.memory_ledger import MemoryStore, memory_ledger
from slipway.domain.configuration import Market
from slipway.domain.errors import RefusedError, ThrottledError
from slipway.domain.intents import ANSWER_SECONDS, Intent, LaunchInstances
from slipway.domain.snapshot import Snapshot
from slipway.ports.fleet import LaunchedInstance, LaunchResult
from slipway.ports.ledger import Ledger
from slipway.services.act import Act
from slipway.services.apply import Apply
from tests.builders import NOW, POOL, a_configuration, a_launch_intent
from tests.fakes.clock import ManualClock


@dataclass
class SlowFleet:
    """Answers each launch a moment after the one before: refuses it, or brings what was asked for."""

    clock: ManualClock
    refuses: bool = True
    on_launch: Callable[[], object] = lambda: None

    def launch(self, intent: Intent) -> LaunchResult:
        self.on_launch()
        self.clock.advance(0.2)
        if self.refuses:
            raise RefusedError("there is no such image", code="InvalidAMIID.NotFound")
        brought = LaunchedInstance("i-1", "m7i.2xlarge", Market.ON_DEMAND, self.clock.now(), intent.token)
        return LaunchResult((brought,))


@dataclass
class Scene:
    """A pool whose launches are all refused, unless its fleet is told otherwise."""

    ledger: Ledger = field(default_factory=lambda: memory_ledger(MemoryStore()))
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))

    def __post_init__(self) -> None:
        """Make what carries out plans for it."""
        tokens = iter(f"{number:032d}" for number in range(100))
        self.fleet = SlowFleet(self.clock)
        fleets = cast("Any", {POOL: self.fleet})
        self.act = Act(a_configuration(), self.ledger, {}, fleets, self.clock, tokens.__next__)
        self.apply = Apply(a_configuration(), self.ledger, self.act, cast("Any", None), self.clock)

    def ask(self) -> Intent:
        """Write down what is to be asked of EC2."""
        request = a_launch_intent().request
        assert isinstance(request, LaunchInstances)
        return self.act.ask(POOL, replace(request, market=Market.ON_DEMAND))

    def snapshot(self) -> Snapshot:
        """Read the pool."""
        return self.ledger.snapshots.read(POOL, self.clock.now())


def failures(scene: Scene) -> int:
    counted = scene.snapshot().launch_failures
    return counted.count if counted else 0


def test_calls_that_are_refused_while_all_were_under_way_are_one_wave() -> None:
    """Three waves open the circuit, and nothing is launched for three minutes."""
    scene = Scene()
    scene.apply.launch(POOL, [scene.ask() for _ in range(3)])
    assert failures(scene) == 1


def test_what_is_asked_for_after_a_refusal_is_the_next_wave() -> None:
    scene = Scene()
    for _ in range(2):
        scene.apply.launch(POOL, [scene.ask()])
        scene.clock.advance(1.0)
    assert failures(scene) == 2


def test_what_ec2_was_never_asked_for_holds_no_place() -> None:
    scene = Scene()
    scene.apply.forget([scene.ask()])
    assert scene.snapshot().intents == ()


def test_it_is_awaited_from_the_call_on_where_the_rest_of_its_round_took_long() -> None:
    scene = Scene()
    asked = scene.ask()
    scene.clock.advance(16.0)
    seen: list[Intent] = []
    scene.fleet.on_launch = lambda: seen.extend(scene.snapshot().intents)
    scene.apply.launch(POOL, [asked])
    [under_way] = seen
    assert under_way.is_awaited(scene.clock.now() + ANSWER_SECONDS - 1)
    assert under_way.token == asked.token


def test_what_is_recorded_and_could_not_be_forgotten_is_awaited_no_more() -> None:
    """It would count beside what it brought for twenty seconds, and nobody would look again."""
    scene = Scene()
    settle, left = scene.act._ledger.intents.settle, iter([ThrottledError("the table is busy")])

    def throttled(intent: Intent) -> None:
        for fault in left:
            raise fault
        settle(intent)

    scene.act._ledger.intents.settle = throttled  # type: ignore[method-assign]
    scene.fleet.refuses = False
    scene.apply.launch(POOL, [scene.ask()])
    [still_there] = scene.snapshot().intents
    assert not still_there.is_awaited(scene.clock.now())
    assert len(scene.snapshot().instances) == 1
