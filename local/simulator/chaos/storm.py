"""The storm: while it lasts faults come as the recipe says, each from a random source of its own."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from local.simulator.chaos.event_log import EventLog
from local.simulator.chaos.recipe import Recipe
from local.simulator.world import World


@dataclass(slots=True)
class Storm:
    """What makes faults shares this: the world, the recipe, and a count of what has fired.

    ``lost_hosts`` are the instances (by id) that AWS took away, ``crashed`` the tasks whose container died by itself,
    ``wide_groups`` when runner groups (by name) were wider than we made them, from when until when; ``ends`` is what is
    put right when the storm is over.
    """

    world: World
    recipe: Recipe
    log: EventLog
    counts: Counter[str] = field(default_factory=Counter)
    is_over: bool = False
    lost_hosts: set[str] = field(default_factory=set)
    crashed: set[str] = field(default_factory=set)
    wide_groups: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    ends: list[Callable[[], None]] = field(default_factory=list)
    over_at: float = 0.0
    last_fault_at: float = 0.0
    _sources: dict[str, random.Random] = field(default_factory=dict)

    def source(self, name: str) -> random.Random:
        """Return a fault's own random source, so that no fault's draws change another's."""
        if name not in self._sources:
            self._sources[name] = random.Random(f"chaos/{self.recipe.seed}/{name}")
        return self._sources[name]

    def rate(self, name: str) -> float:
        """Return a fault's rate in this run, 0 when it is not part of the mix or the storm is over."""
        return 0.0 if self.is_over else self.recipe.rates.get(name, 0.0)

    def happens(self, name: str, what: str = "") -> bool:
        """Draw by a fault's rate; if it comes, it is counted and told."""
        rate = self.rate(name)
        if rate <= 0 or self.source(name).random() >= rate:
            return False
        self.fired(name, what)
        return True

    def fired(self, name: str, what: str = "") -> None:
        """Count a fault and note it."""
        self.counts[name] += 1
        self.last_fault_at = self.world.clock.now()
        self.log.tell("FAULT", f"{name} {what}" if what else name)

    def again_and_again(self, name: str, act: Callable[[random.Random], str | None]) -> None:
        """Act at random moments, as often an hour as the rate says; ``act`` tells to what, None: to nothing."""
        rate, rng, clock = self.rate(name), self.source(name), self.world.clock
        if rate <= 0:
            return

        def due() -> None:
            if self.is_over:
                return
            what = act(rng)
            if what is not None:
                self.fired(name, what)
            clock.schedule(rng.expovariate(rate / 3600.0), due)

        clock.schedule(rng.expovariate(rate / 3600.0), due)

    def for_a_while(self, seconds: float, undo: Callable[[], None]) -> None:
        """Undo something later, at the end of the storm at the latest; ``undo`` may be called twice."""
        self.world.clock.schedule(seconds, undo)
        self.ends.append(undo)

    def end(self) -> None:
        """Calm down: nothing fails any more."""
        self.is_over = True
        for undo in self.ends:
            undo()
        self.over_at = self.last_fault_at = self.world.clock.now()
        self.log.tell("FAULT", "the storm is over")
