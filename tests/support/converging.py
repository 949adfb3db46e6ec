"""A convergence on a ledger in memory, for tests of the order of its steps and of what their faults bring."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields, replace
from typing import Any, cast

from local.memory_ledger import MemoryStore, memory_ledger
from slipway.domain.configuration import Configuration
from slipway.domain.intents import ANSWER_SECONDS, Intent, Request
from slipway.ports.clock import Clock
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
    """In place of ``Act`` and ``End``: nothing is done, and all is well unless ``calls`` says otherwise.

    What was asked for stays written down, as if its answer never came.
    """

    ledger: Ledger
    calls: Calls
    settled: list[Intent]
    asked: Callable[[], object]

    def __call__(self, _pool: str, _request: object) -> Applied:
        self.calls.make("act")
        return Applied()

    def ask(self, pool: str, request: Request) -> Intent:
        self.calls.make("ask")
        self.asked()
        intent = Intent("token", pool, request, NOW, awaited_until=NOW + ANSWER_SECONDS)
        self.ledger.intents.write(intent)
        return intent

    def carry_out(self, _intent: Intent) -> Applied:
        self.calls.make("carry_out")
        return Applied()

    def forget(self, _intent: Intent) -> None:
        self.calls.make("forget")

    def settle(self, intents: Iterable[Intent]) -> Applied:
        self.settled.extend(intents)
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
    """One pool. ``apply`` is in the place of what carries plans out, if it is given.

    ``settled`` are the intents that were repeated; ``on_ask`` happens when EC2 is to be asked for something; ``pauses``
    are for how long the pool was held when all was done, in seconds of ``clock``.
    """

    configuration: Configuration = field(default_factory=a_configuration)
    apply: Any = None
    calls: Calls = field(default_factory=Calls)
    wakeups: RecordedWakeups = field(default_factory=RecordedWakeups)
    ledger: Ledger = field(default_factory=lambda: memory_ledger(MemoryStore()))
    settled: list[Intent] = field(default_factory=list)
    on_ask: Callable[[], object] = lambda: None
    pauses: list[float] = field(default_factory=list)
    clock: Clock = field(default_factory=lambda: ManualClock(NOW))

    def converge(self, *, has_time: Callable[[], bool] = lambda: True) -> Converged:
        """Converge the pool once."""
        parts = {part.name: getattr(self.ledger, part.name) for part in fields(self.ledger)}
        ledger = replace(
            self.ledger, **{name: cast("Any", Noted(name, part, self.calls)) for name, part in parts.items()}
        )
        outward = cast("Any", Outward(self.ledger, self.calls, self.settled, self.on_ask))
        apply = self.apply or Apply(self.configuration, ledger, outward, outward, self.clock)
        converge = Converge(
            self.configuration,
            ledger,
            apply,
            self.wakeups,
            self.clock,
            lease_seconds=120,
            pause=self._pause,
        )
        return converge(POOL, HOLDER, has_time=has_time)

    def _pause(self, seconds: float) -> None:
        self.calls.make("pause")
        self.pauses.append(seconds)
