"""Thirty pull requests through a day: what each does, and what becomes of its environment."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from local.simulator.environments.world import EnvironmentWorld
from local.twin.github.pulls import PullRequest

HOUR: Final = 3_600.0
MINUTE: Final = 60.0
DAY_SECONDS: Final = 14 * HOUR
LABEL, KEEP = "preview", "preview-keep"
Step = Callable[["Life"], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of life: how it is opened, what happens at which second, whether it has an environment in the end."""

    about: str
    count: int
    steps: tuple[tuple[float, Step], ...]
    opened: dict[str, Any]
    stays: bool = False


@dataclass(slots=True)
class Life:
    """One pull request of a kind."""

    world: EnvironmentWorld
    kind: Kind
    repository: str
    rng: random.Random
    pull: PullRequest | None = None

    def begin(self) -> None:
        """Open it, and plan what happens to it."""
        made = self.world.github.pulls.open(self.repository, branch="feature/x", **self.kind.opened)
        self.pull = made
        for seconds, step in self.kind.steps:
            self.world.clock.schedule(seconds, lambda step=step: step(self))  # type: ignore[misc]

    @property
    def it(self) -> PullRequest:
        """Return the pull request."""
        if self.pull is None:
            raise ValueError("it is not open yet")
        return self.pull


def _build(life: Life, *, is_broken: bool = False) -> None:
    commit = life.it.head_sha

    def built() -> None:
        if life.it.head_sha == commit:
            life.world.push(life.it, is_broken=is_broken)

    life.world.clock.schedule(life.rng.uniform(1 * MINUTE, 6 * MINUTE), built)


def _built(life: Life) -> None:
    _build(life)


def _built_badly(life: Life) -> None:
    _build(life, is_broken=True)


def _pushed(life: Life) -> None:
    life.world.github.pulls.push(life.it)
    _build(life)


def _pushed_in_vain(life: Life) -> None:
    life.world.github.pulls.push(life.it)


def _closed(life: Life) -> None:
    life.world.github.pulls.close(life.it)


def _labelled(life: Life) -> None:
    life.world.github.pulls.label(life.it, LABEL)


def _unlabelled(life: Life) -> None:
    life.world.github.pulls.unlabel(life.it, LABEL)


def _ready(life: Life) -> None:
    life.world.github.pulls.set_draft(life.it, draft=False)


_ASKS: Final = {"labels": (LABEL,)}
KINDS: Final = (
    Kind("pushed to, closed", 6, ((0, _built), (1 * HOUR, _pushed), (2 * HOUR, _pushed), (4 * HOUR, _closed)), _ASKS),
    Kind("stays open", 4, ((0, _built), (8 * HOUR, _pushed)), _ASKS, stays=True),
    Kind("a draft at first", 3, ((0, _built), (1 * HOUR, _ready), (5 * HOUR, _closed)), {**_ASKS, "draft": True}),
    Kind("labelled late, and not for long", 3, ((0, _built), (HOUR / 2, _labelled), (3 * HOUR, _unlabelled)), {}),
    Kind("label off and on", 2, ((0, _built), (2 * HOUR, _unlabelled), (3 * HOUR, _labelled)), _ASKS, stays=True),
    Kind("of a fork", 3, ((0, _built),), {**_ASKS, "source": "fork"}),
    Kind("of a fork that was deleted", 1, ((0, _built),), {**_ASKS, "source": "deleted fork"}),
    Kind("its image never comes", 3, ((2 * HOUR, _pushed_in_vain),), _ASKS),
    Kind("cannot be pulled, then mended", 2, ((0, _built_badly), (3 * HOUR, _pushed)), _ASKS, stays=True),
    Kind("cannot be pulled", 1, ((0, _built_badly),), _ASKS),
    Kind("kept beyond its time", 1, ((0, _built),), {"labels": (LABEL, KEEP)}, stays=True),
    Kind("left alone until its time is over", 1, ((0, _built),), _ASKS),
)  # fmt: skip


def lives(world: EnvironmentWorld, seed: int) -> list[Life]:
    """Plan thirty pull requests, opened within an hour, in repositories that take turns."""
    rng = random.Random(f"{seed}/lives")
    kinds = [kind for kind in KINDS for _ in range(kind.count)]
    rng.shuffle(kinds)
    names = sorted(world.settings.repositories)
    planned = [
        Life(world, kind, names[number % len(names)], random.Random(f"{seed}/{number}"))
        for number, kind in enumerate(kinds)
    ]
    for life in planned:
        world.clock.schedule(rng.uniform(0.0, HOUR), life.begin)
    return planned


def lose_webhooks(world: EnvironmentWorld) -> None:
    """Let webhooks be lost, sent twice, overtaken and late."""
    faults = world.github.deliveries.faults
    faults.lost, faults.doubled, faults.reordered, faults.late = 0.25, 0.1, 0.2, 0.1
