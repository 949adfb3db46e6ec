"""Container instances: the EC2 machines under a pool."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from slipway.domain.configuration import Market
from slipway.domain.resources import Resources


class InstanceState(StrEnum):
    """The states of an instance, in the only direction in which it moves."""

    LAUNCHING = "launching"
    READY = "ready"
    DRAINING = "draining"
    GONE = "gone"

    @property
    def rank(self) -> int:
        """Return a number that grows as the instance moves on."""
        return list(InstanceState).index(self)


@dataclass(frozen=True, slots=True)
class Instance:
    """What the ledger knows of one instance. Times are epoch seconds.

    ``registered`` is what ECS registered, or what the catalogue expects while it boots.
    ``connected`` is the agent's control channel: tasks are placed only when it is open [ECS-AGENT-REGISTERS-FIRST].
    """

    instance_id: str
    pool: str
    state: InstanceState
    registered: Resources
    launched_at: float
    instance_type: str = ""
    market: Market | None = None
    arn: str | None = None
    connected: bool = False
    version: int = 0
    ready_at: float | None = None
    idle_since: float | None = None
    draining_at: float | None = None
    empty_at: float | None = None

    @property
    def is_usable(self) -> bool:
        """Say whether ECS would place a task on it now."""
        return self.state is InstanceState.READY and self.connected
