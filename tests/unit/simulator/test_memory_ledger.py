"""The table in memory against DynamoDB's twin: whatever is written, the same is told and the same is there."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.memory_ledger import MemoryStore, MemoryTable
from local.twin.aws.account import AwsTwin
from local.twin.aws.errors import AwsFault, client_error
from local.twin.clock import VirtualClock
from local.twin.latency import LatencyModel
from slipway.adapters.ledger.patience import Patience
from slipway.adapters.ledger.table import (
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
from tests.builders import NOW
from tests.contract.aws_faces import create_table

PARTITIONS = ("POOL#one", "POOL#two")
SORT_KEYS = ("JOB#1", "JOB#10", "JOB#2", "JOB", "JOC#1", "é", "\U0001f680")
PREFIXES = ("", "JOB", "JOB#", "JOB#1", "é", "\U0001f680", "none")

#: Every form of condition that the ledger uses: absent attributes, two of an item, brackets.
CONDITIONS = (
    "",
    "attribute_exists(#pk)",
    "attribute_not_exists(#pk)",
    "#state = :state",
    "#state <> :state",
    "#count >= :floor AND #count <= :rank",
    "attribute_exists(#pk) AND #next < #count",
    "attribute_exists(#pk) AND #rank < :rank",
    "attribute_not_exists(#rank) OR #rank < :rank",
    "attribute_not_exists(#state) OR #state = :state OR #rank < :rank",
    "attribute_exists(#pk) AND #state <> :state AND (#holder = :holder OR #reach = :state)",
    "attribute_not_exists(#pk) OR (#holder = :holder OR #reach = :state)",
    "#flag = :flag",
)
VALUES: Mapping[str, st.SearchStrategy[Any]] = {
    "state": st.sampled_from(("starting", "gone", "", "5")),
    "rank": st.one_of(st.integers(-2, 6), st.sampled_from((0.5, 4.0, NOW + 0.125, 1e-7))),
    "floor": st.integers(-2, 3),
    "holder": st.sampled_from(("one", "two")),
    "flag": st.booleans(),
}
COUNTS = {"next": st.integers(-3, 3), "count": st.integers(0, 5)}
TEXTS = dict.fromkeys(("state", "holder", "reach"), VALUES["state"])
NESTED: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.integers(-9, 9), st.booleans(), VALUES["state"]),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.tuples(inner, inner)),
    max_leaves=5,
)
MAPS = st.dictionaries(st.sampled_from(("a", "b")), st.one_of(st.none(), NESTED), max_size=2)
ATTRIBUTES: Mapping[str, st.SearchStrategy[Any]] = {
    **COUNTS,
    **TEXTS,
    "rank": VALUES["rank"],
    "flag": VALUES["flag"],
    "load": st.one_of(NESTED, MAPS, st.lists(MAPS, max_size=2)),
}
keys = st.builds(Key, st.sampled_from(PARTITIONS), st.sampled_from(SORT_KEYS))


@st.composite
def conditions(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A condition and its values, as many as it names: DynamoDB refuses any other."""
    condition = draw(st.sampled_from(CONDITIONS))
    return condition, {name: draw(VALUES[name]) for name in sorted(set(re.findall(r":(\w+)", condition)))}


def some(
    attributes: Mapping[str, st.SearchStrategy[Any]], *, or_none: bool = False
) -> st.SearchStrategy[dict[str, Any]]:
    wrapped = {name: st.one_of(st.none(), one) if or_none else one for name, one in attributes.items()}
    return st.fixed_dictionaries({}, optional=wrapped)


@st.composite
def updates(draw: st.DrawFn, key: Key) -> Update:
    """An update whose parts touch different attributes."""
    condition, values = draw(conditions())
    added = draw(some({name: st.integers(-2, 4) for name in COUNTS}))
    changed = {name: value for name, value in draw(some(ATTRIBUTES)).items() if name not in added}
    names = [name for name in ATTRIBUTES if name not in changed and name not in added]
    removed = tuple(name for name in names if draw(st.booleans()))
    if not (changed or added or removed):
        changed = {"state": "changed"}
    return Update(key, changed, removed, added, condition, values)


