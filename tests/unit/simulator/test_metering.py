"""The meter counts the units of the table in memory as the DynamoDB twin counts its own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from local.memory_ledger import MemoryStore, MemoryTable
from local.twin.aws.account import AwsTwin
from local.twin.aws.dynamodb.usage import Usage
from local.twin.clock import VirtualClock
from local.twin.latency import LatencyModel
from slipway.adapters.ledger.table import Check, ConditionFailedError, Delete, Key, Put, Table, Update
from tests.support.metering import Meter

KEYS = st.builds(Key, st.sampled_from(["POOL#a", "ORG#b"]), st.sampled_from(["JOB#1", "JOB#2", "RUN#3"]))
TEXT = st.integers(0, 2_500).map(lambda size: "x" * size)
Step = Callable[[Table], object]


def a_put(key: Key, text: str) -> Put:
    return Put({"pk": key.pk, "sk": key.sk, "text": text, "n": 7})


STEPS = st.one_of(
    st.builds(lambda key: lambda table: table.get(key), KEYS),
    st.builds(lambda key: lambda table: list(table.query(key.pk)), KEYS),
    st.builds(lambda key: lambda table: list(table.query(key.pk, "JOB#")), KEYS),
    st.builds(lambda key, text: lambda table: table.write(a_put(key, text)), KEYS, TEXT),
    st.builds(lambda key, text: lambda table: table.write(Update(key, set={"text": text})), KEYS, TEXT),
    st.builds(lambda key: lambda table: table.write(Delete(key)), KEYS),
    st.builds(
        lambda key, text: lambda table: table.write_many([a_put(key, text).item], [Key("OLD#", "gone")]),
        KEYS,
        TEXT,
    ),
    st.builds(
        lambda key, text: (
            lambda table: table.transact(
                [a_put(key, text), Check(Key("ORG#b", "NONE"), "attribute_not_exists(#pk)")]
            )
        ),
        KEYS,
        TEXT,
    ),
)


def twin() -> tuple[Table, Usage]:
    aws = AwsTwin(VirtualClock(0.0), latency=LatencyModel.none(), seed=1)
    client = aws.client("dynamodb")
    names = ["pk", "sk"]
    client.create_table(
        TableName="t",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": n, "KeyType": k} for n, k in zip(names, ["HASH", "RANGE"], strict=True)],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in names],
    )
    return Table(client, "t"), aws.dynamodb.usage


@given(st.lists(STEPS, max_size=25))
def test_units_are_those_of_the_twin_whatever_is_read_and_written(steps: list[Step]) -> None:
    table, usage = twin()
    memory, meter = MemoryTable(MemoryStore()), Meter()
    with meter.metered_table():
        for step in steps:
            step(table)
            step(memory)
    assert (meter.table.read_units, meter.table.write_units) == (usage.read_units, usage.write_units)
    assert meter.refused.write_units == 0


def test_a_write_whose_condition_fails_is_billed_too() -> None:
    memory, meter = MemoryTable(MemoryStore()), Meter()
    with meter.metered_table():
        memory.write(a_put(Key("a", "b"), "x" * 1_500))
        with suppress(ConditionFailedError):
            memory.write(Update(Key("a", "b"), set={"n": 8}, condition="attribute_not_exists(#pk)"))
        with suppress(ConditionFailedError):
            memory.transact([Delete(Key("a", "b"), condition="attribute_not_exists(#pk)")])
    assert (meter.table.write_units, meter.refused.write_units) == (2, 2 + 4)


def test_nothing_is_counted_once_the_block_has_ended() -> None:
    memory, meter = MemoryTable(MemoryStore()), Meter()
    with meter.metered_table():
        pass
    memory.write(a_put(Key("a", "b"), "x"))
    assert meter.table.write_units == 0
