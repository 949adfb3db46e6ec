"""What a policy is: a way to run a workload, told by its outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from local.catalogue import Catalogue
from local.catalogue.file import shipped
from local.simulator.outcome import Outcome
from local.simulator.workload.jobs import Workload
from local.twin.latency import LatencyModel
from slipway.domain.configuration import Configuration

#: Told how many jobs have ended so far.
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Task:
    """What is the same for all policies that are compared."""

    workload: Workload
    configuration: Configuration
    latency: LatencyModel
    seed: int
    progress: Progress = lambda _done: None
    #: What the configuration names: types that a policy may choose besides, and whose prices these are.
    catalogue: Catalogue = field(default_factory=shipped)


class Policy(Protocol):
    """Runs a workload on the virtual clock; the same task, the same outcome."""

    def __call__(self, task: Task) -> Outcome:
        """Run until every job has ended and everything is given back."""
