"""Container instances: the EC2 machines under a pool."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from slipway.domain.configuration import Market
from slipway.domain.matching import Shape
from slipway.domain.resources import Resources

Load = tuple[tuple[Shape, int], ...]  # what an instance was started for: how many tasks of each shape


class InstanceState(StrEnum):
    """The states of an instance, in the only direction in which it moves."""

    # Boots for the stopped tier: pulls images and powers itself off before its agent starts.
    WARMING = "warming"
    STOPPED = "stopped"  # never used, its images on its disk
    LAUNCHING = "launching"
    READY = "ready"
    DRAINING = "draining"
    GONE = "gone"

    @property
    def rank(self) -> int:
        """Return a number that grows as the instance moves on."""
        return _RANKS[self]


_RANKS = {state: rank for rank, state in enumerate(InstanceState)}


@dataclass(frozen=True, slots=True)
class Instance:
    """What the ledger knows of one instance. Times are epoch seconds.

    ``registered`` is what ECS registered, or what the catalogue expects while it boots; ``launched_at`` when it
    was launched, or started last. ``connected`` is the agent's control channel: tasks are placed only when it is
    open [ECS-AGENT-REGISTERS-FIRST]; ``disconnected_at`` since when it is not. ``lost_at`` is when EC2 said that
    it will take the instance away; ``full_until`` is how long ECS is believed that it has less room than its tasks
    leave; ``load`` is what it was launched or started for; ``for_stopped_tier`` says that it was to be stopped;
    ``usd_per_hour`` was its type's list price when it was launched, 0 where that is not known.
    """

    instance_id: str
    pool: str
    state: InstanceState
    registered: Resources
    launched_at: float
    instance_type: str = ""
    subnet: str | None = None
    market: Market | None = None
    template_version: int | None = None
    for_stopped_tier: bool = False
    load: Load = ()
    usd_per_hour: float = 0.0
    arn: str | None = None
    connected: bool = False
    disconnected_at: float | None = None
    version: int = 0
    stopped_at: float | None = None
    ready_at: float | None = None
    idle_since: float | None = None
    full_until: float | None = None
    lost_at: float | None = None
    draining_at: float | None = None
    empty_at: float | None = None

    @property
    def is_usable(self) -> bool:
        """Say whether ECS would place a task on it now."""
        return self.state is InstanceState.READY and self.connected

    @property
    def missed_the_tier(self) -> bool:
        """Say whether it should have been stopped and joined the cluster instead: its host did not power off."""
        return (
            self.for_stopped_tier and self.stopped_at is None and self.state.rank > InstanceState.STOPPED.rank
        )

    @property
    def runs(self) -> bool:
        """Say whether it is an instance that EC2 bills by the second: a stopped one costs its disk alone."""
        return self.state not in (InstanceState.STOPPED, InstanceState.GONE)
