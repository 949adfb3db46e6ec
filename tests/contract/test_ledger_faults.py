"""What becomes of the ledger when DynamoDB gives work back, is busy, refuses, or is not heard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from slipway.adapters.ledger import dynamo_ledger
from slipway.adapters.ledger.patience import Patience
from slipway.domain.errors import (
    RefusedError,
    SlipwayError,
    ThrottledError,
    UnavailableError,
    UnknownOutcomeError,
)
from slipway.domain.jobs import JobState
from slipway.ports.ledger import Ledger
from tests.builders import NOW, POOL, SHAPE, a_runner, several_jobs
from tests.contract.ledger_cases import ROUTE, TABLE, Case, an_event, drawn, offered


def fail(case: Case, operation: str, code: str, **how: object) -> None:
    """Order a fault for the coming calls."""
    with case.aws.lock:
        case.aws.account.faults.next_error("dynamodb", operation, code, **how)  # type: ignore[arg-type]


def test_what_a_batch_gives_back_undone_is_written_all_the_same(twin_case: Case) -> None:
    jobs = several_jobs(40)
    with twin_case.aws.lock:
        twin_case.aws.account.dynamodb.leave_unprocessed(30)
    twin_case.ledger.offers.read(POOL).replace({SHAPE: jobs})
    assert drawn(twin_case.ledger) == list(jobs)


def test_a_batch_that_is_given_back_for_ever_is_throttled_and_can_be_written_later(twin_case: Case) -> None:
    jobs = several_jobs(3)
    with twin_case.aws.lock:
        twin_case.aws.account.dynamodb.leave_unprocessed(1_000)
    with pytest.raises(ThrottledError):
        twin_case.ledger.offers.read(POOL).replace({SHAPE: jobs})
    assert drawn(twin_case.ledger) == []
    with twin_case.aws.lock:
        twin_case.aws.account.dynamodb.leave_unprocessed(0)
    twin_case.ledger.offers.read(POOL).replace({SHAPE: jobs})
    assert drawn(twin_case.ledger) == list(jobs)


@pytest.mark.parametrize(
    ("operation", "first", "then"),
    [("UpdateItem", 2, 3), ("PutItem", 0, 3), ("PutItem", 0, 1)],
    ids=["appending", "the first of all", "the first of all, then fewer"],
)
def test_offers_whose_publication_died_before_the_head_are_published_by_the_next(
    twin_case: Case, operation: str, first: int, then: int
) -> None:
    jobs = several_jobs(3)
    twin_case.ledger.offers.read(POOL).replace({SHAPE: jobs[:first]})
    fail(twin_case, operation, "InternalServerError")
    with pytest.raises(UnknownOutcomeError):
        twin_case.ledger.offers.read(POOL).replace({SHAPE: jobs})
    twin_case.ledger.offers.read(POOL).replace({SHAPE: jobs[:then]})
    assert drawn(twin_case.ledger) == list(jobs[:then])


def test_offers_whose_replacement_died_before_the_head_are_replaced_by_the_next(twin_case: Case) -> None:
    twin_case.ledger.offers.read(POOL).replace({SHAPE: several_jobs(3)})
    others = several_jobs(2, first=7)
    fail(twin_case, "PutItem", "InternalServerError")
    with pytest.raises(UnknownOutcomeError):
        twin_case.ledger.offers.read(POOL).replace({SHAPE: others})
    twin_case.ledger.offers.read(POOL).replace({SHAPE: others})
    assert drawn(twin_case.ledger) == list(others)
    twin_case.ledger.offers.read(POOL).replace({})
    assert twin_case.items() == []


def cancelled_by(*reasons: str) -> dict[str, Any]:
    """Return what DynamoDB says of a transaction cancelled for these reasons, one for each part."""
    return {"CancellationReasons": [{"Code": reason} for reason in reasons]}


def patient(case: Case) -> tuple[Ledger, list[float]]:
    """Return the ledger with the longest pauses there are, and what it paused."""
    paused: list[float] = []
    return dynamo_ledger(case.client, TABLE, Patience(paused.append, lambda: 1.0)), paused


@pytest.mark.parametrize(
    ("code", "reasons"),
    [
        ("TransactionCanceledException", ("TransactionConflict", "None")),
        ("TransactionCanceledException", ("None", "ThrottlingError")),
        ("TransactionCanceledException", ("ProvisionedThroughputExceeded", "TransactionConflict")),
        ("TransactionInProgressException", ()),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_transaction_whose_way_will_be_free_is_tried_again_after_pauses_that_grow(
    twin_case: Case, code: str, reasons: tuple[str, ...]
) -> None:
    """[DDB-TRANSACT] [DDB-CANCELLED]"""
    ledger, paused = patient(twin_case)
    fail(twin_case, "TransactWriteItems", code, times=3, extra=cancelled_by(*reasons))
    assert ledger.jobs.record(an_event(), ROUTE)
    assert len(twin_case.snapshot().jobs) == 1
    assert paused == [0.05, 0.1, 0.2]


def test_a_single_write_that_meets_a_transaction_is_tried_again_after_pauses_that_grow(
    twin_case: Case,
) -> None:
    """[DDB-TRANSACT]"""
    ledger, paused = patient(twin_case)
    fail(twin_case, "UpdateItem", "TransactionConflictException", times=3)
    ledger.rows.want(POOL)
    assert twin_case.item(f"POOL#{POOL}", "ROW")["wanted"] == {"N": "1"}
    assert paused == [0.05, 0.1, 0.2]


def test_pauses_are_a_random_part_of_their_length() -> None:
    paused: list[float] = []
    drawn = iter((0.5, 0.0, 0.25))
    patience = Patience(paused.append, lambda: next(drawn))
    for tried in (1, 2, 9):
        patience.rest(tried)
    assert paused == [0.025, 0.0, 0.25]


def test_what_a_batch_leaves_over_is_sent_again_after_a_pause(twin_case: Case) -> None:
    ledger, paused = patient(twin_case)
    with twin_case.aws.lock:
        twin_case.aws.account.dynamodb.leave_unprocessed(5)
    ledger.offers.read(POOL).replace({SHAPE: several_jobs(3)})
    assert paused
    assert paused == [0.05 * 2**number for number in range(len(paused))]


@pytest.mark.parametrize(
    ("operation", "code", "reasons", "said", "write"),
    [
        (
            "TransactWriteItems",
            "TransactionCanceledException",
            ("TransactionConflict", "None"),
            "another transaction",
            lambda ledger: ledger.jobs.record(an_event(), ROUTE),
        ),
        (
            "TransactWriteItems",
            "TransactionCanceledException",
            ("ThrottlingError", "None"),
            "no capacity",
            lambda ledger: ledger.jobs.record(an_event(), ROUTE),
        ),
        (
            "UpdateItem",
            "TransactionConflictException",
            (),
            "another transaction",
            lambda ledger: ledger.rows.want(POOL),
        ),
    ],
    ids=["a conflict", "no capacity", "a single write"],
)
def test_what_stays_in_the_way_is_a_throttle_that_says_what_it_was_and_nothing_is_written(
    twin_case: Case,
    operation: str,
    code: str,
    reasons: tuple[str, ...],
    said: str,
    write: Callable[[Ledger], object],
) -> None:
    fail(twin_case, operation, code, times=50, extra=cancelled_by(*reasons))
    with pytest.raises(ThrottledError, match=said):
        write(twin_case.ledger)
    with twin_case.aws.lock:
        twin_case.aws.account.faults.clear()
    assert twin_case.items() == []


@pytest.mark.parametrize("reason", ["ValidationError", "ItemCollectionSizeLimitExceeded"])
def test_a_transaction_that_can_never_be_written_is_refused_at_once_in_its_own_words(
    twin_case: Case, reason: str
) -> None:
    """[DDB-CANCELLED]"""
    ledger, paused = patient(twin_case)
    fail(
        twin_case,
        "TransactWriteItems",
        "TransactionCanceledException",
        message="cancelled, and this is why",
        extra=cancelled_by("TransactionConflict", reason),
    )
    with pytest.raises(RefusedError, match=f"{reason}: cancelled, and this is why") as caught:
        ledger.jobs.record(an_event(), ROUTE)
    assert (caught.value.code, paused) == (reason, [])


def test_a_cancelled_transaction_is_a_failed_condition_only_where_dynamodb_says_so(twin_case: Case) -> None:
    failed = cancelled_by("ConditionalCheckFailed", "TransactionConflict")
    fail(twin_case, "TransactWriteItems", "TransactionCanceledException", extra=failed)
    assert not twin_case.ledger.jobs.record(an_event(), ROUTE)


CALLS: dict[str, tuple[str, Callable[[Ledger], object]]] = {
    "read": ("GetItem", lambda ledger: ledger.jobs.find(an_event().key)),
    "write": ("UpdateItem", lambda ledger: ledger.rows.want(POOL)),
    "transaction": ("TransactWriteItems", lambda ledger: ledger.runners.add([a_runner()])),
    "query": ("Query", lambda ledger: ledger.snapshots.read(POOL, NOW)),
    "batch": ("BatchWriteItem", lambda ledger: ledger.offers.read(POOL).replace({SHAPE: several_jobs(1)})),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("ThrottlingException", ThrottledError),
        ("ProvisionedThroughputExceededException", ThrottledError),
        ("RequestLimitExceeded", ThrottledError),
        ("InternalServerError", UnknownOutcomeError),
        ("ServiceUnavailable", UnavailableError),
        ("LostReply", UnknownOutcomeError),
        ("AccessDeniedException", RefusedError),
    ],
)
def test_an_error_of_dynamodb_becomes_ours(
    twin_case: Case, call: str, code: str, wanted: type[SlipwayError]
) -> None:
    operation, use = CALLS[call]
    fail(twin_case, operation, code)
    with pytest.raises(SlipwayError) as caught:
        use(twin_case.ledger)
    assert type(caught.value) is wanted
    use(twin_case.ledger)


def test_a_write_whose_reply_was_lost_can_be_made_again(twin_case: Case) -> None:
    """Every write may run twice: the second finds the first one's work and changes nothing."""
    fail(twin_case, "TransactWriteItems", "LostReply", after_success=True)
    with pytest.raises(UnknownOutcomeError):
        twin_case.ledger.jobs.record(an_event(JobState.QUEUED), ROUTE)
    assert not twin_case.ledger.jobs.record(an_event(JobState.QUEUED), ROUTE)
    assert len(twin_case.snapshot().jobs) == 1
    fail(twin_case, "TransactWriteItems", "LostReply", after_success=True)
    with pytest.raises(UnknownOutcomeError):
        twin_case.ledger.runners.add([a_runner()])
    twin_case.ledger.runners.add([a_runner()])
    assert twin_case.snapshot().runners == (a_runner(),)


def test_a_binding_whose_reply_was_lost_is_never_made_for_another_job(twin_case: Case) -> None:
    for number in (1, 2):
        twin_case.ledger.jobs.record(an_event(number=number), ROUTE)
    offers = offered(twin_case)
    twin_case.ledger.runners.add([a_runner()])
    fail(twin_case, "TransactWriteItems", "LostReply", after_success=True)
    with pytest.raises(UnknownOutcomeError):
        twin_case.ledger.claims.bind(a_runner(), offers[0], reach="acme", at=NOW)
    assert twin_case.ledger.claims.bind(a_runner(), offers[1], reach="acme", at=NOW) == "runner_spent"


def test_a_table_that_does_not_exist_is_no_empty_ledger(aws_case: Case) -> None:
    with pytest.raises(RefusedError) as caught:
        dynamo_ledger(aws_case.client, "elsewhere").jobs.find(an_event().key)
    assert caught.value.code == "ResourceNotFoundException"
