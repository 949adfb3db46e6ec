"""Which organizations have a series of their own: at most ten, chosen once a day, and added to while there is room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.memory_ledger import MemoryStore, memory_ledger
from slipway.domain.errors import UnavailableError
from slipway.domain.findings import Facts
from slipway.domain.jobs import JobState
from slipway.domain.series import MOST_NAMED, busiest
from slipway.ports.ledger import Ledger
from slipway.services.name_series import MOST_SECONDS, NameSeries
from slipway.services.series import KEPT_SECONDS, Series
from slipway.telemetry import OTHERS
from tests.builders import NOW
from tests.contract.ledger_cases import ROUTE, an_event
from tests.fakes.clock import ManualClock

DAY = 86_400


@pytest.fixture
def ledger() -> Ledger:
    return memory_ledger(MemoryStore())


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


def test_the_first_ten_that_start_a_job_are_named_and_all_others_are_one(
    ledger: Ledger, clock: ManualClock
) -> None:
    series = Series(ledger.organizations, clock)
    told = [series.of(f"Org-{number}") for number in range(15)]
    assert told == [*(f"org-{number}" for number in range(MOST_NAMED)), *[OTHERS] * 5]
    assert series.of("ORG-3") == "org-3"


def test_what_is_named_is_read_once_in_a_quarter_of_an_hour(ledger: Ledger, clock: ManualClock) -> None:
    store, calls = MemoryStore(), list[str]()

    def made(operation: str, call: object) -> object:
        calls.append(operation)
        return call()  # type: ignore[operator]

    series = Series(memory_ledger(store, made).organizations, clock)
    for number in range(100):
        series.of(f"org-{number % MOST_NAMED}")
    assert calls == ["GetItem", *["PutItem"] * MOST_NAMED]
    for number in range(100):
        series.of(f"org-{number}")
    clock.advance(KEPT_SECONDS)
    series.of("org-1")
    assert calls == ["GetItem", *["PutItem"] * MOST_NAMED, "GetItem"]


def test_two_sandboxes_never_name_more_than_ten(ledger: Ledger, clock: ManualClock) -> None:
    one, other = Series(ledger.organizations, clock), Series(ledger.organizations, clock)
    told = {
        series.of(f"org-{number}-{name}")
        for number in range(9)
        for name, series in (("a", one), ("b", other))
    }
    assert len(ledger.organizations.named().names) == MOST_NAMED
    assert told <= {*ledger.organizations.named().names, OTHERS}


@pytest.mark.parametrize("fault", [UnavailableError("down"), ValueError("not in our table of errors")])
def test_a_ledger_that_does_not_answer_costs_no_job_its_message(
    ledger: Ledger, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def down(_self: object) -> None:
        raise fault

    series = Series(ledger.organizations, clock)
    with monkeypatch.context() as patch:
        patch.setattr(type(ledger.organizations), "named", down)
        assert series.of("acme") == OTHERS
    assert series.of("acme") == "acme"


def run_jobs(ledger: Ledger, **jobs: int) -> None:
    """Let jobs of organizations start and complete at ``NOW``."""
    number = 0
    for organization, count in jobs.items():
        for _ in range(count):
            number += 1
            event = an_event(
                JobState.COMPLETED, number, organization=organization, repository=f"{organization}/one"
            )
            ledger.jobs.record(event, ROUTE)


def choose(ledger: Ledger, clock: ManualClock, *, is_dry_run: bool = False) -> tuple[str, ...]:
    NameSeries(ledger.organizations, ledger.usage, clock)(Facts(clock.now(), ()), is_dry_run=is_dry_run)
    return ledger.organizations.named().names


def test_the_next_day_those_with_most_jobs_are_named(ledger: Ledger, clock: ManualClock) -> None:
    series = Series(ledger.organizations, clock)
    for number in range(MOST_NAMED):
        series.of(f"early-{number}")
    run_jobs(ledger, late=3, **{f"early-{number}": 2 for number in range(9)}, rare=1)
    assert "late" not in choose(ledger, clock)
    clock.advance(DAY)
    assert choose(ledger, clock) == (*(f"early-{number}" for number in range(9)), "late")
    assert series.of("late") == "late"
    assert series.of("rare") == OTHERS


def test_a_day_without_jobs_leaves_the_names_as_they_are(ledger: Ledger, clock: ManualClock) -> None:
    Series(ledger.organizations, clock).of("acme")
    clock.advance(DAY)
    assert choose(ledger, clock) == ("acme",)


def test_it_is_done_once_a_day_and_never_by_a_dry_run(ledger: Ledger, clock: ManualClock) -> None:
    run_jobs(ledger, acme=1)
    clock.advance(DAY)
    assert choose(ledger, clock, is_dry_run=True) == ()
    assert choose(ledger, clock) == ("acme",)
    version = ledger.organizations.named().version
    run_jobs(ledger, globex=2)
    assert choose(ledger, clock) == ("acme",)
    assert ledger.organizations.named().version == version


def test_a_process_that_knows_the_day_is_done_reads_nothing(clock: ManualClock) -> None:
    calls = list[str]()

    def made(operation: str, call: object) -> object:
        calls.append(operation)
        return call()  # type: ignore[operator]

    ledger = memory_ledger(MemoryStore(), made)
    name = NameSeries(ledger.organizations, ledger.usage, clock)
    name(Facts(clock.now(), ()))
    before = len(calls)
    name(Facts(clock.now(), ()))
    assert len(calls) == before


def test_a_day_too_large_to_read_leaves_the_names_as_they_are(ledger: Ledger, clock: ManualClock) -> None:
    class Slow:
        def of_day(self, day: str, kind: str = "") -> Iterator[object]:
            for line in ledger.usage.of_day(day, kind):
                clock.advance(MOST_SECONDS)
                yield line

    Series(ledger.organizations, clock).of("acme")
    run_jobs(ledger, globex=3)
    clock.advance(DAY)
    NameSeries(ledger.organizations, Slow(), clock)(Facts(clock.now(), ()))  # type: ignore[arg-type]
    assert ledger.organizations.named().names == ("acme",)


def test_among_equals_the_choice_is_by_name() -> None:
    names = [f"org-{number:02}" for number in range(20)]
    assert busiest(reversed(names)) == tuple(names[:MOST_NAMED])
