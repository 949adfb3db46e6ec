"""The DynamoDB table: plain items in and out, conditional writes, transactions, consistent queries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from slipway.adapters.aws_errors import aws_errors
from slipway.adapters.ledger.patience import PASSING, TRIES, Patience, code_of, reasons_of
from slipway.domain.errors import RefusedError, SlipwayError, ThrottledError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

T = TypeVar("T")
Item = dict[str, Any]
BATCH_LIMIT = 25  # BatchWriteItem takes at most 25 writes a call [DDB-LIMITS]


class ConditionFailedError(SlipwayError):
    """A conditional write found the item otherwise; ``failed`` holds the positions in a transaction."""

    def __init__(self, failed: Sequence[int] = (0,)) -> None:
        super().__init__()
        self.failed = tuple(failed)

    def __str__(self) -> str:
        """Put into words only when it is asked for: it is raised several times a job, and nearly always answered."""
        return f"condition failed at {list(self.failed)}"


@dataclass(frozen=True, slots=True)
class Key:
    """Partition and sort key of an item."""

    pk: str
    sk: str


@dataclass(frozen=True, slots=True)
class Update:
    """Change attributes of one item. In ``condition``, ``#name`` is an attribute and ``:name`` a value."""

    key: Key
    set: Mapping[str, Any] = field(default_factory=dict)
    remove: Sequence[str] = ()
    add: Mapping[str, int] = field(default_factory=dict)
    condition: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)

    def request(self) -> dict[str, Any]:
        """Return the parameters of the call, without the table's name."""
        clauses = []
        if self.set:
            clauses.append("SET " + ", ".join(f"#{name} = :set_{name}" for name in self.set))
        if self.remove:
            clauses.append("REMOVE " + ", ".join(f"#{name}" for name in self.remove))
        if self.add:
            clauses.append("ADD " + ", ".join(f"#{name} :add_{name}" for name in self.add))
        values = {f"set_{name}": value for name, value in self.set.items()}
        values |= {f"add_{name}": value for name, value in self.add.items()}
        expression = " ".join(clauses)
        return {
            "Key": _wire_key(self.key),
            "UpdateExpression": expression,
            **_expressions(self.condition, {**values, **self.values}, expression),
        }


@dataclass(frozen=True, slots=True)
class Put:
    """Write one whole item."""

    item: Item
    condition: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)

    def request(self) -> dict[str, Any]:
        """Return the parameters of the call, without the table's name."""
        return {"Item": to_wire(self.item), **_expressions(self.condition, self.values)}


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete one item, there or not."""

    key: Key
    condition: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)

    def request(self) -> dict[str, Any]:
        """Return the parameters of the call, without the table's name."""
        return {"Key": _wire_key(self.key), **_expressions(self.condition, self.values)}


@dataclass(frozen=True, slots=True)
class Check:
    """Require something of an item which the transaction does not write."""

    key: Key
    condition: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def request(self) -> dict[str, Any]:
        """Return the parameters of the call, without the table's name."""
        return {"Key": _wire_key(self.key), **_expressions(self.condition, self.values)}


Write = Update | Put | Delete | Check
_TRANSACT_NAMES = {Update: "Update", Put: "Put", Delete: "Delete", Check: "ConditionCheck"}


