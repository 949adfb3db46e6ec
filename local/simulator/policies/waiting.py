"""Tasks that wait for room, by shape and in the order of their asking."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from local.simulator.policies.hosts import Host
from slipway.domain.matching import Shape

if TYPE_CHECKING:
    from local.simulator.policies.baseline_world import Run


class WaitingTasks:
    """Placing is tried by shape, not by task: what does not fit once need not be asked a thousand times."""

    def __init__(self) -> None:
        self._by_shape: dict[Shape, dict[int, tuple[int, Run]]] = {}
        self._order = itertools.count()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, run: Run) -> None:
        """Let a task wait behind the others."""
        self._by_shape.setdefault(run.served.shape, {})[run.index] = (next(self._order), run)
        self._count += 1

    def remove(self, run: Run) -> None:
        """Let a task wait no more."""
        shape = run.served.shape
        del self._by_shape[shape][run.index]
        self._count -= 1
        if not self._by_shape[shape]:
            del self._by_shape[shape]

    def __contains__(self, run: Run) -> bool:
        return run.index in self._by_shape.get(run.served.shape, {})

    def demand(self) -> dict[Shape, int]:
        """Return how many tasks of each shape wait."""
        return {shape: len(runs) for shape, runs in self._by_shape.items()}

    def oldest(self, shape: Shape) -> Run:
        """Return the task of a shape that has waited longest; there is one."""
        return next(iter(self._by_shape[shape].values()))[1]

    def next_for(self, host: Host) -> Run | None:
        """Return the task that has waited longest of those that fit a host."""
        best: tuple[int, Run] | None = None
        for shape, runs in self._by_shape.items():
            oldest = next(iter(runs.values()))
            if (best is None or oldest[0] < best[0]) and host.fits(shape.size):
                best = oldest
        return best[1] if best else None
