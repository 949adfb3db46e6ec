"""Scenarios: the jobs they say, the same for the same seed, served by the simulator's own configuration."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from local.simulator.bad_input import BadInputError
from local.simulator.configuration import CONFIGURATION, configuration_for, read_configuration
from local.simulator.workload import enterprise, special_cases
from local.simulator.workload.jobs import IncidentKind, SimulatedJob, Workload
from local.simulator.workload.scenarios import SCENARIOS, UnknownScenarioError, make_workload, scenario
from local.simulator.workload.windows import Size, Window
from slipway.domain.matching import Route, route
from tests.support.checkout import IMPORT_PATH

ROOT = Path(__file__).parents[3]
SEEDS = (1, 2, 3)


@cache
def made(name: str, seed: int = 1, jobs_per_day: int = 10_000) -> Workload:
    return make_workload(name, seed, Size(jobs_per_day))


def by_hour(jobs: tuple[SimulatedJob, ...]) -> Counter[int]:
    return Counter(int(job.queued_at_seconds // 3600) for job in jobs)


def largest_burst(jobs: tuple[SimulatedJob, ...]) -> int:
    """The most jobs of matrices which one repository queues within the time that a matrix takes to be queued."""
    times: dict[str, list[float]] = {}
    for job in jobs:
        if job.labels == enterprise.MATRIX_CELL.labels:
            times.setdefault(job.full_name, []).append(job.queued_at_seconds)
    spread = enterprise.MATRIX_SPREAD_SECONDS
    return max(sum(first <= at <= first + spread for at in each) for each in times.values() for first in each)


# ---- every scenario


@pytest.mark.parametrize("name", SCENARIOS)
def test_jobs_are_sorted_lie_within_the_scenario_and_run_for_a_while(name: str) -> None:
    workload, hours = made(name), SCENARIOS[name].hours
    assert workload.name == name
    times = [job.queued_at_seconds for job in workload.jobs]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] < hours * 3600
    assert all(5.0 <= job.duration_seconds <= 21_600.0 for job in workload.jobs)
    assert all(0 <= i.at_seconds < i.at_seconds + i.lasts_seconds <= hours * 3600 for i in workload.incidents)


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_job_is_served_by_the_simulators_own_configuration(name: str) -> None:
    profiles = read_configuration().profiles
    asked = {(job.labels, job.full_name) for job in made(name).jobs}
    assert all(isinstance(route(labels, (1, 1), full_name, profiles), Route) for labels, full_name in asked)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_same_seed_makes_the_same_jobs_and_another_seed_others(name: str) -> None:
    assert make_workload(name, 1) == made(name)
    assert make_workload(name, 2).jobs != made(name).jobs


def digest(workload: Workload) -> str:
    return hashlib.sha256(repr(workload).encode()).hexdigest()


def test_another_process_makes_the_same_jobs() -> None:
    program = (
        "from tests.unit.simulator.test_scenarios import digest, made\n"
        "from local.simulator.workload.scenarios import SCENARIOS\n"
        "print(*(digest(made(name, jobs_per_day=1_000)) for name in SCENARIOS))"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", program],
        # Another seed of hash(), and so another order of every set.
        env={"PYTHONPATH": IMPORT_PATH, "PYTHONHASHSEED": "7"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert elsewhere.stdout.split() == [digest(made(name, jobs_per_day=1_000)) for name in SCENARIOS]


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_says_what_it_is_in_one_line(name: str) -> None:
    assert 20 < len(SCENARIOS[name].summary) < 120
    assert "\n" not in SCENARIOS[name].summary


# ---- the working week


@pytest.mark.parametrize("seed", SEEDS)
def test_a_working_day_has_ten_thousand_jobs_and_a_weekend_day_few(seed: int) -> None:
    days = Counter(int(job.queued_at_seconds // 86_400) for job in made("working-week", seed).jobs)
    assert all(
        9_300 < days[day] < 10_500 for day in range(5)
    )  # Tokyo's Friday ends, and its Saturday begins, at 15:00
    assert all(500 < days[day] < 2_000 for day in (5, 6))


@pytest.mark.parametrize("jobs_per_day", [1_000, 10_000, 100_000])
def test_a_day_has_the_number_of_jobs_that_is_asked_for(jobs_per_day: int) -> None:
    assert abs(len(made("working-day", 1, jobs_per_day).jobs) - jobs_per_day) <= 0.02 * jobs_per_day


def test_the_shape_of_a_day_does_not_depend_on_its_size() -> None:
    for profile, share in (("small", 0.42), ("medium", 0.44), ("large", 0.09), ("docker", 0.03)):
        for jobs_per_day in (10_000, 100_000):
            jobs = made("working-day", 1, jobs_per_day).jobs
            found = sum(profile in job.labels for job in jobs) / len(jobs)
            assert abs(found - share) < 0.03, profile


def test_an_hour_of_a_day_of_a_million_jobs_can_be_made_alone() -> None:
    hour = make_workload("working-day", 1, Size(1_000_000, Window(6, 1)))
    assert 50_000 < len(hour.jobs) < 85_000
    assert max(job.queued_at_seconds for job in hour.jobs) < 3600


@pytest.mark.parametrize("seed", SEEDS)
def test_a_matrix_has_at_most_256_jobs_and_each_working_day_one_that_is_as_large(seed: int) -> None:
    jobs = made("working-day", seed).jobs
    assert 200 <= largest_burst(jobs) <= 2 * enterprise.LARGEST_MATRIX  # two may meet
    sizes = [enterprise.matrix_size(rng) for rng in [random.Random(seed)] for _ in range(2_000)]
    assert max(sizes) == 256
    assert min(sizes) >= 12


@pytest.mark.parametrize("seed", SEEDS)
def test_days_are_busy_and_nights_are_calm_but_for_the_crons(seed: int) -> None:
    hours = by_hour(made("working-day", seed).jobs)
    busy = [hours[hour] for hour in (0, 1, 5, 6, 7, 8)]
    calm = [hours[hour] for hour in (19, 20)]  # four in Tokyo, nine at night in Berlin
    assert sum(busy) / len(busy) > 8 * sum(calm) / len(calm)


def in_hours(jobs: tuple[SimulatedJob, ...], logins: set[str], hours: range) -> int:
    return sum(job.organization in logins and job.queued_at_seconds // 3600 in hours for job in jobs)


def test_each_area_works_by_its_own_clock() -> None:
    jobs = made("working-day").jobs
    tokyo = {each.login for each in enterprise.ORGANIZATIONS if each.area is enterprise.JAPAN}
    berlin = {each.login for each in enterprise.ORGANIZATIONS if each.area is enterprise.EUROPE}
    assert in_hours(jobs, tokyo, range(1)) > 10 * in_hours(jobs, berlin, range(1))
    assert in_hours(jobs, berlin, range(12, 15)) > 3 * in_hours(jobs, tokyo, range(12, 15))


def test_crons_run_at_round_hours_on_all_days() -> None:
    tokyo_midnight = 5 * 86_400 + 15 * 3600  # a Saturday
    jobs = [
        j for j in made("working-week").jobs if tokyo_midnight <= j.queued_at_seconds < tokyo_midnight + 3600
    ]
    at_once = [
        job for job in jobs if job.queued_at_seconds <= tokyo_midnight + enterprise.CRON_SPREAD_SECONDS
    ]
    assert len(at_once) > 0.8 * len(jobs)
    assert len(at_once) > 50


def test_organizations_are_of_unequal_sizes_and_have_several_repositories() -> None:
    jobs = made("working-week").jobs
    sizes = Counter(job.organization for job in jobs)
    for organization in enterprise.ORGANIZATIONS:
        assert abs(sizes[organization.login] / len(jobs) - organization.share) < 0.04
        names = {job.repository for job in jobs if job.organization == organization.login}
        assert len(names) == organization.repositories


def test_shares_are_whole() -> None:
    assert sum(each.share for each in enterprise.ORGANIZATIONS) == pytest.approx(1.0)
    assert sum(enterprise.PUSH_KIND_WEIGHTS) == pytest.approx(1.0)
    assert sum(enterprise.CRON_HOURS.values()) == pytest.approx(1.0)
    assert sum(enterprise.FAN_OUT_WEIGHTS) == pytest.approx(1.0)


@pytest.mark.parametrize("kind", [*enterprise.PUSH_KINDS, enterprise.MATRIX_CELL, enterprise.NIGHTLY])
def test_durations_have_the_median_and_95th_percentile_that_are_stated(kind: enterprise.Kind) -> None:
    rng = random.Random(1)
    drawn = sorted(kind.duration_seconds(rng) for _ in range(20_000))
    assert drawn[10_000] == pytest.approx(kind.p50_seconds, rel=0.05)
    assert drawn[19_000] == pytest.approx(kind.p95_seconds, rel=0.07)


# ---- windows


@pytest.mark.parametrize(
    ("name", "window"),
    [
        ("working-week", Window(100, 5)),
        ("working-day", Window(5, 3)),
        ("working-day", Window(6.5, 0.25)),
        ("greedy-organization", Window(0, 0.5)),
        ("cold-start", Window(3, 6)),
        ("spot-storm", Window(1, 1)),
        ("github-incident", Window(1.5, 1)),
    ],
)
def test_a_window_shows_what_the_whole_has_there(name: str, window: Window) -> None:
    whole, part = made(name), make_workload(name, 1, Size(window=window))
    start, end = window.start_hour * 3600, window.end_hour * 3600
    wanted = [job for job in whole.jobs if start <= job.queued_at_seconds < end]
    assert wanted
    assert part.starts_at == whole.starts_at + start
    assert len(part.jobs) == len(wanted)
    for shown, job in zip(part.jobs, wanted, strict=True):
        assert shown.queued_at_seconds == pytest.approx(job.queued_at_seconds - start, abs=0.001)
        assert (shown.full_name, shown.labels, shown.duration_seconds) == (
            job.full_name,
            job.labels,
            job.duration_seconds,
        )


def test_incidents_are_cut_to_the_window_too() -> None:
    storm, none_left = make_workload("spot-storm", 1, Size(window=Window(1.5, 0.5))).incidents
    assert (storm.at_seconds, storm.lasts_seconds, storm.strength) == (0.0, 900.0, 3.0)
    assert (none_left.at_seconds, none_left.lasts_seconds) == (0.0, 1_800.0)
    assert make_workload("spot-storm", 1, Size(window=Window(0, 1))).incidents == ()


BAD_SIZES = {
    "no jobs": (Size(0), "0 jobs a day cannot be simulated: wanted 1 to 10000000"),
    "negative jobs": (Size(-5), "-5 jobs a day cannot be simulated"),
    "too many jobs": (Size(10**9), "1000000000 jobs a day cannot be simulated"),
    "before the start": (Size(window=Window(-1, 2)), "hour -1 for 2 hours is no window"),
    "no hours": (Size(window=Window(1, 0)), "hour 1 for 0 hours is no window"),
    "not a number": (Size(window=Window(float("nan"), 1)), "hour nan for 1 hours is no window"),
    "beyond the end": (
        Size(window=Window(23, 2)),
        "the window ends at hour 25, and working-day has 24 hours",
    ),
}


@pytest.mark.parametrize(("size", "wanted"), BAD_SIZES.values(), ids=BAD_SIZES)
def test_a_size_that_a_scenario_does_not_have_is_refused(size: Size, wanted: str) -> None:
    with pytest.raises(BadInputError) as raised:
        make_workload("working-day", 1, size)
    (fault,) = raised.value.faults
    assert fault.startswith(wanted)


def test_both_faults_of_a_size_are_told_at_once() -> None:
    with pytest.raises(BadInputError) as raised:
        make_workload("working-day", 1, Size(0, Window(0, 25)))
    assert len(raised.value.faults) == 2


# ---- the special cases


def test_the_greedy_organization_queues_two_thousand_jobs_at_once_while_the_others_trickle() -> None:
    jobs = made("greedy-organization").jobs
    greedy = [job.queued_at_seconds for job in jobs if job.organization == special_cases.GREEDY_LOGIN]
    assert len(greedy) == 2_000
    assert greedy[-1] - greedy[0] <= 10
    others = Counter(job.organization for job in jobs)
    del others[special_cases.GREEDY_LOGIN]
    assert len(others) == 5
    assert all(110 < number < 220 for number in others.values())  # one in 45 s for two hours: 160
    matrices = Counter(job.repository for job in jobs if job.organization == special_cases.GREEDY_LOGIN)
    assert max(matrices.values()) <= enterprise.LARGEST_MATRIX


def test_a_cold_start_meets_nothing_that_runs() -> None:
    workload = made("cold-start")
    bursts = by_hour(workload.jobs)
    assert [bursts[hour] for hour in sorted(bursts)] == [1, 10, 100] * 4
    assert sorted(bursts) == [3 * burst for burst in range(12)]
    ends: dict[int, float] = {}
    for job in workload.jobs:
        hour = int(job.queued_at_seconds // 3600)
        ends[hour] = max(ends.get(hour, 0.0), job.queued_at_seconds + job.duration_seconds)
    # Over two hours are left for whoever scales in slowly.
    assert all(end + 7_200 < (hour + 3) * 3600 for hour, end in ends.items())


def test_a_cold_start_lies_outside_the_hours_of_the_headroom() -> None:
    workload = made("cold-start")
    headroom = read_configuration().pools["general"].headroom
    assert headroom
    assert headroom.schedule
    first, last = (
        datetime.fromtimestamp(workload.starts_at + job.queued_at_seconds, UTC)
        for job in (workload.jobs[0], workload.jobs[-1])
    )
    assert not {first.weekday(), last.weekday()} & set(headroom.schedule.weekdays)


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("spot-storm", {IncidentKind.SPOT_STORM, IncidentKind.NO_SPOT_CAPACITY}),
        ("github-incident", {IncidentKind.GITHUB_DOWN}),
    ],
)
def test_an_incident_befalls_the_same_jobs_as_the_working_day_has_then(
    name: str, kinds: set[IncidentKind]
) -> None:
    workload = made(name)
    calm = make_workload("working-day", 1, Size(window=Window(5, 3)))
    assert (workload.jobs, workload.starts_at) == (calm.jobs, calm.starts_at)
    assert calm.incidents == ()
    assert {incident.kind for incident in workload.incidents} == kinds
    # Before and after it there is time to see the difference.
    assert min(incident.at_seconds for incident in workload.incidents) >= 3_600
    assert max(i.at_seconds + i.lasts_seconds for i in workload.incidents) <= 2.25 * 3_600


# ---- names and configuration


def test_an_unknown_scenario_is_refused_with_the_nearest_and_all_that_exist() -> None:
    with pytest.raises(UnknownScenarioError) as raised:
        scenario("workin-day")
    (fault,) = raised.value.faults
    assert fault.startswith("no scenario is called 'workin-day': there are working-week, working-day, ")
    assert fault.endswith("; did you mean 'working-day'?")
    assert all(name in fault for name in SCENARIOS)
    with pytest.raises(UnknownScenarioError) as raised:
        scenario("xyzzy")
    assert "did you mean" not in raised.value.faults[0]


def test_nothing_but_the_headroom_stands_ready() -> None:
    configuration = read_configuration()
    assert {profile.standby for profile in configuration.profiles.values()} == {0}
    assert {pool.stopped_instances for pool in configuration.pools.values()} == {0}


def test_a_busier_enterprise_has_larger_limits_and_a_calmer_one_the_usual() -> None:
    usual, busy = read_configuration(), configuration_for(100_000)
    for name, pool in usual.pools.items():
        assert busy.pools[name].max_instances == 10 * pool.max_instances
    general, busy_general = usual.pools["general"].headroom, busy.pools["general"].headroom
    assert general
    assert busy_general
    assert busy_general.slots == 10 * general.slots
    assert busy_general.schedule == general.schedule
    assert busy.profiles["small"].max_runners == 10 * usual.profiles["small"].max_runners
    assert configuration_for(1_000) == usual


def test_a_configuration_with_faults_is_refused_with_all_of_them(tmp_path: Path) -> None:
    file = tmp_path / "slipway.yaml"
    text = CONFIGURATION.read_text("utf-8").replace("market: spot", "market: spott")
    file.write_text(text.replace("idle_timeout: 5m", "idle_timeout: soon"))
    with pytest.raises(BadInputError) as raised:
        read_configuration(file)
    assert len(raised.value.faults) == 2