class Table:
    """One DynamoDB table with string keys ``pk`` and ``sk``."""

    def __init__(self, client: DynamoDBClient, name: str, patience: Patience | None = None) -> None:
        self._client = client
        self._name = name
        self._patience = patience or Patience()

    def get(self, key: Key) -> Item | None:
        """Read one item, strongly consistent."""
        with aws_errors(f"reading {key.sk}"):
            reply = self._client.get_item(TableName=self._name, Key=_wire_key(key), ConsistentRead=True)
        return from_wire(reply["Item"]) if "Item" in reply else None

    def write(self, write: Update | Put | Delete, *, want: str = "NONE") -> Item:
        """Make one write and return the item as ``want`` (ReturnValues) asks; again while a transaction is in the way.

        Raises:
            ConditionFailedError: the item is otherwise.
        """
        calls: dict[type, Any] = {
            Update: self._client.update_item,
            Put: self._client.put_item,
            Delete: self._client.delete_item,
        }
        request: dict[str, Any] = {"TableName": self._name, "ReturnValues": want, **write.request()}
        reply = self._write(f"writing {type(write).__name__}", partial(calls[type(write)], **request))
        return from_wire(reply.get("Attributes", {}))

    def transact(self, writes: Sequence[Write]) -> None:
        """Make all the writes or none; again while another transaction is in the way, or no room for it.

        Raises:
            ConditionFailedError: with the positions whose condition failed.
            RefusedError: it was cancelled for another reason, whose code it bears.
        """
        items: Any = [
            {_TRANSACT_NAMES[type(write)]: {"TableName": self._name, **write.request()}} for write in writes
        ]
        self._write("writing a transaction", partial(self._client.transact_write_items, TransactItems=items))

    def query(self, pk: str, prefix: str = "") -> Iterator[Item]:
        """Read all items of a partition whose sort key starts with ``prefix``, strongly consistent, page by page."""
        condition, values = "#pk = :pk", {"pk": pk}
        if prefix:
            condition, values = condition + " AND begins_with(#sk, :sk)", {**values, "sk": prefix}
        request: Any = {
            "TableName": self._name,
            "ConsistentRead": True,
            "KeyConditionExpression": condition,
            "ExpressionAttributeNames": _names(condition),
            "ExpressionAttributeValues": {f":{name}": _to(value) for name, value in values.items()},
        }
        while True:
            with aws_errors(f"reading {pk}"):
                reply = self._client.query(**request)
            yield from map(from_wire, reply["Items"])
            if "LastEvaluatedKey" not in reply:
                return
            request["ExclusiveStartKey"] = reply["LastEvaluatedKey"]

    def write_many(self, puts: Iterable[Item] = (), deletes: Iterable[Key] = ()) -> None:
        """Put and delete many items, unconditionally, 25 a call; what DynamoDB left over is sent again.

        Raises:
            ThrottledError: some were left over every time; the others are written.
        """
        requests: list[Any] = [{"PutRequest": {"Item": to_wire(item)}} for item in puts]
        requests += [{"DeleteRequest": {"Key": _wire_key(key)}} for key in deletes]
        for tried in range(1, TRIES + 1):
            requests = self._write_round(requests)
            if not requests:
                return
            if tried < TRIES:
                self._patience.rest(tried)
        raise ThrottledError("DynamoDB left over the same writes too often", retry_after_seconds=1)

    def _write_round(self, requests: Sequence[Any]) -> list[Any]:
        """Send every request once and return those that were left over."""
        left: list[Any] = []
        for start in range(0, len(requests), BATCH_LIMIT):
            batch = requests[start : start + BATCH_LIMIT]
            write = partial(self._client.batch_write_item, RequestItems={self._name: batch})
            reply = self._write("writing a batch", write)
            left += reply.get("UnprocessedItems", {}).get(self._name, [])
        return left

    def _write(self, action: str, write: Callable[[], T]) -> T:
        """Make one call that writes, with patience.

        Raises:
            ConditionFailedError: with the positions whose condition failed.
        """
        try:
            return self._patience(action, write)
        except ClientError as fault:
            _raise_as_ours(action, fault)
            raise


def to_wire(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item in DynamoDB's typed form; attributes that are None are left out."""
    return {name: _to(value) for name, value in item.items() if value is not None}


def from_wire(item: Mapping[str, Any]) -> Item:
    """Return a plain item from DynamoDB's typed form."""
    return {name: _from(value) for name, value in item.items()}


def _to(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int | float):
        return {"N": repr(value)}
    if isinstance(value, str):
        return {"S": str(value)}
    if isinstance(value, Mapping):
        return {"M": to_wire(value)}
    if isinstance(value, Iterable):
        return {"L": [_to(item) for item in value]}
    raise TypeError(f"{type(value).__name__} has no place in the table")


def _from(value: Mapping[str, Any]) -> Any:
    ((kind, content),) = value.items()
    if kind == "N":
        return float(content) if "." in content or "e" in content.lower() else int(content)
    if kind == "L":
        return [_from(item) for item in content]
    return from_wire(content) if kind == "M" else content


def _wire_key(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def _names(*expressions: str) -> dict[str, str]:
    return {f"#{name}": name for text in expressions for name in re.findall(r"#(\w+)", text)}


def _expressions(condition: str, values: Mapping[str, Any], *others: str) -> dict[str, Any]:
    request: dict[str, Any] = {}
    if condition:
        request["ConditionExpression"] = condition
    if names := _names(condition, *others):
        request["ExpressionAttributeNames"] = names
    if values:
        request["ExpressionAttributeValues"] = {f":{name}": _to(value) for name, value in values.items()}
    return request


def _raise_as_ours(action: str, fault: ClientError) -> None:
    """Raise what a failed condition or a cancelled transaction says; return for anything else."""
    if code_of(fault) == "ConditionalCheckFailedException":
        raise ConditionFailedError from fault
    if code_of(fault) != "TransactionCanceledException":
        return
    reasons = reasons_of(fault)
    failed = [position for position, reason in enumerate(reasons) if reason == "ConditionalCheckFailed"]
    if failed:
        raise ConditionFailedError(failed) from fault
    code = next((reason for reason in reasons if reason not in PASSING), code_of(fault))
    message = fault.response.get("Error", {}).get("Message", "")
    raise RefusedError(f"{action}: {code}: {message}", code=code) from fault
