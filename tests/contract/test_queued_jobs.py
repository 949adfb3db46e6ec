"""What every ``QueuedJobs`` must do, the one in memory and ours: find the queued jobs of what the App sees."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Protocol

import httpx
import pytest

from local.twin.github.transport import TwinTransport
from slipway.adapters.github.app_tokens import AppTokens
from slipway.adapters.github.http import GitHubApi
from slipway.adapters.github.queued_jobs import GitHubQueuedJobs
from slipway.domain.configuration import Registration
from slipway.domain.errors import RefusedError, ThrottledError, UnavailableError
from slipway.domain.readings import InstallationReading, JobReading, RepositoryReading
from slipway.ports.github import QueuedJobs
from tests.contract.github_faces import APP, FACES, Case, github_case
from tests.fakes.queued_jobs import FakeQueuedJobs, repository
from tests.support.github_enterprise import LABELS, START
from tests.support.github_schema import hold_to_schema


class Search(Protocol):
    """The search over organization alpha, which has alpha/web and alpha/site."""

    @property
    def github(self) -> QueuedJobs: ...

    def add(self, name: str) -> None:
        """Add a repository."""

    def queue(self, name: str, run_id: int) -> int:
        """Queue a job of a run; return its id."""

    def limit(self) -> None:
        """Meet the next call about a repository's runs with a limit."""


@dataclass
class MemorySearch:
    github: FakeQueuedJobs = field(default_factory=FakeQueuedJobs)
    count: int = 0

    def __post_init__(self) -> None:
        self.github.repositories_of["alpha"] = []
        self.add("alpha/web")
        self.add("alpha/site")

    def add(self, name: str) -> None:
        self.count += 1
        self.github.repositories_of["alpha"].append(repository(name, self.count, START))

    def queue(self, name: str, run_id: int) -> int:
        self.count += 1
        self.github.jobs_of.setdefault(name, []).append(
            JobReading(self.count, run_id, 1, "queued", LABELS, created_at=START)
        )
        return self.count

    def limit(self) -> None:
        self.github.errors["alpha"] = ThrottledError("slow down", retry_after_seconds=60)


@dataclass
class GitHubSearch:
    case: Case
    github: GitHubQueuedJobs

    def add(self, name: str) -> None:
        self.case.twin.add_repository(name)

    def queue(self, name: str, run_id: int) -> int:
        return self.case.acme.job(name, run_id=run_id).id

    def limit(self) -> None:
        self.case.twin.faults.next("GET", "/runs$", 429)


@pytest.fixture(params=["memory", *FACES])
def any_search(request: pytest.FixtureRequest) -> Iterator[Search]:
    if request.param == "memory":
        yield MemorySearch()
        return
    serve = lambda: request.getfixturevalue("github_server")  # noqa: E731 - made only where it is needed
    case = github_case(request.param, Registration.ORGANIZATION, serve)
    with adapter(case) as github:
        yield GitHubSearch(case, github)


@pytest.fixture
def search(with_app: Case) -> Iterator[GitHubQueuedJobs]:
    with adapter(with_app) as made:
        yield made


@contextmanager
def adapter(with_app: Case) -> Iterator[GitHubQueuedJobs]:
    """The adapter on a client of its own, which is held to the schema but for one reply.

    The published schema of ``GET /app/installations`` wants an account to be user and enterprise at once.
    """
    url = with_app.twin.world.api_url
    transport = None if url.startswith("http://127.0.0.1") else TwinTransport(with_app.twin)
    with hold_to_schema(httpx.Client(base_url=url, transport=transport), with_app.acme.server) as client:
        (check,) = client.event_hooks["response"]

        def checked(reply: httpx.Response) -> None:
            if not reply.url.path.endswith("/app/installations"):
                check(reply)

        client.event_hooks["response"][:] = [checked]
        api = GitHubApi(client, with_app.acme.clock)
        tokens = AppTokens(
            with_app.secrets, APP, api, with_app.acme.clock, lambda: "id", store=with_app.store
        )
        yield GitHubQueuedJobs(api, tokens)


def repositories(search: QueuedJobs) -> dict[str, RepositoryReading]:
    (installation,) = chain.from_iterable(search.installations())
    return {found.name: found for part in search.repositories(installation) for found in part}


def queued(search: QueuedJobs, name: str = "alpha/web") -> list[JobReading]:
    return list(chain.from_iterable(search.queued(repositories(search)[name])))


