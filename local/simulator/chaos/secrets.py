"""The secrets of a run, and where they must not stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Final

from local.infrastructure.places import QUEUES
from local.simulator.chaos.storm import Storm
from local.simulator.world import WEBHOOK_SECRET
from local.twin.github.keys import app_keys
from slipway.adapters.ledger.table import Item
from slipway.domain.plan import Plan
from slipway.services.claim import Answer

#: Every JIT config of the twin begins with the name of its first file, in base64.
_JIT_BEGINS: Final = "eyIucnVubmVyIjo"


def secrets_in(text: str) -> list[str]:
    """Return the names of the secrets that stand in a text."""
    return [name for name, secret in _secrets() if secret in text]


@cache
def _secrets() -> tuple[tuple[str, str], ...]:
    return (
        ("webhook secret", WEBHOOK_SECRET),
        ("key of the App", app_keys()[0].splitlines()[1]),
        ("classic token", "ghp_"),
        ("installation token", "ghs_"),
        ("JIT config", _JIT_BEGINS),
        ("JIT config, decoded", '".credentials_rsaparams"'),
    )


@dataclass(slots=True)
class Emitted:
    """Reads along with everything that a run gives away: promise 4 wants no secret in it.

    What the functions log of a run are its errors, the answers to claims and the plans' reasons; the containers of the
    simulator log nothing. Claims are signed, so there is no token of theirs that could stand anywhere.
    """

    storm: Storm
    found: dict[str, str] = field(default_factory=dict)
    """What was found, by where and what."""
    _errors_read: int = 0
    _items_read: dict[int, Item] = field(default_factory=dict)
    """The items of the ledger that have been read, by identity: one that lies there is never changed in place."""

    def event(self, text: str) -> None:
        """Read an event of AWS's; a task's change carries its overrides."""
        self._read("an event", text)

    def answer(self, answer: Answer) -> None:
        """Read an answer to a claim: the config goes to its caller, and nothing of it anywhere else."""
        body = {name: value for name, value in answer.body.items() if name != "jit_config"}
        self._read("an answer", f"{answer!r} {body} {answer.fault}")

    def plan(self, plan: Plan) -> None:
        """Read the reasons of a plan, which are logged and shown: what they say beside their codes."""
        said = [reason.parameters for reason in plan.reasons.values() if reason.parameters]
        if said:
            self._read("a reason", repr(said))

    def read(self) -> None:
        """Read what has piled up: errors with all that caused them, and what lies in the ledger and on the queues."""
        world = self.storm.world
        for fault in world.loop.errors[self._errors_read :]:
            cause: BaseException | None = fault
            while cause is not None:
                self._read("an error", f"{cause!r} {cause}")
                cause = cause.__cause__ or cause.__context__
        self._errors_read = len(world.loop.errors)
        items = {id(item): item for item in world.store.items()}
        self._read("the ledger", repr([items[name] for name in items.keys() - self._items_read.keys()]))
        self._items_read = items
        for name in QUEUES:
            self._read(f"queue {name}", " ".join(world.loop.aws.sqs.bodies(name)))

    def _read(self, place: str, text: str) -> None:
        for name in secrets_in(text):
            self.found.setdefault(f"secret/{place}/{name}", f"promise 4: a {name} stands in {place}")
