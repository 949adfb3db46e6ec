"""The DynamoDB twin and moto give the same answers to the same operations."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from local.twin.aws.account import AwsTwin
from local.twin.clock import VirtualClock
from local.twin.latency import LatencyModel

TABLE = "ledger"
SCHEMA: dict[str, Any] = {
    "TableName": TABLE,
    "KeySchema": [
        {"AttributeName": "PK", "KeyType": "HASH"},
        {"AttributeName": "SK", "KeyType": "RANGE"},
    ],
    "AttributeDefinitions": [
        {"AttributeName": "PK", "AttributeType": "S"},
        {"AttributeName": "SK", "AttributeType": "S"},
    ],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.fixture(scope="module")
def moto_dynamodb() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "a")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "b")
        with mock_aws():
            # moto answers 500 where it fails; retrying that would only take time.
            once = Config(retries={"total_max_attempts": 1})
            yield boto3.client("dynamodb", region_name="ap-northeast-1", config=once)
    assert "AWS_ACCESS_KEY_ID" not in os.environ or os.environ["AWS_ACCESS_KEY_ID"] != "a"


class Pair:
    """The same empty table on both sides."""

    def __init__(self, moto_client: Any) -> None:
        clock = VirtualClock(1_800_000_000.0)
        self.twin: Any = AwsTwin(clock, latency=LatencyModel.none(), seed=1, check_wire=True).dynamodb
        self.moto = moto_client
        if TABLE in self.moto.list_tables()["TableNames"]:
            self.moto.delete_table(TableName=TABLE)
        for client in (self.twin, self.moto):
            client.create_table(**SCHEMA)

    def both(self, operation: str, **request: Any) -> tuple[Any, Any]:
        return outcome(self.twin, operation, request), outcome(self.moto, operation, request)


def outcome(client: Any, operation: str, request: dict[str, Any]) -> Any:
    try:
        answer = getattr(client, operation)(**request)
    except ClientError as error:
        response: dict[str, Any] = dict(error.response)
        kept = {k: response[k] for k in ("Item", "CancellationReasons") if k in response}
        return type(error).__name__, response["Error"]["Code"], kept
    # moto answers with capacity and metrics that nobody asked for.
    noise = {"ResponseMetadata", "ConsumedCapacity", "ItemCollectionMetrics"}
    return {k: v for k, v in answer.items() if k not in noise}


KEY = {"PK": {"S": "p"}, "SK": {"S": "s"}}
ITEM = {
    **KEY,
    "n": {"N": "5"},
    "s": {"S": "hello"},
    "b": {"BOOL": True},
    "l": {"L": [{"S": "a"}, {"N": "1"}, {"S": "c"}]},
    "m": {"M": {"x": {"N": "1"}, "y": {"M": {"z": {"S": "deep"}}}}},
    "ss": {"SS": ["a", "b"]},
    "ns": {"NS": ["1", "2"]},
    "nothing": {"NULL": True},
}
VALUES = {
    ":five": {"N": "5"},
    ":six": {"N": "6"},
    ":one": {"N": "1"},
    ":he": {"S": "he"},
    ":hello": {"S": "hello"},
    ":a": {"S": "a"},
    ":t": {"BOOL": True},
    ":ss": {"SS": ["a", "z"]},
    ":list": {"L": [{"S": "new"}]},
    ":map": {"M": {"k": {"S": "v"}}},
    ":S": {"S": "S"},
}

CONDITIONS = [
    "n = :five",
    "n <> :five",
    "n < :six",
    "n <= :five AND n >= :five",
    "n > :six OR s = :hello",
    "NOT n = :five",
    "NOT (n = :five AND s = :he)",
    "n = :six OR n = :one AND s = :hello",
    "(n = :six OR n = :five) AND b = :t",
    "n BETWEEN :one AND :six",
    "s BETWEEN :he AND :hello",
    "n IN (:one, :five)",
    "s IN (:he)",
    "attribute_exists(m.y.z)",
    "attribute_exists(m.q)",
    "attribute_not_exists(m.q)",
    "attribute_not_exists(n)",
    "attribute_exists(l[2])",
    "attribute_exists(l[3])",
    "attribute_type(s, :S)",
    "begins_with(s, :he)",
    "begins_with(s, :a)",
    "contains(s, :he)",
    "contains(ss, :a)",
    "contains(l, :a)",
    "contains(l, :one)",
    "contains(ns, :one)",
    "size(s) = :five",
    "size(l) > :one",
    "size(ss) < :five",
    "size(m) > :one",
    "m.x = :one",
    "m.x < n",
    "l[0] = :a",
    "missing = :a",
    "missing <> :a",
    "missing < :five",
    "n = s",
    "#renamed = :five",
    "m.#renamed = :five",
    "attribute_not_exists(missing) and n = :five",
    "unknown(n)",
    "status = :five",
]

UPDATES = [
    "SET a = :five",
    "SET n = n + :one",
    "SET n = n - :one, s = :he",
    "SET c = if_not_exists(c, :one)",
    "SET c = if_not_exists(n, :one)",
    "SET c = if_not_exists(c, :one) + :five",
    "SET l = list_append(l, :list)",
    "SET l = list_append(:list, l)",
    "SET l[1] = :a",
    "SET l[9] = :a",
    "SET m.x = :six",
    "SET m.fresh = :map",
    "SET m.y.z = n",
    "SET a = n, n = :one",
    "SET a = missing",
    "SET missing.child = :one",
    "SET n = s + :one",
    "SET PK = :a",
    "SET a = :one, a = :five",
    "SET a = :one SET c = :five",
    "SET #renamed = :a",
    "REMOVE s",
    "REMOVE l[0]",
    "REMOVE l[0], l[2]",
    "REMOVE m.x, n",
    "REMOVE missing",
    "ADD n :one",
    "ADD fresh :one",
    "ADD ss :ss",
    "ADD freshset :ss",
    "ADD s :one",
    "DELETE ss :ss",
    "DELETE missing :ss",
    "SET a = :one REMOVE s ADD n :six DELETE ss :ss",
    "set a = :one remove s",
    "SET",
    "SET a",
    "SET a = ",
    "JUMP a = :one",
    "SET a = :undefined",
    "SET size = :one",
    "SET status = :one",
]


def used_in(expression: str) -> dict[str, Any]:
    words = set(expression.replace("(", " ").replace(")", " ").replace(",", " ").split())
    values = {name: value for name, value in VALUES.items() if name in words}
    request: dict[str, Any] = {"ExpressionAttributeValues": values} if values else {}
    if "#renamed" in expression:
        request["ExpressionAttributeNames"] = {"#renamed": "n"}
    return request


@pytest.mark.parametrize("expression", CONDITIONS)
def test_conditions_hold_and_fail_as_in_moto(moto_dynamodb: Any, expression: str) -> None:
    pair = Pair(moto_dynamodb)
    pair.both("put_item", TableName=TABLE, Item=ITEM)
    request = {"TableName": TABLE, "Key": KEY, "ConditionExpression": expression, **used_in(expression)}
    ours, theirs = pair.both("delete_item", **request, ReturnValues="ALL_OLD")
    assert ours == theirs


@pytest.mark.parametrize("expression", UPDATES)
def test_updates_change_items_as_in_moto(moto_dynamodb: Any, expression: str) -> None:
    pair = Pair(moto_dynamodb)
    pair.both("put_item", TableName=TABLE, Item=ITEM)
    request = {"TableName": TABLE, "Key": KEY, "UpdateExpression": expression, **used_in(expression)}
    ours, theirs = pair.both("update_item", **request, ReturnValues="ALL_NEW")
    assert sorted_sets(ours) == sorted_sets(theirs)


@pytest.mark.parametrize("wanted", ["NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"])
@pytest.mark.parametrize("exists", [True, False], ids=["existing", "new"])
def test_updates_return_what_is_asked_for_as_in_moto(moto_dynamodb: Any, wanted: str, exists: bool) -> None:
    pair = Pair(moto_dynamodb)
    if exists:
        pair.both("put_item", TableName=TABLE, Item=ITEM)
    ours, theirs = pair.both(
        "update_item",
        TableName=TABLE,
        Key=KEY,
        UpdateExpression="SET n = :one, fresh = :a",
        ExpressionAttributeValues={":one": {"N": "1"}, ":a": {"S": "a"}},
        ReturnValues=wanted,
    )
    expected = theirs.get("Attributes") or None
    if wanted == "UPDATED_NEW" and expected is not None:
        # moto adds the key of an item it creates; the key is not an updated attribute.
        expected = {name: value for name, value in expected.items() if name not in KEY}
    assert ours.get("Attributes") == expected


KEY_CONDITIONS = [
    "PK = :p",
    "PK = :p AND SK = :b",
    "PK = :p AND SK < :b",
    "PK = :p AND SK <= :b",
    "PK = :p AND SK > :b",
    "PK = :p AND SK >= :b",
    "PK = :p AND SK BETWEEN :b AND :d",
    "PK = :p AND begins_with(SK, :b)",
    "begins_with(SK, :b) AND PK = :p",
    "PK = :p and SK > :d",
]


@pytest.mark.parametrize("expression", KEY_CONDITIONS)
@pytest.mark.parametrize("is_forward", [True, False], ids=["forward", "backward"])
def test_queries_find_the_same_items_in_the_same_order(
    moto_dynamodb: Any, expression: str, is_forward: bool
) -> None:
    pair = Pair(moto_dynamodb)
    for sort in ("a", "b", "b#1", "b#2", "c", "d", "é", "z"):
        pair.both("put_item", TableName=TABLE, Item={"PK": {"S": "p"}, "SK": {"S": sort}})
    values = {":p": {"S": "p"}, ":b": {"S": "b"}, ":d": {"S": "d"}}
    ours, theirs = pair.both(
        "query",
        TableName=TABLE,
        KeyConditionExpression=expression,
        ExpressionAttributeValues={k: v for k, v in values.items() if k in expression},
        ScanIndexForward=is_forward,
    )
    assert ours == theirs


@pytest.mark.parametrize("expression", ["n, s", "m.y.z", "m.x, m.y", "#renamed, missing", "l[1]"])
def test_projections_show_the_same_parts(moto_dynamodb: Any, expression: str) -> None:
    pair = Pair(moto_dynamodb)
    pair.both("put_item", TableName=TABLE, Item=ITEM)
    request = {"TableName": TABLE, "Key": KEY, "ProjectionExpression": expression, **used_in(expression)}
    ours, theirs = pair.both("get_item", **request)
    assert ours == theirs


def sorted_sets(value: Any) -> Any:
    """Sets have no order."""
    if isinstance(value, dict):
        return {k: sorted(v) if k in {"SS", "NS"} else sorted_sets(v) for k, v in value.items()}
    return [sorted_sets(v) for v in value] if isinstance(value, list) else value


names = st.sampled_from(["a", "b", "c"])
keys = st.builds(lambda p, s: {"PK": {"S": p}, "SK": {"S": s}}, st.sampled_from("pq"), st.sampled_from("stu"))
# No booleans: moto holds 0 and false for equal.
scalars = st.one_of(
    st.integers(-50, 50).map(lambda n: {"N": str(n)}),
    st.sampled_from(["", "x", "xy"]).map(lambda s: {"S": s}),
)
conditions = st.sampled_from(
    [
        "attribute_not_exists(PK)",
        "attribute_exists(PK)",
        "a <> :v",
        "a = :v OR attribute_not_exists(b)",
        "NOT a = :v",
    ]
)
updates = st.sampled_from(["SET a = :v", "SET b = :v REMOVE a", "SET a = if_not_exists(a, :v)", "ADD c :v"])


def with_value(expressions: dict[str, str], value: dict[str, Any]) -> dict[str, Any]:
    is_used = any(":v" in expression for expression in expressions.values())
    return {**expressions, **({"ExpressionAttributeValues": {":v": value}} if is_used else {})}


puts = st.builds(
    lambda key, attributes, condition, value: (
        "put_item",
        {"Item": {**key, **attributes}, **with_value({"ConditionExpression": condition}, value)},
    ),
    keys, st.dictionaries(names, scalars, max_size=3), conditions, scalars,
)  # fmt: skip
changes = st.builds(
    lambda key, update, condition, value: (
        "update_item",
        {
            "Key": key,
            "ReturnValues": "ALL_NEW",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            **with_value({"UpdateExpression": update, "ConditionExpression": condition}, value),
        },
    ),
    keys, updates, conditions, scalars,
)  # fmt: skip
deletions = st.builds(lambda key: ("delete_item", {"Key": key, "ReturnValues": "ALL_OLD"}), keys)
reads = st.builds(lambda key: ("get_item", {"Key": key, "ConsistentRead": True}), keys)
listings = st.builds(
    lambda p: (
        "query",
        {"KeyConditionExpression": "PK = :p", "ExpressionAttributeValues": {":p": {"S": p}}},
    ),
    st.sampled_from("pq"),
)


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(operations=st.lists(st.one_of(puts, changes, deletions, reads, listings), max_size=15))
def test_any_sequence_of_operations_has_the_same_outcomes(moto_dynamodb: Any, operations: list[Any]) -> None:
    pair = Pair(moto_dynamodb)
    for operation, request in operations:
        ours, theirs = pair.both(operation, TableName=TABLE, **request)
        assert ours == theirs
        if isinstance(ours, tuple) and ours[1] == "ValidationException":
            # moto keeps an item that a refused update would have created.
            break


@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_transaction_commits_or_cancels_alike(moto_dynamodb: Any, data: st.DataObject) -> None:
    pair = Pair(moto_dynamodb)
    for sort in "st":
        pair.both("put_item", TableName=TABLE, Item={"PK": {"S": "p"}, "SK": {"S": sort}, "a": {"N": "1"}})
    parts = []
    for key in data.draw(st.lists(keys, min_size=1, max_size=4, unique_by=str)):
        condition = {
            "TableName": TABLE,
            "ConditionExpression": data.draw(conditions.filter(lambda c: ":v" not in c)),
        }
        kind = data.draw(st.sampled_from(["Put", "Delete", "ConditionCheck"]))
        parts.append({kind: {**condition, ("Item" if kind == "Put" else "Key"): key}})
    ours, theirs = pair.both("transact_write_items", TransactItems=parts)
    assert ours == theirs
    assert pair.both("scan", TableName=TABLE)[0]["Count"] == pair.both("scan", TableName=TABLE)[1]["Count"]
