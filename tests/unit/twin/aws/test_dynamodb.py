"""The DynamoDB twin keeps what it is given, refuses what AWS refuses, and counts what it costs."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.twin.aws.account import AwsTwin
from local.twin.aws.behaviour import Behaviour
from local.twin.clock import VirtualClock
from local.twin.latency import LatencyModel

TABLE = "ledger"


def build(behaviour: Behaviour | None = None) -> AwsTwin:
    clock = VirtualClock(1_800_000_000.0)
    twin = AwsTwin(clock, latency=LatencyModel.none(), seed=1, behaviour=behaviour, check_wire=True)
    twin.dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[
            {"AttributeName": "PK", "KeyType": "HASH"},
            {"AttributeName": "SK", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "PK", "AttributeType": "S"},
            {"AttributeName": "SK", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return twin


@pytest.fixture
def twin() -> AwsTwin:
    return build()


def key(partition: str = "p", sort: str = "s") -> dict[str, Any]:
    return {"PK": {"S": partition}, "SK": {"S": sort}}


def put(twin: AwsTwin, partition: str = "p", sort: str = "s", **attributes: Any) -> None:
    twin.dynamodb.put_item(TableName=TABLE, Item={**key(partition, sort), **attributes})


def query(twin: AwsTwin, **changes: Any) -> dict[str, Any]:
    request = {
        "TableName": TABLE,
        "KeyConditionExpression": "PK = :p",
        "ExpressionAttributeValues": {":p": {"S": "p"}},
        "ConsistentRead": True,
        **changes,
    }
    return dict(twin.dynamodb.query(**request))


def test_what_is_read_cannot_change_what_is_stored(twin: AwsTwin) -> None:
    put(twin, tags={"L": [{"S": "a"}]})
    twin.dynamodb.get_item(TableName=TABLE, Key=key())["Item"]["tags"]["L"].append({"S": "b"})
    assert twin.dynamodb.get_item(TableName=TABLE, Key=key())["Item"]["tags"] == {"L": [{"S": "a"}]}


@pytest.mark.parametrize(
    ("given", "stored"), [("1.50", "1.5"), ("007", "7"), ("-0", "0"), ("1E3", "1000"), ("0.10", "0.1")]
)
def test_numbers_come_back_in_canonical_form(twin: AwsTwin, given: str, stored: str) -> None:
    """[DDB-NUMBER]"""
    put(twin, n={"N": given})
    assert twin.dynamodb.get_item(TableName=TABLE, Key=key())["Item"]["n"] == {"N": stored}


@pytest.mark.parametrize("given", ["x", "NaN", "Infinity", "1" * 39])
def test_what_is_no_number_is_refused(twin: AwsTwin, given: str) -> None:
    """[DDB-NUMBER]"""
    with pytest.raises(ClientError) as error:
        put(twin, n={"N": given})
    assert error.value.response["Error"]["Code"] == "ValidationException"


def test_a_page_ends_at_its_limit_even_where_nothing_follows(twin: AwsTwin) -> None:
    """[DDB-PAGE]"""
    for index in range(4):
        put(twin, sort=str(index))
    first = query(twin, Limit=2)
    second = query(twin, Limit=2, ExclusiveStartKey=first["LastEvaluatedKey"])
    assert [i["SK"]["S"] for i in first["Items"] + second["Items"]] == ["0", "1", "2", "3"]
    last = query(twin, Limit=2, ExclusiveStartKey=second["LastEvaluatedKey"])
    assert (last["Items"], "LastEvaluatedKey" in last) == ([], False)


def test_pages_run_backwards_too(twin: AwsTwin) -> None:
    for index in range(5):
        put(twin, sort=str(index))
    paginator = twin.dynamodb.get_paginator("query")
    pages = paginator.paginate(
        TableName=TABLE,
        KeyConditionExpression="PK = :p AND SK BETWEEN :a AND :b",
        ExpressionAttributeValues={":p": {"S": "p"}, ":a": {"S": "1"}, ":b": {"S": "4"}},
        ScanIndexForward=False,
        PaginationConfig={"PageSize": 2},
    )
    assert [i["SK"]["S"] for page in pages for i in page["Items"]] == ["4", "3", "2", "1"]


def test_a_page_reads_at_most_a_mebibyte_before_its_filter(twin: AwsTwin) -> None:
    """[DDB-PAGE]"""
    for index in range(6):
        put(twin, sort=str(index), blob={"S": "x" * 300_000}, wanted={"BOOL": index == 5})
    page = query(
        twin,
        FilterExpression="wanted = :t",
        ExpressionAttributeValues={":p": {"S": "p"}, ":t": {"BOOL": True}},
    )
    assert (page["Count"], page["ScannedCount"]) == (0, 4)
    rest = query(twin, ExclusiveStartKey=page["LastEvaluatedKey"], Select="COUNT")
    assert (rest["Count"], "Items" in rest) == (2, False)


def test_an_item_may_have_four_hundred_kibibytes(twin: AwsTwin) -> None:
    """[DDB-LIMITS]"""
    put(twin, blob={"S": "x" * (400 * 1024 - 10)})
    assert twin.dynamodb.usage.largest_item == 400 * 1024
    with pytest.raises(ClientError, match="Item size"):
        put(twin, blob={"S": "x" * (400 * 1024 - 9)})


def test_units_and_items_are_counted_by_size_and_consistency(twin: AwsTwin) -> None:
    """[DDB-CAPACITY]"""
    put(twin, blob={"S": "x" * 5000})
    usage = twin.dynamodb.usage
    assert usage.write_units == 5.0
    answer = twin.dynamodb.get_item(
        TableName=TABLE, Key=key(), ConsistentRead=True, ReturnConsumedCapacity="TOTAL"
    )
    assert answer["ConsumedCapacity"]["CapacityUnits"] == 2.0
    twin.dynamodb.get_item(TableName=TABLE, Key=key())
    assert usage.read_units == 3.0
    assert twin.calls["dynamodb.GetItem"] == 2


def test_a_failed_condition_shows_the_item_only_when_asked(twin: AwsTwin) -> None:
    put(twin, state={"S": "taken"})
    request: dict[str, Any] = {
        "TableName": TABLE,
        "Item": key(),
        "ConditionExpression": "attribute_not_exists(PK)",
    }
    with pytest.raises(twin.dynamodb.exceptions.ConditionalCheckFailedException) as error:
        twin.dynamodb.put_item(**request)
    assert "Item" not in error.value.response
    with pytest.raises(twin.dynamodb.exceptions.ConditionalCheckFailedException) as error:
        twin.dynamodb.put_item(**request, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert error.value.response["Item"]["state"] == {"S": "taken"}
    assert twin.dynamodb.usage.conditions_failed == 2


def test_a_transaction_is_all_or_nothing_and_gives_each_reason(twin: AwsTwin) -> None:
    """[DDB-TRANSACT]"""
    put(twin, sort="there")
    check = {"TableName": TABLE, "Key": key(sort="there"), "ConditionExpression": "attribute_not_exists(PK)"}
    with pytest.raises(twin.dynamodb.exceptions.TransactionCanceledException) as error:
        twin.dynamodb.transact_write_items(
            TransactItems=[{"Put": {"TableName": TABLE, "Item": key(sort="new")}}, {"ConditionCheck": check}]
        )
    reasons = error.value.response["CancellationReasons"]
    assert [r["Code"] for r in reasons] == ["None", "ConditionalCheckFailed"]
    assert len(twin.dynamodb.items(TABLE)) == 1


def test_a_request_token_applies_a_transaction_once(twin: AwsTwin) -> None:
    """[DDB-TRANSACT]"""
    add = {
        "Update": {
            "TableName": TABLE,
            "Key": key(),
            "UpdateExpression": "ADD n :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
    }
    for _ in range(2):
        twin.dynamodb.transact_write_items(TransactItems=[add], ClientRequestToken="t")
    assert twin.dynamodb.items(TABLE)[0]["n"] == {"N": "1"}
    other = {"Put": {"TableName": TABLE, "Item": key()}}
    with pytest.raises(twin.dynamodb.exceptions.IdempotentParameterMismatchException):
        twin.dynamodb.transact_write_items(TransactItems=[other], ClientRequestToken="t")
    twin.clock.advance(601)
    twin.dynamodb.transact_write_items(TransactItems=[add], ClientRequestToken="t")
    assert twin.dynamodb.items(TABLE)[0]["n"] == {"N": "2"}


def test_a_transaction_refuses_two_operations_on_one_item(twin: AwsTwin) -> None:
    """[DDB-TRANSACT]"""
    part = {"Put": {"TableName": TABLE, "Item": key()}}
    with pytest.raises(ClientError, match="multiple operations on one item"):
        twin.dynamodb.transact_write_items(TransactItems=[part, part])


def test_batches_may_leave_items_undone(twin: AwsTwin) -> None:
    twin.dynamodb.leave_unprocessed(1)
    parts = [{"PutRequest": {"Item": key(sort=str(i))}} for i in range(3)]
    left = twin.dynamodb.batch_write_item(RequestItems={TABLE: parts})["UnprocessedItems"]
    assert left == {TABLE: [parts[2]]}
    assert twin.dynamodb.batch_write_item(RequestItems=left)["UnprocessedItems"] == {}
    answer = twin.dynamodb.batch_get_item(
        RequestItems={TABLE: {"Keys": [key(sort=str(i)) for i in range(4)]}}
    )
    assert len(answer["Responses"][TABLE]) == 3


def test_a_read_that_is_not_consistent_may_be_a_second_old() -> None:
    """[DDB-EVENTUAL]"""
    twin = build(Behaviour(stale_read_rate=1.0))
    put(twin, n={"N": "1"})
    twin.clock.advance(2)
    put(twin, n={"N": "2"})
    assert twin.dynamodb.get_item(TableName=TABLE, Key=key())["Item"]["n"] == {"N": "1"}
    assert twin.dynamodb.get_item(TableName=TABLE, Key=key(), ConsistentRead=True)["Item"]["n"] == {"N": "2"}
    assert query(twin, ConsistentRead=False)["Items"][0]["n"] == {"N": "1"}
    twin.clock.advance(1)
    assert twin.dynamodb.get_item(TableName=TABLE, Key=key())["Item"]["n"] == {"N": "2"}


def test_items_past_their_time_to_live_stay_until_swept(twin: AwsTwin) -> None:
    """[DDB-TTL]"""
    specification = {"AttributeName": "expires_at", "Enabled": True}
    twin.dynamodb.update_time_to_live(TableName=TABLE, TimeToLiveSpecification=specification)
    put(twin, sort="old", expires_at={"N": "1799999999"})
    put(twin, sort="young", expires_at={"N": "1800000001"})
    assert len(query(twin)["Items"]) == 2
    assert twin.dynamodb.expire() == 1
    assert [i["SK"]["S"] for i in query(twin)["Items"]] == ["young"]


def test_a_write_may_take_effect_although_its_answer_is_an_error(twin: AwsTwin) -> None:
    twin.faults.next_error("dynamodb", "PutItem", "ProvisionedThroughputExceededException")
    with pytest.raises(twin.dynamodb.exceptions.ProvisionedThroughputExceededException):
        put(twin)
    assert twin.dynamodb.items(TABLE) == []
    twin.faults.next_error("dynamodb", "PutItem", "InternalServerError", after_success=True)
    with pytest.raises(twin.dynamodb.exceptions.InternalServerError):
        put(twin)
    assert len(twin.dynamodb.items(TABLE)) == 1


@pytest.mark.parametrize("word", ["status", "pool", "state", "owner", "until", "Role"])
def test_a_reserved_word_needs_a_placeholder(twin: AwsTwin, word: str) -> None:
    """[DDB-RESERVED]"""
    request: dict[str, Any] = {
        "TableName": TABLE,
        "Key": key(),
        "UpdateExpression": f"SET {word} = :v",
        "ExpressionAttributeValues": {":v": {"S": "x"}},
    }
    with pytest.raises(ClientError, match="reserved keyword"):
        twin.dynamodb.update_item(**request)
    names = {"#w": word}
    twin.dynamodb.update_item(
        **{**request, "UpdateExpression": "SET #w = :v"}, ExpressionAttributeNames=names
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"ExpressionAttributeValues": {":p": {"S": "p"}, ":unused": {"S": "x"}}},
        {"ExpressionAttributeNames": {"#unused": "a"}},
        {"KeyConditionExpression": "PK = :q"},
        {"KeyConditionExpression": "SK = :p"},
        {"KeyConditionExpression": "PK > :p"},
        {"KeyConditionExpression": "PK = :p AND other = :p"},
        {"KeyConditionExpression": "PK = :p extra"},
        {"FilterExpression": "a = :missing"},
        {"FilterExpression": "(a = :p"},
        {"Limit": 0},
        {"IndexName": "by-time"},
        {"ExclusiveStartKey": {"PK": {"S": "p"}}},
    ],
    ids=lambda changes: str(changes)[:60],
)
def test_a_faulty_query_is_refused(twin: AwsTwin, changes: dict[str, Any]) -> None:
    """[DDB-UNUSED-PLACEHOLDER]"""
    twin.context.validate = None
    with pytest.raises(ClientError) as error:
        query(twin, **changes)
    assert error.value.response["Error"]["Code"] == "ValidationException"


def test_scan_pages_over_every_partition(twin: AwsTwin) -> None:
    for index in range(7):
        put(twin, partition=str(index % 3), sort=str(index))
    pages = twin.dynamodb.get_paginator("scan").paginate(TableName=TABLE, PaginationConfig={"PageSize": 2})
    assert sorted(i["SK"]["S"] for page in pages for i in page["Items"]) == [str(i) for i in range(7)]


def test_an_unknown_table_is_not_found(twin: AwsTwin) -> None:
    with pytest.raises(twin.dynamodb.exceptions.ResourceNotFoundException):
        twin.dynamodb.get_item(TableName="nothing", Key=key())


@pytest.mark.parametrize(
    "condition",
    [
        "",
        "n =",
        "n = :v AND",
        "n ! :v",
        "(n = :v",
        "n = :v)",
        "attribute_exists(n) n",
        "n = :undefined",
        "#undefined = :v",
        "n BETWEEN :v",
        "n IN ()",
        "size(n)",
        "n = :v OR",
        "l[x] = :v",
        "attribute_exists(:v)",
    ],
)
def test_a_malformed_condition_is_refused_and_changes_nothing(twin: AwsTwin, condition: str) -> None:
    """[DDB-EXPRESSIONS]: moto is lenient here, so the twin stands alone."""
    values = {":v": {"N": "1"}} if ":v" in condition else {}
    with pytest.raises(ClientError) as error:
        twin.dynamodb.put_item(
            TableName=TABLE,
            Item=key(),
            ConditionExpression=condition,
            **({"ExpressionAttributeValues": values} if values else {}),
        )
    assert error.value.response["Error"]["Code"] == "ValidationException"
    assert twin.dynamodb.items(TABLE) == []


def test_values_of_different_types_have_no_order(twin: AwsTwin) -> None:
    """[DDB-EXPRESSIONS]: moto fails here, so the twin stands alone."""
    put(twin, s={"S": "5"})
    for condition in ("s < :n", "s >= :n"):
        with pytest.raises(twin.dynamodb.exceptions.ConditionalCheckFailedException):
            twin.dynamodb.delete_item(
                TableName=TABLE,
                Key=key(),
                ConditionExpression=condition,
                ExpressionAttributeValues={":n": {"N": "5"}},
            )
