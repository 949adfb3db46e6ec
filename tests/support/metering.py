"""Meters a simulated world: everything that AWS would bill of the control plane, by the keys of ``local/costs``."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from local.costs.sheet import Used
from local.memory_ledger import MemoryStore, MemoryTable
from local.simulator.world import World
from local.twin.aws.attribute_values import item_size
from local.twin.aws.dynamodb.usage import Usage
from local.twin.aws.service import Call
from local.twin.latency import Lognormal, Phase
from slipway.adapters.ledger.table import Check, Delete, Item, Key, Put, Update, Write, to_wire
from slipway.domain.errors import SlipwayError

GIB = 1024.0
MEMORY_MIB = {"redelivery": 256}  # of the others it is 512: functions/*/README.md
MEMORY_MIB_ELSE = 512
# Not in the model, where code takes no time: boto3 takes about 1.5 ms of a processor for a call (measured on loopback),
# and 512 MB buy 0.29 of one. Rounded up.
OWN_SECONDS_A_CALL, OWN_SECONDS_AN_INVOCATION = 0.005, 0.010
SECRETS_KEPT_SECONDS = 300
SQS_CHUNK = 65_536
# What a function logs, in bytes: an invocation of the demo on average, or for the scaler a pool that it converged and a
# job that started and completed; and what Lambda itself logs of each invocation. 26 bytes of each line are
# CloudWatch's own.
LOGGED = {"webhook": 521, "registrar": 704, "redelivery": 816, "reaper": 0, "scaler": 0}
LOGGED_BY_A_CONVERGENCE, LOGGED_BY_A_JOB, LOGGED_BY_LAMBDA = 830, 2_442, 380


@dataclass(slots=True)
class Meter:
    """Counts while a world runs; ``used`` is what it comes to.

    ``invocations`` and ``seconds`` are by function, ``secret_reads`` an estimate: each secret of a function once in five
    minutes of use, and at each cold start.
    """

    invocations: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    table: Usage = field(default_factory=Usage)
    refused: Usage = field(default_factory=Usage)
    """Writes whose condition failed: they are billed like the others."""
    sqs: Counter[str] = field(default_factory=Counter)
    sent_by_aws: int = 0
    convergences: int = 0
    _windows: set[tuple[str, int]] = field(default_factory=set)
    _sizes: dict[int, tuple[Item, int]] = field(default_factory=dict)
    _world: World | None = None

    def look(self, world: World) -> None:
        """Begin to count what happens in a world."""
        self._world = world
        loop = world.loop
        for name, function in loop.functions.items():
            function.invoke = partial(self._invoke, name, function.invoke)  # type: ignore[method-assign]
        for mapping in loop.mappings.values():
            mapping._receive = partial(self._receive, mapping._name, mapping._receive)  # type: ignore[method-assign]
        loop.aws.context.watch = self._hear
        deliver, converged = loop.aws.sqs.deliver, loop.converged

        def delivered(queue_name: str, body: str) -> None:
            self.sent_by_aws += 1
            deliver(queue_name, body)

        def told(one: Any) -> None:
            self.convergences += 1
            converged(one)

        loop.aws.sqs.deliver = delivered  # type: ignore[method-assign]
        loop.converged = told

    def _invoke(
        self,
        name: str,
        invoke: Callable[..., None],
        work: Callable[..., Any],
        answered: Callable[[Any], None],
    ) -> None:
        assert self._world is not None
        clock = self._world.clock
        began: list[float] = []

        def timed(*arguments: Any) -> Any:
            began.append(clock.now())
            self._windows.add((name, int(clock.now() // SECRETS_KEPT_SECONDS)))
            return work(*arguments)

        def over(answer: Any) -> None:
            self.invocations[name] += 1
            took = clock.now() - began[0] if began else 0.0
            self.seconds[name] = self.seconds.get(name, 0.0) + math.ceil(took * 1000) / 1000
            answered(answer)

        invoke(timed, over)

    def _receive(self, queue: str, receive: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """A receive is billed by its payload: ten of AWS's events may be more than a chunk."""
        received = receive()
        self.sqs[queue] += max(1, math.ceil(sum(len(one["Body"]) for one in received) / SQS_CHUNK)) - 1
        return received

    def _hear(self, call: Call) -> None:
        if call.service == "sqs":
            self.sqs[call.parameters["QueueUrl"].rpartition("/")[2]] += 1

    def used(self) -> Used:
        """Return what AWS would bill."""
        assert self._world is not None
        loop = self._world.loop
        calls = sum(loop.calls.counts.values()) - sum(
            count for name, count in loop.calls.counts.items() if name.startswith("github.")
        )
        gb_seconds = sum(
            (seconds + OWN_SECONDS_AN_INVOCATION * self.invocations[name]) * _gb(name)
            for name, seconds in self.seconds.items()
        )
        gb_seconds += calls * OWN_SECONDS_A_CALL * MEMORY_MIB_ELSE / GIB
        gb_seconds += sum(
            function.cold_starts * self._cold_seconds(name) * _gb(name)
            for name, function in loop.functions.items()
        )
        logged = sum(count * (LOGGED[name] + LOGGED_BY_LAMBDA) for name, count in self.invocations.items())
        logged += self.convergences * LOGGED_BY_A_CONVERGENCE + self._jobs() * LOGGED_BY_A_JOB
        return {
            "lambda_request": sum(self.invocations.values()),
            "lambda_gb_second": gb_seconds,
            "http_api_request": self.invocations["webhook"] + self.invocations["registrar"],
            "sqs_request": sum(self.sqs.values()) + self.sent_by_aws,
            "sqs_fair_request": self.sqs["jobs"],
            "read_unit": self.table.read_units,
            "write_unit": self.table.write_units + self.refused.write_units,
            "secret_request": self._secret_reads(),
            "kms_request": sum(count for name, count in loop.calls.counts.items() if name.startswith("ssm.")),
            "log_gb": logged / GIB**3,
        }

    def _jobs(self) -> int:
        """Return how many jobs completed: each left a line of its usage."""
        assert self._world is not None
        kept = self._world.store.items()
        return sum(item["pk"].startswith("USAGE#") and item["sk"].startswith("JOB#") for item in kept)

    def _cold_seconds(self, name: str) -> float:
        """Return how long a cold start is billed: since 2025 Lambda bills the beginning too."""
        assert self._world is not None
        latency = self._world.loop.latency
        assert latency is not None
        phase = Phase.WEBHOOK_COLD_START if name == "webhook" else Phase.FUNCTION_COLD_START
        duration = latency.phases[phase]
        assert isinstance(duration, Lognormal)
        return duration.p50

    def _secret_reads(self) -> int:
        assert self._world is not None
        loop = self._world.loop
        github = loop.configuration.github
        app = 1 if github.app_secret else 0
        tokens = len(github.runner_token_secrets)
        secrets = {
            "webhook": len(github.webhook_secrets),
            "registrar": tokens or app,
            "reaper": tokens + app,
            "redelivery": app,
        }
        windows = Counter(name for name, _ in self._windows)
        return sum(
            count * (windows[name] + loop.functions[name].cold_starts) for name, count in secrets.items()
        )

    @contextmanager
    def metered_table(self) -> Iterator[None]:
        """Count the table's units while the block lasts [DDB-CAPACITY] [DDB-ITEM-SIZE]."""
        get, write, transact = MemoryTable.get, MemoryTable.write, MemoryTable.transact
        query, write_many = MemoryTable.query, MemoryTable.write_many

        def counted_get(table: MemoryTable, key: Key) -> Item | None:
            item = get(table, key)
            self.table.read("GetItem", self._size(item), 1, is_consistent=True)
            return item

        def counted_query(table: MemoryTable, pk: str, prefix: str = "") -> Iterator[Item]:
            found = list(query(table, pk, prefix))
            self.table.read("Query", sum(map(self._size, found)), len(found), is_consistent=True)
            return iter(found)

        def counted_write(table: MemoryTable, one: Update | Put | Delete, *, want: str = "NONE") -> Item:
            with self._charged(table._store, [one]):
                return write(table, one, want=want)

        def counted_transact(table: MemoryTable, writes: Sequence[Write]) -> None:
            with self._charged(table._store, writes, is_transaction=True):
                transact(table, writes)

        def counted_many(table: MemoryTable, puts: Any = (), deletes: Any = ()) -> None:
            puts, deletes = list(puts), list(deletes)
            with self._charged(table._store, [*map(Put, puts), *map(Delete, deletes)]):
                write_many(table, puts, deletes)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(MemoryTable, "get", counted_get)
            patch.setattr(MemoryTable, "query", counted_query)
            patch.setattr(MemoryTable, "write", counted_write)
            patch.setattr(MemoryTable, "transact", counted_transact)
            patch.setattr(MemoryTable, "write_many", counted_many)
            yield

    @contextmanager
    def _charged(
        self, store: MemoryStore, writes: Sequence[Write], *, is_transaction: bool = False
    ) -> Iterator[None]:
        """Charge each write for the larger of before and after, also where its condition fails."""
        keys = [Key(one.item["pk"], one.item["sk"]) if isinstance(one, Put) else one.key for one in writes]
        before = [self._size(store.get(key)) for key in keys]
        try:
            yield
        except SlipwayError:
            self._charge(self.refused, keys, before, is_transaction=is_transaction)
            raise
        after = [
            old if isinstance(one, Check) else max(old, self._size(store.get(key)))
            for one, key, old in zip(writes, keys, before, strict=True)
        ]
        self._charge(self.table, keys, after, is_transaction=is_transaction)

    @staticmethod
    def _charge(usage: Usage, keys: Sequence[Key], sizes: Sequence[int], *, is_transaction: bool) -> None:
        for key, size in zip(keys, sizes, strict=True):
            usage.write("write", size, (key.pk, key.sk), is_transaction=is_transaction)

    def _size(self, item: Item | None) -> int:
        """Return an item's size; what lies in the memory table is never changed in place, so each is sized once."""
        if item is None:
            return 0
        known = self._sizes.get(id(item))
        if known is None:
            if len(self._sizes) > 50_000:
                self._sizes.clear()
            known = self._sizes[id(item)] = (item, item_size(to_wire(item)))
        return known[1]


def _gb(name: str) -> float:
    return MEMORY_MIB.get(name, MEMORY_MIB_ELSE) / GIB
