"""The face of the DynamoDB twin: boto3's low-level client operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from local.twin.aws.attribute_values import Item, copied, invalid, number
from local.twin.aws.dynamodb import reads, transactions
from local.twin.aws.dynamodb.table import Key, Stored, Table
from local.twin.aws.dynamodb.usage import Usage
from local.twin.aws.dynamodb.writes import (
    ConditionFailedError,
    Write,
    commit,
    prepare_delete,
    prepare_put,
    prepare_update,
)
from local.twin.aws.errors import AwsFault
from local.twin.aws.service import Context, Response, Service, operation
from local.twin.clock import aware

#: [DDB-TRANSACT]
TOKEN_LIFETIME_SECONDS: Final = 600.0


class DynamoDb(Service):
    """Amazon DynamoDB without indexes and streams; `usage` says what the calls would have cost."""

    name: ClassVar[str] = "dynamodb"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.usage = Usage()
        self._tables: dict[str, Table] = {}
        self._tokens: dict[str, tuple[str, float]] = {}
        self._unprocessed = 0

    # What stands on the other side of the wire.

    def leave_unprocessed(self, items: int) -> None:
        """Let the next batch calls give that many items back undone."""
        self._unprocessed = items

    def items(self, table_name: str) -> list[Item]:
        """Everything in a table: for checks, never for code under test."""
        partitions = self._tables[table_name].partitions.values()
        return [copied(p.items[sort].item) for p in partitions for sort in p.order]

    def expire(self) -> int:
        """Delete what the TTL attribute says is over; AWS does so within days [DDB-TTL]."""
        doomed = [
            (table, table.key_of(stored.item))
            for table in self._tables.values()
            for partition in table.partitions.values()
            for stored in partition.items.values()
            if self._is_expired(table, stored)
        ]
        for table, key in doomed:
            table.delete(key)
        return len(doomed)

    # Operations.

    @operation
    def create_table(self, **request: Any) -> Response:
        name = request["TableName"]
        if name in self._tables:
            raise AwsFault("ResourceInUseException", f"Table already exists: {name}")
        if request.get("GlobalSecondaryIndexes") or request.get("LocalSecondaryIndexes"):
            raise invalid("The twin has no secondary indexes: the ledger reads its base table only")
        schema = {entry["KeyType"]: entry["AttributeName"] for entry in request["KeySchema"]}
        self._tables[name] = Table(
            name=name,
            arn=f"arn:aws:dynamodb:{self.context.region}:{self.context.account_id}:table/{name}",
            hash_key=schema["HASH"],
            range_key=schema.get("RANGE"),
            types={d["AttributeName"]: d["AttributeType"] for d in request["AttributeDefinitions"]},
            created_at=self.context.now(),
        )
        return {"TableDescription": self._description(self._tables[name])}

    @operation
    def describe_table(self, **request: Any) -> Response:
        return {"Table": self._description(self._table(request["TableName"]))}

    @operation
    def update_time_to_live(self, **request: Any) -> Response:
        specification = request["TimeToLiveSpecification"]
        table = self._table(request["TableName"])
        table.ttl_attribute = specification["AttributeName"] if specification["Enabled"] else None
        return {"TimeToLiveSpecification": dict(specification)}

    @operation
    def get_item(self, **request: Any) -> Response:
        table = self._table(request["TableName"])
        key = table.exact_key(request["Key"])
        projection = reads.projection_of(request)
        stored = self._read(table, key, is_consistent=request.get("ConsistentRead", False))
        answer = self._read_answer("GetItem", request, stored.size if stored else 0, 1)
        if stored is not None:
            answer["Item"] = copied(stored.item if projection is None else projection.of(stored.item))
        return answer

    @operation
    def put_item(self, **request: Any) -> Response:
        return self._write("PutItem", prepare_put, request)

    @operation
    def update_item(self, **request: Any) -> Response:
        return self._write("UpdateItem", prepare_update, request)

    @operation
    def delete_item(self, **request: Any) -> Response:
        return self._write("DeleteItem", prepare_delete, request)

    @operation
    def query(self, **request: Any) -> Response:
        table = self._table(request["TableName"])
        if "IndexName" in request:
            raise invalid(f"The table does not have the specified index: {request['IndexName']}")
        is_stale = not request.get("ConsistentRead", False) and self._lags()
        page = reads.query(table, request, is_stale=is_stale, now=self.context.now())
        return {**page.answer(request), **self._read_answer("Query", request, page.size, page.scanned)}

    @operation
    def scan(self, **request: Any) -> Response:
        page = reads.scan(self._table(request["TableName"]), request)
        return {**page.answer(request), **self._read_answer("Scan", request, page.size, page.scanned)}

    @operation
    def batch_get_item(self, **request: Any) -> Response:
        wanted = [(name, part, key) for name, part in request["RequestItems"].items() for key in part["Keys"]]
        if not 1 <= len(wanted) <= 100:
            raise invalid("Too many items requested for the BatchGetItem call")
        done, left = self._split(wanted)
        answers: dict[str, list[Item]] = {name: [] for name in request["RequestItems"]}
        for name, part, raw in done:
            table, is_consistent = self._table(name), part.get("ConsistentRead", False)
            stored = self._read(table, table.exact_key(raw), is_consistent=is_consistent)
            self.usage.read("BatchGetItem", stored.size if stored else 0, 1, is_consistent=is_consistent)
            if stored is not None:
                projection = reads.projection_of(part)
                answers[name].append(
                    copied(stored.item if projection is None else projection.of(stored.item))
                )
        unprocessed: dict[str, Any] = {}
        for name, part, raw in left:
            unprocessed.setdefault(name, {**part, "Keys": []})["Keys"].append(raw)
        return {"Responses": answers, "UnprocessedKeys": unprocessed}

    @operation
    def batch_write_item(self, **request: Any) -> Response:
        parts = [(name, part) for name, listed in request["RequestItems"].items() for part in listed]
        if not 1 <= len(parts) <= 25:
            raise invalid("Too many items requested for the BatchWriteItem call")
        keys = [self._batch_key(name, part) for name, part in parts]
        if len(set(keys)) != len(keys):
            raise invalid("Provided list of item keys contains duplicates")
        done, left = self._split(parts)
        for name, part in done:
            self._commit("BatchWriteItem", self._prepare_batch(name, part))
        unprocessed: dict[str, list[Any]] = {}
        for name, part in left:
            unprocessed.setdefault(name, []).append(part)
        return {"UnprocessedItems": unprocessed}

    @operation
    def transact_write_items(self, **request: Any) -> Response:
        parts, token = request["TransactItems"], request.get("ClientRequestToken")
        print_ = transactions.fingerprint(parts)
        if token is not None and self._was_done(token, print_):
            return {}
        try:
            writes = transactions.prepare(parts, self._table)
        except AwsFault as fault:
            self.usage.conditions_failed += fault.code == "TransactionCanceledException"
            raise
        for write in writes:
            self._commit("TransactWriteItems", write, is_transaction=True)
        if token is not None:
            self._tokens[token] = (print_, self.context.now() + TOKEN_LIFETIME_SECONDS)
        return {}

    def _was_done(self, token: str, fingerprint: str) -> bool:
        known = self._tokens.get(token)
        if known is None or known[1] <= self.context.now():
            return False
        if known[0] != fingerprint:
            raise AwsFault(
                "IdempotentParameterMismatchException", "The token was used with other parameters."
            )
        return True

    def _table(self, name: str) -> Table:
        table = self._tables.get(name.rsplit("/", 1)[-1])
        if table is None:
            raise AwsFault(
                "ResourceNotFoundException",
                "Requested resource not found",
                extra={"message": "Requested resource not found"},
            )
        return table

    def _lags(self) -> bool:
        return self.context.happens("stale_read_rate")

    def _read(self, table: Table, key: Key, *, is_consistent: bool) -> Stored | None:
        stored = table.get(key)
        if not is_consistent and self._lags():
            return reads.before_recent_write(table, key, stored, self.context.now())
        return stored

    def _read_answer(self, name: str, request: Mapping[str, Any], size: int, items: int) -> dict[str, Any]:
        units = self.usage.read(name, size, items, is_consistent=request.get("ConsistentRead", False))
        return _consumed(request, units)

    def _write(self, name: str, prepare: Any, request: Mapping[str, Any]) -> Response:
        table = self._table(request["TableName"])
        try:
            write: Write = prepare(table, request)
        except ConditionFailedError as failed:
            self.usage.conditions_failed += 1
            raise failed.fault(request) from None
        units = self._commit(name, write)
        answer = _consumed(request, units)
        attributes = write.attributes(request.get("ReturnValues", "NONE"))
        if attributes is not None:
            answer["Attributes"] = attributes
        return answer

    def _commit(self, name: str, write: Write, *, is_transaction: bool = False) -> float:
        commit(write, self.context.now(), remembers=self.context.behaviour.stale_read_rate > 0)
        return self.usage.write(name, write.size, write.key, is_transaction=is_transaction)

    def _prepare_batch(self, name: str, part: Mapping[str, Any]) -> Write:
        table = self._table(name)
        if "PutRequest" in part:
            return prepare_put(table, {"Item": part["PutRequest"]["Item"]})
        return prepare_delete(table, {"Key": part["DeleteRequest"]["Key"]})

    def _batch_key(self, name: str, part: Mapping[str, Any]) -> tuple[str, Key]:
        raw = part["PutRequest"]["Item"] if "PutRequest" in part else part["DeleteRequest"]["Key"]
        return name, self._table(name).key_of(raw)

    def _split(self, parts: list[Any]) -> tuple[list[Any], list[Any]]:
        """What this batch does, and what it gives back undone."""
        given_back = min(self._unprocessed, len(parts))
        self._unprocessed -= given_back
        done = len(parts) - given_back
        return parts[:done], parts[done:]

    def _is_expired(self, table: Table, stored: Stored) -> bool:
        moment = stored.item.get(table.ttl_attribute or "", {}).get("N")
        return moment is not None and number(moment) <= int(self.context.now())

    def _description(self, table: Table) -> dict[str, Any]:
        schema = [{"AttributeName": table.hash_key, "KeyType": "HASH"}]
        if table.range_key is not None:
            schema.append({"AttributeName": table.range_key, "KeyType": "RANGE"})
        return {
            "TableName": table.name,
            "TableArn": table.arn,
            "TableStatus": "ACTIVE",
            "KeySchema": schema,
            "AttributeDefinitions": [
                {"AttributeName": name, "AttributeType": kind} for name, kind in table.types.items()
            ],
            "CreationDateTime": aware(table.created_at),
            "ItemCount": sum(len(p.order) for p in table.partitions.values()),
        }


def _consumed(request: Mapping[str, Any], units: float) -> dict[str, Any]:
    if request.get("ReturnConsumedCapacity", "NONE") == "NONE":
        return {}
    return {"ConsumedCapacity": {"TableName": request["TableName"], "CapacityUnits": units}}
