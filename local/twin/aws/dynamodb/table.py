"""One table: items by partition key, in order of the sort key."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from local.twin.aws.attribute_values import AttributeValue, Item, Sortable, invalid, normalized, sortable

#: Bytes of a partition and of a sort key [DDB-LIMITS].
_KEY_LIMITS = (2048, 1024)


class Stored(NamedTuple):
    """An item as it lies in the table, with its size in bytes; never changed in place."""

    item: Item
    size: int


class Key(NamedTuple):
    """Both key attributes in comparable form; the sort key of a table without one is empty text."""

    partition: Sortable
    sort: Sortable


@dataclass(slots=True)
class Partition:
    """The items of one partition key; `order` are their sort keys, ascending."""

    order: list[Any] = field(default_factory=list)
    items: dict[Sortable, Stored] = field(default_factory=dict)


@dataclass(slots=True)
class Table:
    """Key schema and content. `types` maps the key attributes to S, N or B."""

    name: str
    arn: str
    hash_key: str
    range_key: str | None
    types: dict[str, str]
    created_at: float
    ttl_attribute: str | None = None
    partitions: dict[Sortable, Partition] = field(default_factory=dict)
    #: Writes of a moment ago, for reads that are not consistent: key to (when, what was there before).
    recent: dict[Key, tuple[float, Stored | None]] = field(default_factory=dict)

    @property
    def key_names(self) -> tuple[str, ...]:
        return (self.hash_key,) if self.range_key is None else (self.hash_key, self.range_key)

    def key_of(self, item: Mapping[str, AttributeValue]) -> Key:
        """The key within a whole item; ValidationException when it is missing or of another type."""
        found = [
            self._key_value(item, name, limit)
            for name, limit in zip(self.key_names, _KEY_LIMITS, strict=False)
        ]
        return Key(found[0], found[1] if len(found) > 1 else "")

    def exact_key(self, key: Mapping[str, AttributeValue]) -> Key:
        """The key given alone; anything beside it is refused."""
        if len(key) != len(self.key_names):
            raise invalid("The provided key element does not match the schema")
        return self.key_of(key)

    def get(self, key: Key) -> Stored | None:
        partition = self.partitions.get(key.partition)
        return None if partition is None else partition.items.get(key.sort)

    def put(self, key: Key, stored: Stored) -> None:
        partition = self.partitions.setdefault(key.partition, Partition())
        if key.sort not in partition.items:
            insort(partition.order, key.sort)
        partition.items[key.sort] = stored

    def delete(self, key: Key) -> None:
        partition = self.partitions.get(key.partition)
        if partition is None or key.sort not in partition.items:
            return
        del partition.items[key.sort]
        del partition.order[bisect_left(partition.order, key.sort)]
        if not partition.order:
            del self.partitions[key.partition]

    def partition_value(self, value: AttributeValue) -> Sortable:
        return self._key_value({self.hash_key: value}, self.hash_key, _KEY_LIMITS[0])

    def sort_values(self, values: Sequence[AttributeValue]) -> list[Sortable]:
        """Operands of a sort key condition, checked against the key's type."""
        name = self.range_key or ""
        return [self._key_value({name: value}, name, _KEY_LIMITS[1]) for value in values]

    def _key_value(self, item: Mapping[str, AttributeValue], name: str, limit: int) -> Sortable:
        value = item.get(name)
        if value is not None and self.types[name] == "S":
            text = value.get("S")
            # The common case, decided without counting bytes: a character has at most four.
            if text and 4 * len(text) <= limit:
                return str(text)
        if value is None:
            raise invalid(f"One or more parameter values were invalid: Missing the key {name} in the item")
        if self.types[name] not in value:
            raise invalid(
                f"One or more parameter values were invalid: Type mismatch for key {name} "
                f"expected: {self.types[name]} actual: {next(iter(value))}"
            )
        found = sortable(normalized(value))
        if found is None or found in {"", b""}:
            raise invalid(
                "One or more parameter values were invalid: "
                f"An AttributeValue may not contain an empty string. Key: {name}"
            )
        if isinstance(found, str | bytes) and len(found) > limit // 4 and _length(found) > limit:
            raise invalid(
                f"One or more parameter values were invalid: Size of key {name} exceeds {limit} bytes"
            )
        return found


def _length(value: str | bytes) -> int:
    return len(value.encode() if isinstance(value, str) else value)


def bounds(order: Sequence[Any], operator: str | None, operands: Sequence[Any]) -> tuple[int, int]:
    """Half-open range of positions in `order` that satisfy a sort key condition."""
    if operator is None:
        return 0, len(order)
    first = operands[0]
    if operator == "begins_with":
        beyond = first + ("\U0010ffff" if isinstance(first, str) else b"\xff" * 64)
        return bisect_left(order, first), bisect_left(order, beyond)
    if operator == "BETWEEN":
        return bisect_left(order, first), bisect_right(order, operands[1])
    low = {"=": bisect_left, ">": bisect_right, ">=": bisect_left}.get(operator)
    high = {"=": bisect_right, "<": bisect_left, "<=": bisect_right}.get(operator)
    return low(order, first) if low else 0, high(order, first) if high else len(order)
