"""A convergence on a ledger in memory, for tests of the order of its steps and of what their faults bring."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, cast

from local.memory_ledger import MemoryStore, memory_ledger
from slipway.domain.configuration import Configuration
from slipway.ports.ledger import Ledger
from slipway.services.applied import Applied
from slipway.services.apply import Apply
from slipway.services.converge import Converge, Converged
from tests.builders import NOW, POOL, a_configuration
from tests.fakes.clock import ManualClock

HOLDER = "holder"


@dataclass
class Calls:
    """What was called, in order; ``faults`` are raised, by call, in place of being done."""

    made: list[str] = field(default_factory=list)
    faults: dict[str, Exception] = field(default_factory=dict)

    def make(self, name: str) -> None:
        """Note a call, and fail it if it is to fail."""
        self.made.append(name)
        if name in self.faults:
            raise self.faults[name]


class Noted:
    """A part whose calls are noted before they are passed on; so are those of what is read to be replaced."""

    def __init__(self, name: str, part: Any, calls: Calls) -> None:
        self._name, self._part, self._calls = name, part, calls

    def __getattr__(self, method: str) -> Any:
        value, name = getattr(self._part, method), f"{self._name}.{method}"
        if not callable(value):
            return value

        def call(*arguments: Any, **named: Any) -> Any:
            self._calls.make(name)
            result = value(*arguments, **named)
            return Noted("published", result, self._calls) if name == "offers.read" else result

        return call


@dataclass
class Outward:
    """In place of ``Act`` and ``End``: nothing is done, and all is well unless ``calls`` says otherwise."""

    calls: Calls

    def __call__(self, _pool: str, _request: object) -> Applied:
        self.calls.make("act")
        return Applied()

    def settle(self, _intents: object) -> Applied:
        return Applied()

    def drain(self, _instance: object) -> None:
        self.calls.make("drain")


@dataclass
class RecordedWakeups:
    """Implements ``ports.queue.Wakeups``."""

    delays: list[int] = field(default_factory=list)

    def wake(self, _pool: str, *, delay_seconds: int = 0, attempt: int = 0) -> None:
        self.delays.append(delay_seconds)


@dataclass
class Stage:
    """One pool. ``apply`` is in the place of what carries plans out, if it is given."""

    configuration: Configuration = field(default_factory=a_configuration)
    apply: Any = None
    calls: Calls = field(default_factory=Calls)
    wakeups: RecordedWakeups = field(default_factory=RecordedWakeups)
    ledger: Ledger = field(default_factory=lambda: memory_ledger(MemoryStore()))

    def converge(self) -> Converged:
        """Converge the pool once."""
        parts = {part.name: getattr(self.ledger, part.name) for part in fields(self.ledger)}
        ledger = replace(
            self.ledger, **{name: cast("Any", Noted(name, part, self.calls)) for name, part in parts.items()}
        )
        outward, clock = cast("Any", Outward(self.calls)), ManualClock(NOW)
        apply = self.apply or Apply(self.configuration, ledger, outward, outward, clock)
        converge = Converge(self.configuration, ledger, apply, self.wakeups, clock, lease_seconds=120)
        return converge(POOL, HOLDER, has_time=lambda: True)
