"""Which places a diagnosis asks about, and what it tells where one does not answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from local.memory_ledger import MemoryStore, memory_ledger
from slipway.domain.configuration import Registration
from slipway.domain.errors import UnavailableError
from slipway.domain.group_facts import GroupFacts
from slipway.domain.reach import EVERYONE
from slipway.services.diagnose import MOST_PLACES, Diagnose, Diagnosis
from tests.builders import NOW, a_github
from tests.fakes.clock import ManualClock


@dataclass
class Census:
    """Has one group at each place; those of ``down`` do not answer."""

    down: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def groups(self, place: str) -> list[GroupFacts]:
        self.asked.append(place)
        if place in self.down:
            raise UnavailableError(f"{place}: 502")
        return [GroupFacts(place, 7, "slipway", "all")]


def diagnosis(census: Census, *noted: str, calls: int = 1_000, **github: Any) -> Diagnosis:
    """Diagnose where runners were registered in the places that are noted; there is time for some calls."""
    housekeeping = memory_ledger(MemoryStore()).housekeeping
    for place in noted:
        housekeeping.note_place(place, NOW)
    diagnose = Diagnose(a_github(**github), housekeeping, census, ManualClock(NOW))
    return diagnose(lambda: len(census.asked) < calls)


def test_an_enterprise_is_one_place() -> None:
    census = Census()
    told = diagnosis(census, "alpha")
    assert census.asked == [EVERYONE]
    assert (told.at, [group.place for group in told.groups]) == (NOW, [EVERYONE])


def test_organizations_are_those_that_are_allowed_by_name_and_those_that_had_runners() -> None:
    census = Census()
    allowed = ("alpha", "beta")
    diagnosis(census, "beta", "gamma", registration=Registration.ORGANIZATION, allowed_organizations=allowed)
    assert census.asked == ["alpha", "beta", "gamma"]


def test_repositories_have_no_groups() -> None:
    """[GH-JIT-REPO-GROUP]"""
    census = Census()
    assert diagnosis(census, "alpha/web", registration=Registration.REPOSITORY) == Diagnosis(NOW)
    assert census.asked == []


def test_a_place_that_does_not_answer_hides_no_other() -> None:
    told = diagnosis(Census(down={"alpha"}), "alpha", "beta", registration=Registration.ORGANIZATION)
    assert told.unread == (("alpha", "alpha: 502"),)
    assert [group.place for group in told.groups] == ["beta"]


@pytest.mark.parametrize(("calls", "asked"), [(1_000, MOST_PLACES), (3, 3), (0, 0)])
def test_it_asks_about_so_many_places_and_no_longer_than_there_is_time(calls: int, asked: int) -> None:
    census, places = Census(), [f"organization-{number:02}" for number in range(MOST_PLACES + 5)]
    told = diagnosis(census, *places, calls=calls, registration=Registration.ORGANIZATION)
    assert (len(census.asked), told.left) == (asked, len(places) - asked)
