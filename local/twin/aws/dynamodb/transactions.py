"""TransactWriteItems: all or nothing, with a reason for each part [DDB-TRANSACT]."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from local.twin.aws.attribute_values import copied, invalid
from local.twin.aws.dynamodb.table import Table
from local.twin.aws.dynamodb.writes import (
    ConditionFailedError,
    Write,
    prepare_check,
    prepare_delete,
    prepare_put,
    prepare_update,
)
from local.twin.aws.errors import AwsFault

_PREPARE: Final[dict[str, Callable[[Table, Mapping[str, Any]], Write]]] = {
    "Put": prepare_put,
    "Update": prepare_update,
    "Delete": prepare_delete,
    "ConditionCheck": prepare_check,
}
LARGEST_BYTES: Final = 4 * 1024 * 1024


def prepare(parts: Sequence[Mapping[str, Any]], table_of: Callable[[str], Table]) -> list[Write]:
    """Work out every part against the same state; TransactionCanceledException if one refuses."""
    if not 1 <= len(parts) <= 100:
        raise invalid("Member must have length less than or equal to 100 and at least 1")
    writes: list[Write] = []
    reasons: list[dict[str, Any]] = []
    for part in parts:
        ((kind, request),) = part.items()
        table = table_of(request["TableName"])
        try:
            writes.append(_PREPARE[kind](table, request))
            reasons.append({"Code": "None"})
        except ConditionFailedError as failed:
            reasons.append(_reason(failed, request))
    _refuse_repeats(parts, table_of)
    if any(reason["Code"] != "None" for reason in reasons):
        raise cancelled(reasons)
    if sum(write.size for write in writes) > LARGEST_BYTES:
        raise invalid("Collection size of items in a transaction exceeds 4 MB")
    return writes


def cancelled(reasons: Sequence[Mapping[str, Any]]) -> AwsFault:
    codes = ", ".join(str(reason["Code"]) for reason in reasons)
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    return AwsFault(
        "TransactionCanceledException",
        message,
        extra={"CancellationReasons": list(reasons), "Message": message},
    )


def fingerprint(parts: Sequence[Mapping[str, Any]]) -> str:
    """What tells two uses of one ClientRequestToken apart."""
    return json.dumps(parts, sort_keys=True, default=repr)


def _reason(failed: ConditionFailedError, request: Mapping[str, Any]) -> dict[str, Any]:
    reason: dict[str, Any] = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
    if failed.item is not None and request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD":
        reason["Item"] = copied(failed.item)
    return reason


def _refuse_repeats(parts: Sequence[Mapping[str, Any]], table_of: Callable[[str], Table]) -> None:
    keys = []
    for part in parts:
        ((_, request),) = part.items()
        table = table_of(request["TableName"])
        keys.append((table.name, table.key_of(request.get("Item") or request["Key"])))
    if len(set(keys)) != len(keys):
        raise invalid("Transaction request cannot include multiple operations on one item")
