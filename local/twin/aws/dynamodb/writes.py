"""Put, update and delete: first worked out and checked, then committed, alone or together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.twin.aws.attribute_values import AttributeValue, Item, copied, invalid, item_size, normalized
from local.twin.aws.dynamodb.table import Key, Stored, Table
from local.twin.aws.errors import AwsFault
from local.twin.aws.expressions import Update, compile_condition, compile_update, frozen_names
from local.twin.aws.expressions.projections import project
from local.twin.aws.expressions.tokens import Used, Values

#: Bytes [DDB-LIMITS].
LARGEST_ITEM = 400 * 1024


@dataclass(frozen=True, slots=True)
class Write:
    """One change that may be committed: `new` is None for a deletion, `old` None for a birth."""

    table: Table
    key: Key
    old: Stored | None
    new: Stored | None
    update: Update | None = None
    is_check_only: bool = False

    @property
    def size(self) -> int:
        return max(self.old.size if self.old else 0, self.new.size if self.new else 0)

    def attributes(self, wanted: str) -> Item | None:
        """What ReturnValues asks for, or None where the answer has no Attributes."""
        side = self.old if wanted.endswith("_OLD") else self.new
        if wanted == "NONE" or side is None:
            return None
        if wanted.startswith("UPDATED") and self.update is not None:
            return copied(project(side.item, self.update.paths)) or None
        return copied(side.item)


class ConditionFailedError(Exception):
    """The condition of a write does not hold; `item` is what lies there, if anything."""

    def __init__(self, item: Item | None) -> None:
        super().__init__("the condition does not hold")
        self.item = item

    def fault(self, request: Mapping[str, Any]) -> AwsFault:
        shown = self.item is not None and request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        extra: dict[str, Any] = {"message": "The conditional request failed"}
        if shown and self.item is not None:
            extra["Item"] = copied(self.item)
        return AwsFault("ConditionalCheckFailedException", "The conditional request failed", extra=extra)


def prepare_put(table: Table, request: Mapping[str, Any]) -> Write:
    item = {name: normalized(value) for name, value in request["Item"].items()}
    key = table.key_of(item)
    old = table.get(key)
    _checked(request, old)
    return Write(table, key, old, _storable(item))


def prepare_delete(table: Table, request: Mapping[str, Any]) -> Write:
    key = table.exact_key(request["Key"])
    old = table.get(key)
    _checked(request, old)
    return Write(table, key, old, None)


def prepare_check(table: Table, request: Mapping[str, Any]) -> Write:
    """The ConditionCheck of a transaction: changes nothing."""
    write = prepare_delete(table, request)
    return Write(table, write.key, write.old, write.old, is_check_only=True)


def prepare_update(table: Table, request: Mapping[str, Any]) -> Write:
    """An update of an item that is not there creates it, unless its condition forbids."""
    key = table.exact_key(request["Key"])
    old = table.get(key)
    expression = request.get("UpdateExpression")
    update = (
        None
        if expression is None
        else compile_update(expression, frozen_names(request.get("ExpressionAttributeNames")))
    )
    for path in update.paths if update is not None else ():
        if path[0] in table.key_names:
            raise invalid(
                f"One or more parameter values were invalid: Cannot update attribute {path[0]}. "
                "This attribute is part of the key"
            )
    values = _checked(request, old, update)
    before = old.item if old is not None else {n: normalized(request["Key"][n]) for n in table.key_names}
    after = copied(before) if update is None else update.apply(before, values)
    return Write(table, key, old, _storable(after), update)


def commit(write: Write, now: float, *, remembers: bool) -> None:
    """Change the table; `remembers` keeps what was there for reads that lag."""
    if write.is_check_only:
        return
    if remembers:
        write.table.recent[write.key] = (now, write.old)
    if write.new is None:
        write.table.delete(write.key)
    else:
        write.table.put(write.key, write.new)


def values_of(request: Mapping[str, Any]) -> dict[str, AttributeValue]:
    given = request.get("ExpressionAttributeValues")
    return {name: normalized(value) for name, value in given.items()} if given else {}


def _checked(request: Mapping[str, Any], old: Stored | None, update: Update | None = None) -> Values:
    """Check every placeholder and test the condition; answers the normalized values."""
    values = values_of(request)
    used = [] if update is None else [update.used]
    if update is not None:
        refuse_undefined(update.used, values, "UpdateExpression")
    expression = request.get("ConditionExpression")
    if expression is None:
        refuse_unused(request, used)
        return values
    condition = compile_condition(
        "ConditionExpression", expression, frozen_names(request.get("ExpressionAttributeNames"))
    )
    refuse_undefined(condition.used, values, "ConditionExpression")
    refuse_unused(request, [*used, condition.used])
    if not condition.holds(old.item if old is not None else {}, values):
        raise ConditionFailedError(old.item if old is not None else None)
    return values


def refuse_undefined(used: Used, values: Values, kind: str) -> None:
    missing = sorted(used.values - values.keys())
    if missing:
        raise invalid(
            f"Invalid {kind}: An expression attribute value used in expression is not defined; "
            f"attribute value: {missing[0]}"
        )


def refuse_unused(request: Mapping[str, Any], used: Sequence[Used]) -> None:
    """Placeholders that no expression mentions are a fault [DDB-UNUSED-PLACEHOLDER]."""
    for label, part in (("ExpressionAttributeValues", "values"), ("ExpressionAttributeNames", "names")):
        given = request.get(label)
        if given:
            known = set[str]().union(*(getattr(one, part) for one in used))
            unused = sorted(given.keys() - known)
            if unused:
                listed = ", ".join(unused)
                raise invalid(f"Value provided in {label} unused in expressions: keys: {{{listed}}}")


def _storable(item: Item) -> Stored:
    size = item_size(item)
    if size > LARGEST_ITEM:
        raise invalid("Item size has exceeded the maximum allowed size")
    return Stored(item, size)
