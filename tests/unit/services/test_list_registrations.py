"""Which places the reaper lists in a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from local.twin.aws.account import AwsTwin
from local.twin.clock import VirtualClock
from local.twin.latency import LatencyModel
from slipway.adapters.ledger import dynamo_ledger
from slipway.domain.configuration import Registration
from slipway.domain.errors import UnavailableError
from slipway.domain.findings import What
from slipway.domain.reach import EVERYONE
from slipway.domain.reaping import suspicion
from slipway.domain.runner_versions import Deprecation
from slipway.ports.github import Listing
from slipway.ports.housekeeping import Housekeeping
from slipway.services.list_registrations import MOST_PLACES, MOST_SECONDS, ListRegistrations
from tests.builders import NOW
from tests.contract.aws_faces import create_table
from tests.contract.ledger_cases import TABLE

PLACES = [f"acme/repository-{number:03}" for number in range(100)]


@dataclass
class Census:
    """Answers for each place after some seconds, or not at all."""

    clock: VirtualClock
    seconds: float = 0.0
    is_down: bool = False
    asked: list[str] = field(default_factory=list)

    def registrations(self, places: Iterable[str]) -> Listing:
        found = []
        for place in places:
            found.append(place)
            self.clock.advance(self.seconds)
        self.asked += found
        if self.is_down:
            return Listing((), tuple(UnavailableError(place) for place in found))
        return Listing((), places=frozenset(found))

    def deprecation(self, version: str, place: str) -> Deprecation | None:
        raise AssertionError("nobody asks")


@dataclass
class Bench:
    """The service over an empty ledger in which each place is noted."""

    level: Registration = Registration.REPOSITORY

    def __post_init__(self) -> None:
        self.clock = VirtualClock(NOW)
        aws = AwsTwin(self.clock, latency=LatencyModel.none(), seed=1)
        create_table(aws.client("dynamodb"), TABLE)
        self.housekeeping: Housekeeping = dynamo_ledger(aws.client("dynamodb"), TABLE).housekeeping
        for place in PLACES:
            self.housekeeping.note_place(place, NOW)
        self.census = Census(self.clock)

    def run(self, *doubted: str, has_time: int = 1_000, is_dry_run: bool = False) -> list[str]:
        """Make one run of a fresh process; return the places that it listed."""
        service = ListRegistrations(self.level, self.housekeeping, self.census, self.clock)
        suspected = {suspicion(What.REGISTRATION, "x", place): NOW for place in doubted}
        left = iter([True] * has_time)
        before = len(self.census.asked)
        service(suspected, lambda: next(left, False), is_dry_run=is_dry_run)
        return self.census.asked[before:]


def test_a_hundred_places_are_listed_in_three_runs_and_no_oftener_than_every_ten_minutes() -> None:
    bench = Bench()
    runs = []
    for _ in range(10):
        runs.append(bench.run())
        bench.clock.advance(60.0)
    assert [len(run) for run in runs] == [MOST_PLACES, MOST_PLACES, 20] + [0] * 7
    assert sorted(place for run in runs for place in run) == PLACES
    assert bench.run() == runs[0]


def test_a_place_in_which_something_is_doubted_is_listed_again_in_the_next_run_and_no_other() -> None:
    bench = Bench()
    for _ in range(3):
        bench.run()
    bench.clock.advance(60.0)
    assert bench.run(PLACES[7]) == [PLACES[7]]


def test_those_that_were_not_listed_for_the_longest_come_first() -> None:
    bench = Bench()
    first = bench.run()
    bench.clock.advance(60.0)
    assert not set(bench.run(*first)) & set(first)


def test_a_run_without_time_lists_no_more_and_the_next_goes_on_behind_it() -> None:
    bench = Bench()
    assert bench.run(has_time=3) == PLACES[:3]
    assert bench.run(has_time=0) == []
    assert bench.run(has_time=2) == PLACES[3:5]


def test_a_slow_github_leaves_time_for_the_removals() -> None:
    bench = Bench()
    bench.census.seconds = MOST_SECONDS / 4
    assert len(bench.run()) == 4


def test_places_that_fail_keep_no_other_from_being_listed() -> None:
    bench = Bench()
    bench.census.is_down = True
    assert bench.run() == PLACES[:MOST_PLACES]
    bench.census.is_down = False
    assert bench.run() == PLACES[MOST_PLACES : 2 * MOST_PLACES]


@pytest.mark.parametrize("level", list(Registration))
def test_a_dry_run_always_looks_and_notes_nothing(level: Registration) -> None:
    bench = Bench(level)
    first = bench.run()
    assert first
    assert bench.run(is_dry_run=True) == bench.run(is_dry_run=True)
    assert len(bench.run(is_dry_run=True)) == (1 if level is Registration.ENTERPRISE else MOST_PLACES)


def test_an_enterprise_is_one_place_asked_again_at_once_where_nothing_was_read() -> None:
    bench = Bench(Registration.ENTERPRISE)
    bench.census.is_down = True
    assert bench.run() == [EVERYONE]
    bench.census.is_down = False
    assert bench.run() == [EVERYONE]
    assert bench.run() == []
    assert bench.run("acme") == [EVERYONE]
    bench.clock.advance(600.0)
    assert bench.run() == [EVERYONE]
