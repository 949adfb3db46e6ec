"""A simulation's ledger, looked at before the first write of each model second: as the second before left it.

Nothing is put on the run's clock, so that a run which is recorded is the same as one that is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from local.live.frames import Frame, FrameMaker, about
from local.live.reading import Reader
from local.live.recording import Recorder
from local.memory_ledger import MemoryStore, memory_ledger
from local.simulator.outcome import Outcome
from local.simulator.policies.policy import Task
from local.simulator.policies.slipway import run_slipway
from local.simulator.world import World
from slipway.domain.usage import JobUsage, from_plain, utc_days

_DAY_SECONDS = 86_400.0
_NOT_OF_THE_LINE = ("pk", "sk", "expires_at")


@dataclass(slots=True)
class SimulationWatch:
    """Makes a frame of each model second in which the ledger of a world changed."""

    world: World
    maker: FrameMaker
    keep: Callable[[Frame], None]
    _reader: Reader = field(init=False)
    _lines_seen: dict[str, int] = field(default_factory=dict)
    _second: int | None = None

    def __post_init__(self) -> None:
        self._reader = Reader(memory_ledger(self.world.store), self.maker.configuration.pools)
        self.world.store.before_write = self._before_write

    def look(self, moment: float) -> None:
        """Make a frame of how things are now, as of a moment."""
        self.keep(self.maker.frame(self._reader.read(moment, self._finished(moment))))

    def _before_write(self) -> None:
        second = int(self.world.clock.now())
        if self._second is not None and second > self._second:
            self.look(float(self._second + 1))
        self._second = second

    def _finished(self, now: float) -> Iterator[JobUsage]:
        """Yield the lines of jobs that were written since the last look: a day's partition grows at its end."""
        for day in utc_days(now - _DAY_SECONDS, now):
            name = f"USAGE#{day}"
            seen = self._lines_seen.get(name, 0)
            items = _items_of(self.world.store, name)
            for item in islice(items.values(), seen, None) if len(items) > seen else ():
                line = from_plain({key: value for key, value in item.items() if key not in _NOT_OF_THE_LINE})
                if isinstance(line, JobUsage):
                    yield line
            self._lines_seen[name] = len(items)


def _items_of(store: MemoryStore, partition: str) -> dict[str, dict[str, object]]:
    found = store.partitions.get(partition)
    return found.items if found else {}


def recorded_run(task: Task, file: Path, title: str) -> Outcome:
    """Run Slipway on a task and write a recording of it.

    Raises:
        OSError: the file cannot be written.
    """
    watches: list[SimulationWatch] = []
    with Recorder(file, about(task.configuration, "simulation", title=title)) as recorder:

        def watch(world: World) -> None:
            watches.append(SimulationWatch(world, FrameMaker(task.configuration), recorder.keep))

        outcome = run_slipway(task, look=watch)
        for one in watches:
            one.look(one.world.clock.now())
    return outcome