@st.composite
def puts(draw: st.DrawFn, key: Key) -> Put:
    condition, values = draw(conditions())
    facts = draw(some(ATTRIBUTES, or_none=True))
    return Put({"pk": key.pk, "sk": key.sk, **facts}, condition, values)


@st.composite
def deletes(draw: st.DrawFn, key: Key) -> Delete:
    return Delete(key, *draw(conditions()))


@st.composite
def checks(draw: st.DrawFn, key: Key) -> Check:
    condition, values = draw(conditions().filter(lambda one: bool(one[0])))
    return Check(key, condition, values)


KINDS: tuple[Callable[[Key], st.SearchStrategy[Any]], ...] = (updates, puts, deletes)
Step = Callable[[Table], Any]


@st.composite
def steps(draw: st.DrawFn) -> Step:
    """One call of the table: a write, a transaction, or a batch."""
    kind = draw(st.sampled_from(("write", "write", "transact", "batch")))
    if kind == "write":
        write = draw(draw(st.sampled_from(KINDS))(draw(keys)))
        can_be_new = isinstance(write, Update)
        want = draw(st.sampled_from(("NONE", "ALL_OLD", "ALL_NEW") if can_be_new else ("NONE", "ALL_OLD")))
        return lambda table: table.write(write, want=want)
    chosen = draw(st.lists(keys, min_size=1, max_size=4, unique=draw(st.sampled_from((True, True, False)))))
    if kind == "transact":
        writes: list[Write] = [draw(draw(st.sampled_from((*KINDS, checks)))(key)) for key in chosen]
        return lambda table: table.transact(writes)
    items = [draw(puts(key)).item for key in chosen[1:]]
    return lambda table: table.write_many(items, chosen[:1])


def dynamo_table() -> Table:
    aws = AwsTwin(VirtualClock(NOW), latency=LatencyModel.none(), seed=1, log_calls=False)
    create_table(aws.client("dynamodb"), "ledger")
    return Table(aws.client("dynamodb"), "ledger")


def outcome(step: Step, table: Table) -> Any:
    try:
        return step(table)
    except ConditionFailedError as fault:
        return "failed", fault.failed
    except RefusedError as fault:
        return "refused", fault.code


def contents(table: Table) -> list[Any]:
    """All that a table tells by reading: each item, each partition, each part of one."""
    every = [Key(pk, sk) for pk in PARTITIONS for sk in SORT_KEYS]
    listed = [list(table.query(pk, prefix)) for pk in PARTITIONS for prefix in PREFIXES]
    return [[table.get(key) for key in every], listed]


@settings(max_examples=150)
@given(st.lists(steps(), min_size=1, max_size=12))
def test_any_writes_give_the_same_answers_and_contents_as_dynamodb(history: list[Step]) -> None:
    memory, dynamo = MemoryTable(MemoryStore()), dynamo_table()
    for step in history:
        assert outcome(step, memory) == outcome(step, dynamo)
    assert contents(memory) == contents(dynamo)


@settings(max_examples=60)
@given(st.lists(steps(), min_size=2, max_size=10))
def test_what_was_read_is_not_changed_by_later_writes(history: list[Step]) -> None:
    memory = MemoryTable(MemoryStore())
    read: list[tuple[Any, Any]] = []
    for step in history:
        told = [outcome(step, memory), contents(memory)]
        read.append((told, copy.deepcopy(told)))
    assert all(now == then for now, then in read)


@settings(max_examples=40)
@given(st.lists(steps(), min_size=1, max_size=10))
def test_the_store_counts_what_a_reader_finds(history: list[Step]) -> None:
    store = MemoryStore()
    for step in history:
        outcome(step, MemoryTable(store))
    found = [item for pk in PARTITIONS for item in MemoryTable(store).query(pk)]
    assert sorted(store.items(), key=repr) == sorted(found, key=repr)