def test_repositories_come_in_parts_of_a_hundred_and_each_is_called_for_when_it_is_asked_for(
    any_search: Search,
) -> None:
    """[GH-PAGE-MAX]"""
    github = any_search.github
    for number in range(228):
        any_search.add(f"alpha/r{number}")
    (installation,) = chain.from_iterable(github.installations())
    assert installation.organization == "alpha"
    list(github.repositories(installation))  # whatever a first call brings along
    before = github.calls
    parts = github.repositories(installation)
    assert github.calls == before
    assert [(len(part), github.calls - before) for part in parts] == [(100, 1), (100, 2), (30, 3)]


def test_a_visit_takes_two_calls_and_one_for_each_run_those_of_the_oldest_runs_first(
    any_search: Search,
) -> None:
    """[GH-RUNS]"""
    github = any_search.github
    late, first, second = (any_search.queue("alpha/web", run_id) for run_id in (901, 900, 901))
    found = repositories(github)["alpha/web"]
    before = github.calls
    parts = list(github.queued(found))
    assert github.calls - before == len(parts) == 4
    assert [sorted(job.job_id for job in part) for part in parts] == [[], [], [first], sorted([late, second])]
    assert {job.status for part in parts for job in part} == {"queued"}


def test_a_repository_without_jobs_costs_two_calls(any_search: Search) -> None:
    found = repositories(any_search.github)["alpha/web"]
    before = any_search.github.calls
    assert list(any_search.github.queued(found)) == [[], []]
    assert any_search.github.calls - before == 2


def test_a_limit_is_met_when_a_part_is_asked_for_costs_a_call_and_ends_the_list(any_search: Search) -> None:
    found = repositories(any_search.github)["alpha/web"]
    before = any_search.github.calls
    any_search.limit()
    parts = any_search.github.queued(found)
    with pytest.raises(ThrottledError):
        next(parts)
    assert any_search.github.calls - before == 1
    assert list(parts) == []


# What only GitHub does, and how the adapter answers to it.


def test_the_organizations_of_the_app_are_listed_with_their_installation(
    with_app: Case, search: GitHubQueuedJobs
) -> None:
    (found,) = chain.from_iterable(search.installations())
    acme = with_app.acme
    assert (found.organization, found.organization_id) == ("alpha", acme.alpha.id)
    assert found.installation_id == acme.installation.id


def test_repositories_are_listed_with_what_admission_and_order_need(
    with_app: Case, search: GitHubQueuedJobs
) -> None:
    """[GH-INSTALLATION-REPOSITORIES]"""
    with_app.acme.job("alpha/web")
    found = repositories(search)
    assert set(found) == {"alpha/web", "alpha/site"}
    assert (found["alpha/web"].public, found["alpha/site"].public) == (False, True)
    assert found["alpha/web"].repository_id == with_app.twin.world.repositories["alpha/web"].id
    assert found["alpha/web"].pushed_at == START
    assert found["alpha/site"].pushed_at < START


def test_every_page_is_listed_and_each_is_one_call(with_app: Case, search: GitHubQueuedJobs) -> None:
    for number in range(230):
        with_app.twin.add_repository(f"alpha/r{number}")
    (installation,) = chain.from_iterable(search.installations())
    before = search.calls
    sizes = [(len(part), search.calls - before) for part in search.repositories(installation)]
    assert sizes == [(100, 2), (100, 3), (32, 4)], "the first brings the call for its token"
    with_app.acme.clock.advance(30)
    before = search.calls
    assert len(list(search.queued(repositories(search)["alpha/r7"]))) == 2
    assert search.calls - before == 1 + 3 + 2


def test_only_queued_jobs_are_found_those_of_the_oldest_runs_first(
    with_app: Case, search: GitHubQueuedJobs
) -> None:
    """[GH-RUNS] [GH-RUN-JOBS]"""
    acme = with_app.acme
    first = acme.job(run_id=900)
    acme.clock.advance(10)
    second, waiting = acme.job(run_id=901), acme.job(run_id=901, environment="production")
    acme.twin.jobs.cancel(acme.job(run_id=902).id)
    acme.job("alpha/site", run_id=903)
    found = queued(search)
    assert [job.job_id for job in found] == [first.id, second.id]
    assert waiting.status == "waiting"
    assert (found[0].run_id, found[0].run_attempt, found[0].status) == (900, 1, "queued")
    assert (found[0].labels, found[0].created_at) == (LABELS, first.created_at)
    assert (found[0].name, found[0].workflow, found[0].branch) == ("build", "CI", "main")


