"""The sweep over many runs and restarts: what is found, in which order, at what cost, and what stops what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from local.twin.http.aws import AwsServer
from slipway.domain.errors import RefusedError, SlipwayError, ThrottledError, UnavailableError
from slipway.domain.jobs import JobEvent, JobState
from slipway.domain.matching import Route
from slipway.domain.readings import JobReading, RepositoryReading
from slipway.domain.sweeping import GRACE_SECONDS
from slipway.ports.ledger import Ledger
from slipway.services.sweep import Sweep, Swept
from tests.builders import LABELS, NOW, POOL, SHAPE, a_configuration, a_github
from tests.contract.ledger_cases import ledger_case
from tests.fakes.clock import ManualClock
from tests.fakes.job_queue import MemoryJobQueue
from tests.fakes.queued_jobs import FakeQueuedJobs, repository

MINUTE, DAY = 60.0, 86_400.0
MEDIUM = ("self-hosted", "linux", "x64", "medium")


def a_reading(number: int = 1, **changes: Any) -> JobReading:
    """Return a job that has been queued for ten minutes."""
    facts: dict[str, Any] = {
        "job_id": number,
        "run_id": 100 + number,
        "run_attempt": 1,
        "status": "queued",
        "labels": MEDIUM,
        "created_at": NOW - 600,
    }
    return JobReading(**{**facts, **changes})


@dataclass
class Stage:
    """A sweep with a ledger, a clock, a queue and a GitHub of its own."""

    ledger: Ledger
    github: FakeQueuedJobs = field(default_factory=FakeQueuedJobs)
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))
    queue: MemoryJobQueue = field(default_factory=MemoryJobQueue)
    target: dict[str, Any] = field(default_factory=lambda: {"sweep_calls_per_hour": 1_000})

    def __post_init__(self) -> None:
        self.sweep = self.restarted()

    def restarted(self, **target: Any) -> Sweep:
        """The sweep of a fresh process."""
        self.target |= target
        configuration = a_configuration(github=a_github(**self.target))
        ledger = self.ledger
        self.sweep = Sweep(
            configuration, self.github, ledger.jobs, ledger.housekeeping, self.queue, self.clock
        )
        return self.sweep

    def have(self, *repositories: RepositoryReading) -> None:
        """Let GitHub have these repositories."""
        for found in repositories:
            self.github.repositories_of.setdefault(found.installation.organization, []).append(found)

    def runs(self, count: int, *, restart: bool = False) -> list[Swept]:
        """Make runs, a minute apart."""
        done = []
        for _ in range(count):
            self.clock.advance(MINUTE)
            if restart:
                self.restarted()
            done.append(self.sweep())
        return done

    def found(self) -> list[int]:
        return [event.job_id for event in self.queue.events]


def no_server() -> AwsServer:
    raise AssertionError("the twin in process needs none")


@pytest.fixture
def stage() -> Iterator[Stage]:
    with ledger_case("twin", no_server) as case:
        made = Stage(case.ledger)
        made.sweep()  # the first run ever earns nothing yet
        yield made


def many(count: int, organization: str = "acme", pushed_at: float = NOW) -> list[RepositoryReading]:
    first = 10_000 * sum(organization.encode())
    return [repository(f"{organization}/r{n}", first + n, pushed_at) for n in range(count)]


def test_a_job_that_no_webhook_told_of_is_queued_as_its_webhook_would_have_done(stage: Stage) -> None:
    stage.have(repository("acme/one", 7, NOW))
    stage.github.jobs_of["acme/one"] = [a_reading(name="build\x1b[0m", workflow="CI", branch="main")]
    (run,) = stage.runs(1)
    assert run.errors == ()
    assert list(run.found) == stage.queue.events
    installation = stage.github.repositories_of["acme"][0].installation
    assert stage.queue.events == [
        JobEvent(
            action=JobState.QUEUED, job_id=1, run_id=101, run_attempt=1,
            organization="acme", organization_id=installation.organization_id,
            repository="acme/one", repository_id=7, public=False, labels=MEDIUM,
            received_at=stage.clock.now(), created_at=NOW - 600, name="build[0m", workflow="CI", branch="main",
            installation_id=installation.installation_id,
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"created_at": NOW + MINUTE - GRACE_SECONDS + 1},
        {"created_at": NOW - DAY - 1},
        {"labels": ("ubuntu-latest",)},
        {"labels": ("slipway/medium/cpu=999",)},
        {"created_at": None, "started_at": NOW},
    ],
    ids=[
        "fresh",
        "given up by GitHub",
        "GitHub's own runners",
        "a size that nobody sells",
        "fresh, old server",
    ],
)
def test_a_job_that_is_not_for_us_or_may_still_be_told_of_is_left(
    stage: Stage, changes: dict[str, Any]
) -> None:
    """[GH-HOOK-LATE] [GH-JOB-24H]"""
    stage.have(repository("acme/one", 7, NOW))
    stage.github.jobs_of["acme/one"] = [a_reading(**changes)]
    (run,) = stage.runs(1)
    assert (run.found, run.errors) == ((), ())
    assert stage.github.visited == ["acme/one"]


def test_a_job_that_the_ledger_knows_is_left_whatever_became_of_it(stage: Stage) -> None:
    stage.have(repository("acme/one", 7, NOW))
    stage.github.jobs_of["acme/one"] = [a_reading(1), a_reading(2), a_reading(2, run_attempt=2)]
    stage.runs(1)
    for event in stage.queue.events[:2]:
        stage.ledger.jobs.record(event, Route(SHAPE, POOL, LABELS))
    stage.queue.events.clear()
    stage.runs(3)
    assert {(event.job_id, event.run_attempt) for event in stage.queue.events} == {(2, 2)}


@pytest.mark.parametrize(
    ("allow", "visited"),
    [
        ({"allowed_organizations": ("acme",)}, {"acme/one", "acme/two"}),
        ({"allowed_repositories": ("acme/two",)}, {"acme/two"}),
        ({"allow_public_repositories": True}, {"acme/one", "acme/two", "acme/site", "other/one"}),
        ({}, {"acme/one", "acme/two", "other/one"}),
    ],
    ids=["organizations", "repositories", "public ones too", "all private ones"],
)
def test_only_repositories_that_are_served_are_asked(
    stage: Stage, allow: dict[str, Any], visited: set[str]
) -> None:
    stage.have(*(repository(name, n, NOW) for n, name in enumerate(("acme/one", "acme/two", "other/one"))))
    stage.have(repository("acme/site", 9, NOW, public=True))
    stage.restarted(**allow)
    stage.runs(2)
    assert set(stage.github.visited) == visited


def test_an_organization_in_which_nothing_is_served_is_not_even_listed(stage: Stage) -> None:
    stage.have(*many(250, "other"), repository("acme/two", 1, NOW))
    stage.restarted(allowed_repositories=("acme/two",))
    stage.runs(1)
    assert stage.github.calls == 2 + 2


def test_switched_off_it_asks_nothing_and_remembers_nothing(stage: Stage) -> None:
    stage.have(repository("acme/one", 7, NOW))
    state = stage.ledger.housekeeping.sweep_state()
    stage.restarted(sweep_calls_per_hour=0)
    assert stage.runs(3) == [Swept()] * 3
    assert stage.github.calls == 0
    assert stage.ledger.housekeeping.sweep_state() == state


@pytest.mark.parametrize("restart", [False, True], ids=["warm", "a cold start each run"])
def test_no_hour_sees_more_calls_than_the_operator_allows(stage: Stage, restart: bool) -> None:
    stage.restarted(sweep_calls_per_hour=240)
    stage.have(*many(40), *many(40, "other"))
    calls = [run.calls for run in stage.runs(180, restart=restart)]
    hours = [sum(calls[start : start + 60]) for start in range(120)]
    assert max(hours) <= 240
    assert min(hours) > 200


@pytest.mark.parametrize("restart", [False, True], ids=["warm", "a cold start each run"])
def test_every_repository_has_its_turn(stage: Stage, restart: bool) -> None:
    stage.have(*many(60), *many(60, "other", NOW - 9 * DAY), *many(30, "third", NOW - DAY / 2))
    stage.runs(60, restart=restart)
    assert len(set(stage.github.visited)) == 150


def test_where_a_job_is_likely_is_looked_often(stage: Stage) -> None:
    stage.have(*many(3, pushed_at=NOW + DAY), *many(300, "other", NOW - 9 * DAY))
    stage.runs(60)
    visits = Counter(name.partition("/")[0] for name in stage.github.visited)
    assert visits["acme"] / 3 > 10 * visits["other"] / 300


def test_a_large_repository_takes_several_runs_and_is_seen_whole(stage: Stage) -> None:
    stage.restarted(sweep_calls_per_hour=600)
    stage.have(repository("acme/one", 7, NOW))
    stage.github.jobs_of["acme/one"] = [a_reading(number) for number in range(1, 41)]
    stage.runs(6)
    assert stage.found()[:40] == list(range(1, 41))


def test_a_visit_that_a_cold_start_cut_short_does_not_hold_up_the_others(stage: Stage) -> None:
    stage.restarted(sweep_calls_per_hour=600)
    stage.have(*(repository(f"acme/r{n}", n, NOW) for n in range(3)))
    stage.github.jobs_of["acme/r0"] = [a_reading(number) for number in range(1, 400)]
    stage.runs(12, restart=True)
    assert set(stage.github.visited) == {"acme/r0", "acme/r1", "acme/r2"}


@pytest.mark.parametrize(
    ("error", "pause"),
    [
        (ThrottledError("slow down", retry_after_seconds=900), 900),
        (RefusedError("may not", code="403"), 3_600),
        (RefusedError("Bad credentials", code="401"), 300),
    ],
    ids=["limit", "refusal", "token"],
)
def test_an_organization_that_refuses_is_left_alone_for_a_while_and_stops_no_other(
    stage: Stage, error: SlipwayError, pause: int
) -> None:
    stage.have(*many(2), *many(2, "other"))
    stage.runs(2)
    stage.github.visited.clear()
    stage.github.errors["acme"] = error
    done = stage.runs(pause // 60)
    assert sum(len(run.errors) for run in done) == 1
    assert Counter(name.partition("/")[0] for name in stage.github.visited)["acme"] <= 1
    assert len(stage.github.visited) > pause / 60
    stage.github.errors.clear()
    stage.github.visited.clear()
    stage.runs(10)
    assert set(stage.github.visited) >= {"acme/r0", "acme/r1"}


def test_a_limit_of_the_app_itself_stops_only_the_listing(stage: Stage) -> None:
    stage.have(repository("acme/one", 7, NOW))
    stage.runs(1)
    stage.github.errors[""] = ThrottledError("slow down", retry_after_seconds=3_000)
    done = stage.runs(30)
    assert sum(len(run.errors) for run in done) == 1
    assert len(stage.github.visited) > 10


def test_a_repository_that_is_gone_is_no_error_and_not_asked_again_before_it_is_listed(stage: Stage) -> None:
    stage.restarted(sweep_calls_per_hour=100)
    stage.have(repository("acme/gone", 1, NOW), repository("acme/here", 2, NOW))
    stage.github.errors["acme/gone"] = RefusedError("Not Found", code="404")
    done = stage.runs(10)
    assert [run.errors for run in done] == [()] * 10
    assert Counter(stage.github.visited)["acme/gone"] == 1


def test_when_nobody_answers_the_run_ends_and_the_next_goes_on(stage: Stage) -> None:
    stage.have(*many(30))
    stage.runs(1)
    before = stage.github.calls
    for name in [found.name for found in many(30)]:
        stage.github.errors[name] = UnavailableError("down")
    (run,) = stage.runs(1)
    assert (stage.github.calls - before, len(run.errors)) == (1, 1)
    stage.github.errors.clear()
    stage.runs(20)
    assert len(set(stage.github.visited)) == 30


def test_a_job_that_the_queue_did_not_take_is_found_again(stage: Stage) -> None:
    stage.have(repository("acme/one", 7, NOW))
    stage.github.jobs_of["acme/one"] = [a_reading()]
    stage.queue.next_error = UnavailableError("the queue is down")
    first, *later = stage.runs(4)
    assert (first.found, len(first.errors)) == ((), 1)
    assert stage.found() == [1] * len(stage.found()) != []
    assert [error for run in later for error in run.errors] == []


def test_a_run_ends_in_time_however_slow_github_is(stage: Stage) -> None:
    stage.have(*many(100))
    stage.runs(5)
    stage.clock.advance(300)
    answer = stage.github._call

    def slow(*names: str) -> None:
        stage.clock.advance(8.0)
        answer(*names)

    stage.github._call = slow  # type: ignore[method-assign]
    end = stage.clock.now() + 30.0
    assert stage.sweep(lambda: stage.clock.now() < end).calls >= 3
    assert stage.clock.now() < end + 2 * 8.0


def test_new_repositories_are_seen_once_they_are_listed_and_listing_takes_a_tenth_of_the_calls(
    stage: Stage,
) -> None:
    stage.have(*many(250))
    stage.runs(10)
    stage.have(repository("acme/new", 9_999_999, NOW + 600))
    visits_before = len(stage.github.visited)
    calls_before = stage.github.calls
    stage.runs(60)
    assert "acme/new" in stage.github.visited
    visits, calls = len(stage.github.visited) - visits_before, stage.github.calls - calls_before
    assert 0.05 < (calls - 2 * visits) / calls < 0.12


def test_an_organization_that_cannot_be_listed_now_keeps_what_it_had(stage: Stage) -> None:
    stage.have(*many(2), *many(2, "other"))
    stage.runs(2)
    listing = stage.github.repositories

    def refusing(installation: Any) -> Any:
        if installation.organization == "acme":
            raise ThrottledError("slow down", retry_after_seconds=60)
        return listing(installation)

    stage.github.repositories = refusing  # type: ignore[method-assign]
    stage.github.visited.clear()
    stage.runs(10)
    assert {name.partition("/")[0] for name in stage.github.visited} == {"acme", "other"}
