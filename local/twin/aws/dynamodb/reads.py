"""GetItem, Query and Scan over one table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local.twin.aws.attribute_values import Item, Sortable, copied, invalid
from local.twin.aws.dynamodb.table import Key, Partition, Stored, Table, bounds
from local.twin.aws.dynamodb.writes import refuse_undefined, refuse_unused, values_of
from local.twin.aws.expressions import (
    Condition,
    Projection,
    compile_condition,
    compile_key_condition,
    compile_projection,
    frozen_names,
)

#: Bytes that one page may read, before any filter [DDB-PAGE].
PAGE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Page:
    """What one Query or Scan read; `size` are bytes read, `last_key` where the next page begins."""

    items: list[Item]
    scanned: int
    size: int
    last_key: Item | None

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = {"Count": len(self.items), "ScannedCount": self.scanned}
        if request.get("Select") != "COUNT":
            answer["Items"] = self.items
        if self.last_key is not None:
            answer["LastEvaluatedKey"] = self.last_key
        return answer


def projection_of(request: Mapping[str, Any]) -> Projection | None:
    expression = request.get("ProjectionExpression")
    if expression is None:
        return None
    return compile_projection(expression, frozen_names(request.get("ExpressionAttributeNames")))


def query(table: Table, request: Mapping[str, Any], *, is_stale: bool, now: float) -> Page:
    """One page of one partition, in order of the sort key."""
    names = frozen_names(request.get("ExpressionAttributeNames"))
    condition = compile_key_condition(
        request["KeyConditionExpression"], names, table.hash_key, table.range_key
    )
    values = values_of(request)
    refuse_undefined(condition.used, values, "KeyConditionExpression")
    extract = _Extract.of(request)
    extract.check(request, [condition.used])
    partition_value = table.partition_value(values[condition.partition_value])
    partition = table.partitions.get(partition_value, Partition())
    operands = table.sort_values([values[name] for name in condition.operands])
    low, high = bounds(partition.order, condition.operator, operands)
    is_forward = request.get("ScanIndexForward", True)
    low, high = _after_start(table, request, partition, (low, high), is_forward=is_forward)
    order = partition.order[low:high] if is_forward else partition.order[low:high][::-1]
    return _page(
        table, _seen(table, partition, partition_value, order, is_stale=is_stale, now=now), request, extract
    )


def scan(table: Table, request: Mapping[str, Any]) -> Page:
    """One page of the whole table, partition by partition."""
    extract = _Extract.of(request)
    extract.check(request, [])
    start = request.get("ExclusiveStartKey")
    keys = [Key(p, s) for p, partition in table.partitions.items() for s in partition.order]
    if start is not None:
        last = table.exact_key(start)
        if last in keys:
            keys = keys[keys.index(last) + 1 :]
    found = ((key, stored) for key in keys if (stored := table.get(key)) is not None)
    return _page(table, found, request, extract)


@dataclass(frozen=True, slots=True)
class _Extract:
    """Filter and projection of one read, with its values."""

    condition: Condition | None
    projection: Projection | None
    values: Mapping[str, Any]

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> _Extract:
        expression = request.get("FilterExpression")
        names = frozen_names(request.get("ExpressionAttributeNames"))
        condition = None if expression is None else compile_condition("FilterExpression", expression, names)
        return cls(condition, projection_of(request), values_of(request))

    def check(self, request: Mapping[str, Any], used: list[Any]) -> None:
        used = [*used, *(part.used for part in (self.condition, self.projection) if part is not None)]
        if self.condition is not None:
            refuse_undefined(self.condition.used, self.values, "FilterExpression")
        refuse_unused(request, used)

    def shown(self, item: Item) -> Item | None:
        if self.condition is not None and not self.condition.holds(item, self.values):
            return None
        return copied(item if self.projection is None else self.projection.of(item))


def _after_start(
    table: Table, request: Mapping[str, Any], partition: Partition, span: tuple[int, int], *, is_forward: bool
) -> tuple[int, int]:
    start = request.get("ExclusiveStartKey")
    if start is None:
        return span
    sort = table.exact_key(start).sort
    low, high = span
    if is_forward:
        return max(low, bounds(partition.order, "<=", [sort])[1]), high
    return low, min(high, bounds(partition.order, "<", [sort])[1])


def _seen(
    table: Table, partition: Partition, value: Sortable, order: list[Any], *, is_stale: bool, now: float
) -> Iterator[tuple[Key, Stored]]:
    for sort in order:
        key = Key(value, sort)
        stored = (
            before_recent_write(table, key, partition.items[sort], now) if is_stale else partition.items[sort]
        )
        if stored is not None:
            yield key, stored


def before_recent_write(table: Table, key: Key, stored: Stored | None, now: float) -> Stored | None:
    """What a read that is not consistent may still see, up to a second after a write [DDB-EVENTUAL]."""
    recent = table.recent.get(key)
    if recent is None:
        return stored
    if recent[0] + 1.0 <= now:
        del table.recent[key]
        return stored
    return recent[1]


def _page(
    table: Table, found: Iterable[tuple[Key, Stored]], request: Mapping[str, Any], extract: _Extract
) -> Page:
    limit = request.get("Limit")
    if limit is not None and limit < 1:
        raise invalid("Limit must be at least 1")
    items: list[Item] = []
    scanned = size = 0
    for _key, stored in found:
        scanned += 1
        size += stored.size
        shown = extract.shown(stored.item)
        if shown is not None:
            items.append(shown)
        # A reached limit ends the page even where nothing follows [DDB-PAGE].
        if scanned == limit or size >= PAGE_BYTES:
            last_key = {name: dict(stored.item[name]) for name in table.key_names}
            return Page(items, scanned, size, last_key)
    return Page(items, scanned, size, None)
