"""The ledger's table in memory: for simulated days, where DynamoDB's wire format would cost most of the time.

It takes the place of ``Table`` alone: every condition, transaction and key of the ledger's own code is in use, and
its patience. The ledger's contract suite runs on it as it does on DynamoDB's twin and on moto.
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any, TypeVar

from slipway.adapters.aws_errors import aws_errors
from slipway.adapters.ledger import ledger_on
from slipway.adapters.ledger.patience import Patience
from slipway.adapters.ledger.snapshots import DynamoSnapshots
from slipway.adapters.ledger.table import (
    BATCH_LIMIT,
    Check,
    ConditionFailedError,
    Delete,
    Item,
    Key,
    Put,
    Table,
    Update,
    Write,
)
from slipway.domain.errors import RefusedError
from slipway.domain.snapshot import Snapshot
from slipway.ports.ledger import Ledger

T = TypeVar("T")
_REMEMBERED = 10_000  # items that were read, before those that are not read any more are forgotten
Make = Callable[[str, Callable[[], T]], T]
"""Makes a call of DynamoDB's operation ("Query"); whoever simulates lets it take time or fail."""

_OPERATIONS = {Update: "UpdateItem", Put: "PutItem", Delete: "DeleteItem"}
_PLAIN = frozenset((str, int, float, bool))
_FUNCTIONS = re.compile(r"attribute_(not_)?exists\(#(\w+)\)")
_WORDS = re.compile(r"#(\w+)|:(\w+)|<>|<=|>=|=|\bAND\b|\bOR\b|\bNOT\b|\bsize\b")
_PYTHON = {"<>": "!=", "=": "==", "AND": "and", "OR": "or", "NOT": "not", "size": "len"}


class _Absent:
    """An attribute that an item has not: no comparison with it is true but ``<>`` [DDB-EXPRESSIONS]."""

    def _never(self, _other: object) -> bool:
        return False

    def _always(self, _other: object) -> bool:
        return True

    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = _never
    __ne__ = _always
    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        return 0


_ABSENT = _Absent()


@dataclass(slots=True)
class _Partition:
    order: list[str] = field(default_factory=list)
    items: dict[str, Item] = field(default_factory=dict)


@dataclass(slots=True)
class MemoryStore:
    """The items by partition key and, in order, by sort key; an item that lies here is never changed in place.

    ``before_write`` is called before each item is put or deleted, for whoever watches a run.
    """

    partitions: dict[str, _Partition] = field(default_factory=dict)
    before_write: Callable[[], None] | None = None

    def get(self, key: Key) -> Item | None:
        """Return the item as it lies here."""
        partition = self.partitions.get(key.pk)
        return partition.items.get(key.sk) if partition else None

    def put(self, key: Key, item: Item) -> None:
        """Store an item under its key."""
        if self.before_write is not None:
            self.before_write()
        partition = self.partitions.setdefault(key.pk, _Partition())
        if key.sk not in partition.items:
            insort(partition.order, key.sk)
        partition.items[key.sk] = item

    def delete(self, key: Key) -> None:
        """Remove an item, there or not."""
        if self.before_write is not None:
            self.before_write()
        partition = self.partitions.get(key.pk)
        if partition and partition.items.pop(key.sk, None) is not None:
            del partition.order[bisect_left(partition.order, key.sk)]
            if not partition.order:
                del self.partitions[key.pk]

    def items(self) -> Iterator[Item]:
        """Return every item there is."""
        for partition in self.partitions.values():
            yield from partition.items.values()


def _at_once(_operation: str, call: Callable[[], T]) -> T:
    return call()


class MemoryTable(Table):
    """A table as the ledger knows it. What it returns is what lies there: it may be kept and must not be changed."""

    def __init__(
        self, store: MemoryStore, make: Make[Any] = _at_once, patience: Patience | None = None
    ) -> None:
        self._store = store
        self._make = make
        self._patience = patience or Patience()

    def get(self, key: Key) -> Item | None:
        """Read one item."""
        with aws_errors(f"reading {key.sk}"):
            item: Item | None = self._make("GetItem", lambda: self._store.get(key))
        return item

    def write(self, write: Update | Put | Delete, *, want: str = "NONE") -> Item:
        """Make one write and return the item as ``want`` (ReturnValues) asks: ALL_OLD, ALL_NEW or NONE.

        Raises:
            ConditionFailedError: the item is otherwise.
        """

        def make() -> Item:
            key = _key_of(write)
            old = self._store.get(key)
            _require(write, old)
            new = _written(write, old)
            self._apply(key, new)
            return {"ALL_OLD": old, "ALL_NEW": new}.get(want) or {}

        written: Item = self._write(
            f"writing {type(write).__name__}", partial(self._make, _OPERATIONS[type(write)], make)
        )
        return written

    def transact(self, writes: Sequence[Write]) -> None:
        """Make all the writes or none.

        Raises:
            ConditionFailedError: with the positions whose condition failed.
        """

        def make() -> None:
            keys = _require_one_each(writes)
            olds = [self._store.get(key) for key in keys]
            failed = [n for n, write in enumerate(writes) if not _holds(write, olds[n])]
            if failed:
                raise ConditionFailedError(failed)
            for key, write, old in zip(keys, writes, olds, strict=True):
                if not isinstance(write, Check):
                    self._apply(key, _written(write, old))

        self._write("writing a transaction", partial(self._make, "TransactWriteItems", make))

    def query(self, pk: str, prefix: str = "") -> Iterator[Item]:
        """Read all items of a partition whose sort key starts with ``prefix``, as they are at one moment."""

        def make() -> list[Item]:
            partition = self._store.partitions.get(pk)
            if partition is None:
                return []
            if not prefix:
                return [partition.items[sk] for sk in partition.order]
            first = bisect_left(partition.order, prefix)
            last = bisect_left(partition.order, prefix + "\U0010ffff")
            return [partition.items[sk] for sk in partition.order[first:last]]

        with aws_errors(f"reading {pk}"):
            found: list[Item] = self._make("Query", make)
        return iter(found)

    def write_many(self, puts: Iterable[Item] = (), deletes: Iterable[Key] = ()) -> None:
        """Put and delete many items, unconditionally."""
        writes: list[Put | Delete] = [*map(Put, puts), *map(Delete, deletes)]

        def make(batch: Sequence[Put | Delete]) -> None:
            for key, write in zip(_require_one_each(batch), batch, strict=True):
                self._apply(key, _written(write, None))

        for start in range(0, len(writes), BATCH_LIMIT):
            batch = writes[start : start + BATCH_LIMIT]
            self._write("writing a batch", partial(self._make, "BatchWriteItem", partial(make, batch)))

    def _apply(self, key: Key, new: Item | None) -> None:
        if new is None:
            self._store.delete(key)
        else:
            self._store.put(key, new)


