"""Chance, the same for every policy: what befalls a job is drawn by its number, not by the order of events."""

from __future__ import annotations

import random
from dataclasses import dataclass

from local.twin.latency import LatencyModel


@dataclass(frozen=True, slots=True)
class Draws:
    """Durations in seconds by what they belong to."""

    latency: LatencyModel
    seed: int

    def chance(self, *what: object) -> random.Random:
        """Return the source of chance for one thing: equal names, equal draws."""
        return random.Random("/".join(map(str, (self.seed, *what))))

    def of_job(self, index: int, phase: str, attempt: int = 0) -> float:
        """Return how long a phase of a job takes; each further attempt has its own."""
        again = (attempt,) if attempt else ()
        return self.latency.draw(phase, self.chance(index, phase, *again))

    def of(self, name: str, phase: str) -> float:
        """Return how long a phase takes of something that has a name: an instance, a scaling step."""
        return self.latency.draw(phase, self.chance(name, phase))
