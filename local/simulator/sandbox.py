"""What the sandboxes of our functions keep: the services of one function, wired as they are in AWS."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from local.simulator.surroundings import SETTINGS, Surrounded
from slipway.domain.configuration import Configuration
from slipway.services.claim import Claim, Release
from slipway.services.ingest import Ingest
from slipway.services.reap import ReapStale
from slipway.services.repair import Repair
from slipway.services.scale import Scale
from slipway.wiring import Wiring


@dataclass
class Sandbox:
    """One sandbox; each service is built when it is first asked for, as its function would."""

    configuration: Configuration
    around: Surrounded
    wiring: Wiring = field(init=False)

    def __post_init__(self) -> None:
        self.wiring = Wiring(SETTINGS, self.configuration, self.around)

    @cached_property
    def ingest(self) -> Ingest:
        """Return the webhook's service."""
        around = self.around
        return Ingest(self.configuration, around.secrets, around.jobs_queue(), around.clock)

    @cached_property
    def scale(self) -> Scale:
        """Return the scaler's service."""
        return self.wiring.scale()

    @cached_property
    def claim(self) -> Claim:
        """Return the registrar's answer to a claim."""
        return self.wiring.claim()

    @cached_property
    def release(self) -> Release:
        """Return the registrar's answer to a release."""
        return self.wiring.release()

    @cached_property
    def reap(self) -> ReapStale:
        """Return the reaper's service."""
        return self.wiring.reap()

    @cached_property
    def repair(self) -> Repair:
        """Return the redelivery's service."""
        return self.wiring.repair()