class MemorySnapshots(DynamoSnapshots):
    """Snapshots that read each item once: one that lies in memory is never changed in place."""

    def __init__(self, table: MemoryTable, remembered: int = _REMEMBERED) -> None:
        super().__init__(table)
        self._remembered = remembered
        self._parsed: dict[int, tuple[Item, Any]] = {}
        self._before: dict[int, tuple[Item, Any]] = {}

    def read(self, pool: str, now: float) -> Snapshot:
        """Return the pool's state."""
        if len(self._parsed) > self._remembered:
            self._before, self._parsed = self._parsed, {}
        return super().read(pool, now)

    @property
    def remembers(self) -> int:
        """Return how many items it keeps with what they say."""
        return len(self._parsed) + len(self._before)

    def parse(self, read: Callable[[Item], T], items: Iterable[Item]) -> tuple[T, ...]:
        """Read what has not been read yet: an item goes by its identity, its own while it is kept here."""
        parsed = self._parsed
        return tuple([(parsed.get(id(item)) or self._remember(read, item))[1] for item in items])

    def _remember(self, read: Callable[[Item], T], item: Item) -> tuple[Item, T]:
        known = self._before.get(id(item)) or (item, read(item))
        self._parsed[id(item)] = known
        return known


def memory_ledger(store: MemoryStore, make: Make[Any] = _at_once, patience: Patience | None = None) -> Ledger:
    """Build the ledger on a table in memory."""
    table = MemoryTable(store, make, patience)
    return replace(ledger_on(table), snapshots=MemorySnapshots(table))


def _key_of(write: Write) -> Key:
    return Key(write.item["pk"], write.item["sk"]) if isinstance(write, Put) else write.key


def _require_one_each(writes: Sequence[Write]) -> list[Key]:
    """Return the keys of the writes; refuse what DynamoDB refuses: two writes of one item in one call."""
    keys = [_key_of(write) for write in writes]
    if len(keys) > 1 and len({(key.pk, key.sk) for key in keys}) < len(keys):
        raise RefusedError(
            "one call cannot include multiple operations on one item", code="ValidationException"
        )
    return keys


def _require(write: Write, old: Item | None) -> None:
    if not _holds(write, old):
        raise ConditionFailedError


def _holds(write: Write, old: Item | None) -> bool:
    return not write.condition or bool(_condition(write.condition)(old or {}, write.values, _ABSENT))


def _written(write: Update | Put | Delete, old: Item | None) -> Item | None:
    """Return the item after a write."""
    if isinstance(write, Delete):
        return None
    if isinstance(write, Put):
        return {
            name: value if type(value) in _PLAIN else _plain(value)
            for name, value in write.item.items()
            if value is not None
        }
    new: Item = dict(old) if old is not None else {"pk": write.key.pk, "sk": write.key.sk}
    for name, value in write.set.items():
        new[name] = value if type(value) in _PLAIN else _plain(value)
    for name in write.remove:
        new.pop(name, None)
    for name, amount in write.add.items():
        new[name] = new.get(name, 0) + amount
    return new


def _plain(value: Any) -> Any:
    """Return a value as it comes back from DynamoDB: plain text, lists, maps without what is None."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int | float):
        return value
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items() if item is not None}
    if isinstance(value, Iterable):
        return [_plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no place in the table")


@cache
def _condition(expression: str) -> Callable[[Item, Mapping[str, Any], _Absent], object]:
    """Translate a condition into Python; our own code wrote it, so it holds nothing that is not translated."""

    def word(match: re.Match[str]) -> str:
        if match[1]:
            return f"item.get({match[1]!r}, absent)"
        return f"values[{match[2]!r}]" if match[2] else _PYTHON.get(match[0], match[0])

    source = _WORDS.sub(
        word, _FUNCTIONS.sub(lambda m: f"({m[2]!r} {'not ' if m[1] else ''}in item)", expression)
    )
    compiled = compile(f"lambda item, values, absent: {source}", "<condition>", "eval")
    made: Callable[[Item, Mapping[str, Any], _Absent], object] = eval(compiled)  # noqa: S307 - see above
    return made