@pytest.mark.parametrize("mixed", ["queued", "in_progress"])
def test_a_job_that_waits_in_a_run_that_runs_is_found(
    with_app: Case, search: GitHubQueuedJobs, mixed: Any
) -> None:
    """[GH-RUN-STATUS]"""
    acme = with_app.acme
    acme.twin.world.mixed_run_status = mixed
    acme.job(run_id=900, duration_seconds=600)
    acme.listener()
    acme.clock.advance(1)
    late = acme.job(run_id=900)
    assert [job.job_id for job in queued(search)] == [late.id]


def test_a_job_that_is_run_again_is_found_in_its_new_attempt(
    with_app: Case, search: GitHubQueuedJobs
) -> None:
    """[GH-WJ-14]"""
    job = with_app.acme.job()
    with_app.twin.jobs.cancel(job.id)
    again = with_app.twin.jobs.rerun(job.id)
    assert [(found.job_id, found.run_attempt) for found in queued(search)] == [(again.id, 2)]


def test_what_rest_does_not_show_as_queued_yet_is_not_found_yet(
    with_app: Case, search: GitHubQueuedJobs
) -> None:
    """[GH-WJ-12]"""
    with_app.twin.world.lags.job_status = 60.0
    job = with_app.acme.job()
    assert queued(search) == []
    with_app.acme.clock.advance(60)
    assert [found.job_id for found in queued(search)] == [job.id]


def test_a_suspended_installation_is_left_out(with_app: Case, search: GitHubQueuedJobs) -> None:
    """[GH-APP-SUSPENDED]"""
    assert len(list(chain.from_iterable(search.installations()))) == 1
    with_app.twin.suspend(with_app.acme.installation)
    assert list(chain.from_iterable(search.installations())) == []


def test_a_token_that_github_no_longer_takes_is_made_anew_for_the_next_call(
    with_app: Case, search: GitHubQueuedJobs
) -> None:
    """The App was installed anew: the installation that its token is of is gone."""
    with_app.acme.job()
    (listed,) = chain.from_iterable(search.installations())
    assert len(queued(search)) == 1
    known = repositories(search)["alpha/web"]
    for parts in (lambda: search.repositories(listed), lambda: search.queued(known)):
        with_app.installed_anew()
        with pytest.raises(RefusedError) as caught:
            list(parts())
        assert caught.value.code == "401"
        assert list(parts())


def test_an_installation_on_the_enterprise_hides_no_organization(
    with_app: Case, search: GitHubQueuedJobs
) -> None:
    """[GH-APP-ENTERPRISE]"""
    with_app.twin.install_on_enterprise(with_app.acme.app)
    (found,) = chain.from_iterable(search.installations())
    assert found.organization == "alpha"


def test_an_installation_without_an_account_hides_no_organization(with_app: Case) -> None:
    """The schema allows null [GH-APP-ENTERPRISE]; the twin has no such installation."""
    listed = [
        {"id": 1, "suspended_at": None, "account": None},
        {"id": 2, "suspended_at": None, "account": {"login": "alpha", "id": 3}},
    ]
    client = httpx.Client(
        base_url="https://github.example",
        transport=httpx.MockTransport(lambda _: httpx.Response(200, json=listed)),
    )
    search = GitHubQueuedJobs(GitHubApi(client, with_app.acme.clock), with_app.tokens)
    assert list(search.installations()) == [[InstallationReading("alpha", 3, 2)]]


def test_without_the_permission_it_says_which(with_app: Case, search: GitHubQueuedJobs) -> None:
    del with_app.acme.installation.permissions["actions"]
    with pytest.raises(RefusedError, match="Actions: read"):
        queued(search)


def test_a_run_that_was_deleted_meanwhile_is_passed_over(with_app: Case, search: GitHubQueuedJobs) -> None:
    with_app.acme.job(run_id=900)
    kept = with_app.acme.job(run_id=901)
    with_app.twin.faults.next("GET", "/runs/900/jobs", 404)
    assert [job.job_id for job in queued(search)] == [kept.id]


@pytest.mark.parametrize(
    ("status", "wanted"), [(429, ThrottledError), (503, UnavailableError), (0, UnavailableError)]
)
@pytest.mark.parametrize("path", ["/app/installations$", "/installation/repositories", "/runs$", "/jobs$"])
def test_an_answer_that_did_not_come_can_be_asked_for_again(
    with_app: Case, search: GitHubQueuedJobs, path: str, status: int, wanted: type[Exception]
) -> None:
    job = with_app.acme.job()
    with_app.twin.faults.next("GET", path, status)
    with pytest.raises(wanted):
        queued(search)
    assert [found.job_id for found in queued(search)] == [job.id]
