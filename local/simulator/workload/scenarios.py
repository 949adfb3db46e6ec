"""The scenarios that can be simulated by name: each makes a workload of a seed and a size, always the same one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from local.configuration.faults import nearest, printable
from local.simulator.bad_input import BadInputError
from local.simulator.workload import special_cases, working_week
from local.simulator.workload.jobs import Incident, Workload
from local.simulator.workload.special_cases import github_incident, spot_storm
from local.simulator.workload.trace import STARTS_AT
from local.simulator.workload.windows import Size, Window, cut
from local.simulator.workload.working_week import Week, jobs_between

_TUESDAY_HOUR: Final = 24
#: Tuesday 05:00 to 08:00 UTC: Tokyo's afternoon and Berlin's arrival, the three busiest hours together.
_BUSY_HOUR: Final = 29
_BUSY_HOURS: Final = 3
_HOUR_SECONDS: Final = 3_600.0


class UnknownScenarioError(BadInputError):
    """No scenario has this name; the fault names the nearest one and all that exist."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario: its name, what it is in one line, how many hours it has, and how it is made.

    ``has_own_size``: its jobs are what it shows, and no number of jobs a day changes them.
    """

    name: str
    summary: str
    hours: float
    make: Callable[[int, Size], Workload]
    has_own_size: bool = False


def scenario(name: str) -> Scenario:
    """Return a scenario by its name; UnknownScenarioError names the nearest."""
    found = SCENARIOS.get(name)
    if found is None:
        near = nearest(name, SCENARIOS)
        hint = f"; did you mean '{near}'?" if near else ""
        raise UnknownScenarioError(
            [f"no scenario is called '{printable(name)}': there are {', '.join(SCENARIOS)}{hint}"]
        )
    return found


def make_workload(name: str, seed: int, size: Size | None = None) -> Workload:
    """Make a scenario's workload: the same for the same name, seed and size, in every process.

    Raises UnknownScenarioError, and BadInputError for a size that the scenario does not have.
    """
    chosen, wanted = scenario(name), size or Size()
    wanted.check(chosen.name, chosen.hours)
    return chosen.make(seed, wanted)


def _part_of_week(
    name: str, first_hour: int, hours: int, incidents: tuple[Incident, ...] = ()
) -> Callable[[int, Size], Workload]:
    """Return how to make some hours of the working week, of which no more is made than the window shows."""

    def make(seed: int, size: Size) -> Workload:
        window = size.window or Window(0, hours)
        start = first_hour + window.start_hour
        jobs = jobs_between(Week(seed, size.jobs_per_day), start, start + window.hours)
        shown = cut(Workload(name, STARTS_AT, (), incidents), window).incidents
        return Workload(name, STARTS_AT + start * _HOUR_SECONDS, jobs, shown)

    return make


def _whole(make: Callable[[int, Size], Workload]) -> Callable[[int, Size], Workload]:
    def cut_to_window(seed: int, size: Size) -> Workload:
        return cut(make(seed, size), size.window)

    return cut_to_window


_ALL: Final = (
    Scenario(
        "working-week",
        "an enterprise's week: Japan and Europe by day, matrix bursts up to 256, nightly crons, few at the weekend",
        working_week.HOURS,
        _part_of_week("working-week", 0, working_week.HOURS),
    ),
    Scenario(
        "working-day",
        "the Tuesday of the working week, 10,000 jobs",
        24,
        _part_of_week("working-day", _TUESDAY_HOUR, 24),
    ),
    Scenario(
        "greedy-organization",
        "one organization queues 2,000 jobs at once while the others' jobs trickle",
        special_cases.GREEDY_HOURS,
        _whole(special_cases.greedy_organization),
    ),
    Scenario(
        "cold-start",
        "bursts of 1, 10 and 100 jobs on a weekend, hours apart: each meets nothing that runs",
        special_cases.COLD_HOURS,
        _whole(special_cases.cold_start),
        has_own_size=True,
    ),
    Scenario(
        "spot-storm",
        "three busy hours of the working day, with Spot instances interrupted and none to be had in the middle",
        _BUSY_HOURS,
        _part_of_week("spot-storm", _BUSY_HOUR, _BUSY_HOURS, spot_storm(_BUSY_HOURS)),
    ),
    Scenario(
        "github-incident",
        "three busy hours of the working day, with GitHub's API and webhooks failing in the middle",
        _BUSY_HOURS,
        _part_of_week("github-incident", _BUSY_HOUR, _BUSY_HOURS, github_incident(_BUSY_HOURS)),
    ),
)
#: Every scenario by name.
SCENARIOS: Final = {each.name: each for each in _ALL}