KEY = Key("POOL#one", "JOB#1")


def test_what_was_written_is_not_changed_by_whoever_wrote_it() -> None:
    memory, load = MemoryTable(MemoryStore()), [["medium", 1]]
    memory.write(Put({"pk": KEY.pk, "sk": KEY.sk, "load": load}))
    memory.write(Update(KEY, set={"again": load}))
    load[0][1] = 9
    item = memory.get(KEY)
    assert item is not None
    assert item["load"] == item["again"] == [["medium", 1]]


@pytest.mark.parametrize("value", [None, [None], object()], ids=["none", "in a list", "object"])
def test_what_the_table_of_dynamodb_does_not_take_this_one_does_not_take(value: object) -> None:
    for table in (MemoryTable(MemoryStore()), dynamo_table()):
        with pytest.raises(TypeError, match="has no place in the table"):
            table.write(Update(KEY, set={"load": value}))
        assert table.get(KEY) is None


def noting(made: list[str]) -> Callable[[str, Callable[[], Any]], Any]:
    """Return what makes calls and notes their names."""

    def make(operation: str, call: Callable[[], Any]) -> Any:
        made.append(operation)
        return call()

    return make


def test_every_operation_is_a_call_by_dynamodb_s_name() -> None:
    made: list[str] = []
    table = MemoryTable(MemoryStore(), noting(made))
    item: Item = {"pk": KEY.pk, "sk": KEY.sk}
    table.write(Put(item))
    table.write(Update(KEY, set={"state": "gone"}))
    table.write(Delete(KEY))
    table.transact([Put(item)])
    table.get(KEY)
    assert list(table.query(KEY.pk)) == [item]
    table.write_many([item], [Key("POOL#two", "JOB")])
    table.write_many()
    assert made == [
        "PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "GetItem", "Query", "BatchWriteItem",
    ]  # fmt: skip


def test_a_write_that_meets_a_transaction_is_made_again_after_a_pause() -> None:
    """[DDB-TRANSACT]"""
    made: list[str] = []
    paused: list[float] = []

    def meet(operation: str, call: Callable[[], Any]) -> Any:
        made.append(operation)
        if len(made) < 3:
            raise client_error("dynamodb", operation, AwsFault("TransactionConflictException", "made up"))
        return call()

    table = MemoryTable(MemoryStore(), meet, Patience(paused.append, lambda: 1.0))
    table.write(Put({"pk": KEY.pk, "sk": KEY.sk}))
    assert (made, paused) == (["PutItem"] * 3, [0.05, 0.1])
    assert table.get(KEY) == {"pk": KEY.pk, "sk": KEY.sk}


def test_a_batch_is_as_many_calls_as_dynamodb_would_need() -> None:
    """[DDB-LIMITS]"""
    made: list[str] = []
    aws = AwsTwin(VirtualClock(NOW), latency=LatencyModel.none(), seed=1)
    create_table(aws.client("dynamodb"), "ledger")
    memory = MemoryTable(MemoryStore(), noting(made))
    for table in (memory, Table(aws.client("dynamodb"), "ledger")):
        table.write_many([{"pk": "POOL#one", "sk": f"JOB#{number}"} for number in range(51)])
        assert len(list(table.query("POOL#one"))) == 51
    assert made.count("BatchWriteItem") == aws.calls["dynamodb.BatchWriteItem"] == 3


def test_a_page_read_is_what_was_there_when_it_was_asked_for() -> None:
    memory = MemoryTable(MemoryStore())
    memory.write(Put({"pk": KEY.pk, "sk": KEY.sk}))
    reading = memory.query(KEY.pk)
    first = next(reading)
    memory.write(Put({"pk": KEY.pk, "sk": "JOB#2"}))
    memory.write(Delete(KEY))
    assert first == {"pk": KEY.pk, "sk": KEY.sk}
    assert list(reading) == []
