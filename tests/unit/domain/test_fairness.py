"""The order in which organizations, and repositories in them, are served."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.domain.fairness import fair_order
from slipway.domain.snapshot import WaitingJob
from tests.builders import a_job, several_jobs
from tests.strategies import waiting_jobs

NOTHING_RUNS: Mapping[tuple[str, str], int] = {}
EQUAL: Mapping[str, int] = {}
RUNNING = st.dictionaries(
    st.sampled_from([("acme", "acme/one"), ("acme", "acme/two"), ("globex", "globex/one")]), st.integers(0, 9)
)
WEIGHTS = st.dictionaries(st.sampled_from(["acme", "globex", "initech"]), st.integers(1, 5))


def of(organization: str, count: int, first: int, repository: str = "one") -> tuple[WaitingJob, ...]:
    return several_jobs(count, first, organization=organization, repository=f"{organization}/{repository}")


def organizations(order: list[WaitingJob]) -> str:
    return "".join(job.organization[0] for job in order)


def test_a_greedy_organization_of_5000_jobs_delays_anothers_single_job_by_one_place_at_most() -> None:
    single = a_job(9_999, organization="zeta", repository="zeta/one", queued_at=2e9)
    order = fair_order((*of("acme", 5_000, 1), single), NOTHING_RUNS, EQUAL)
    assert order.index(single) <= 1


def test_a_greedy_organization_that_runs_already_comes_behind() -> None:
    single = a_job(9_999, organization="zeta", repository="zeta/one", queued_at=2e9)
    order = fair_order((*of("acme", 50, 1), single), {("acme", "acme/one"): 3}, EQUAL)
    assert order[0] is single


def test_equal_organizations_alternate() -> None:
    order = fair_order((*of("acme", 3, 1), *of("globex", 3, 11)), NOTHING_RUNS, EQUAL)
    assert organizations(order) == "agagag"


def test_what_runs_counts_towards_an_organizations_share() -> None:
    running = {("acme", "acme/one"): 1, ("acme", "acme/two"): 1}
    order = fair_order((*of("acme", 2, 1), *of("globex", 4, 11)), running, EQUAL)
    assert organizations(order) == "ggagag"


def test_a_weight_of_two_buys_twice_the_share() -> None:
    order = fair_order((*of("acme", 12, 1), *of("globex", 12, 21)), NOTHING_RUNS, {"globex": 2})
    assert Counter(organizations(order[:9])) == {"g": 6, "a": 3}


def test_weights_and_logins_are_compared_without_case() -> None:
    jobs = (*of("Acme", 2, 1), *of("ACME", 2, 11), *of("globex", 4, 21))
    order = fair_order(jobs, {("acme", "acme/one"): 2}, {"acme": 2})
    assert Counter(job.organization.lower() for job in order[:6]) == {"acme": 3, "globex": 3}


def test_repositories_of_an_organization_alternate() -> None:
    order = fair_order((*of("acme", 3, 1, "one"), *of("acme", 3, 11, "two")), NOTHING_RUNS, EQUAL)
    assert [job.repository for job in order] == ["acme/one", "acme/two"] * 3


def test_a_repository_that_runs_already_comes_behind_its_neighbour() -> None:
    jobs = (*of("acme", 2, 1, "one"), *of("acme", 2, 11, "two"))
    order = fair_order(jobs, {("acme", "acme/one"): 2}, EQUAL)
    assert [job.repository for job in order] == ["acme/two", "acme/two", "acme/one", "acme/one"]


def test_an_organization_gains_nothing_by_many_repositories() -> None:
    many = [job for n in range(20) for job in of("acme", 1, n + 1, f"r{n}")]
    order = fair_order((*many, *of("globex", 5, 101)), NOTHING_RUNS, EQUAL)
    assert organizations(order)[:10] == "agagagagag"


def test_the_oldest_job_of_a_repository_goes_first() -> None:
    jobs = [a_job(number, queued_at=float(at)) for number, at in ((1, 30), (2, 10), (3, 20))]
    assert [job.key.job_id for job in fair_order(jobs, NOTHING_RUNS, EQUAL)] == [2, 3, 1]


def test_jobs_of_one_age_go_by_their_id() -> None:
    jobs = [a_job(number, queued_at=1.0) for number in (3, 1, 2)]
    assert [job.key.job_id for job in fair_order(jobs, NOTHING_RUNS, EQUAL)] == [1, 2, 3]


@pytest.mark.parametrize("count", [0, 1])
def test_few_jobs_need_no_order(count: int) -> None:
    assert fair_order(several_jobs(count), NOTHING_RUNS, EQUAL) == list(several_jobs(count))


relaxed = settings(max_examples=60, deadline=None)


@relaxed
@given(waiting_jobs(), RUNNING, WEIGHTS)
def test_the_order_is_a_permutation(
    jobs: tuple[WaitingJob, ...], running: dict[tuple[str, str], int], weights: dict[str, int]
) -> None:
    order = fair_order(jobs, running, weights)
    assert len(order) == len(jobs)
    assert set(order) == set(jobs)


@relaxed
@given(st.data(), waiting_jobs(), RUNNING, WEIGHTS)
def test_the_order_does_not_depend_on_how_the_jobs_come(
    data: st.DataObject,
    jobs: tuple[WaitingJob, ...],
    running: dict[tuple[str, str], int],
    weights: dict[str, int],
) -> None:
    shuffled = data.draw(st.permutations(jobs))
    assert fair_order(shuffled, running, weights) == fair_order(jobs, running, weights)


@relaxed
@given(waiting_jobs(), RUNNING, WEIGHTS)
def test_who_is_served_next_never_holds_more_for_its_weight_than_another_that_waits(
    jobs: tuple[WaitingJob, ...], running: dict[tuple[str, str], int], weights: dict[str, int]
) -> None:
    held = Counter[str]()
    for (organization, _), count in running.items():
        held[organization] += count
    order = fair_order(jobs, running, weights)
    waiting = Counter(job.organization.lower() for job in order)
    for job in order:
        login = job.organization.lower()
        shares = {name: held[name] / weights.get(name, 1) for name, left in waiting.items() if left}
        assert shares[login] == min(shares.values())
        held[login] += 1
        waiting[login] -= 1


@relaxed
@given(waiting_jobs(), RUNNING, WEIGHTS)
def test_inside_a_repository_nobody_overtakes(
    jobs: tuple[WaitingJob, ...], running: dict[tuple[str, str], int], weights: dict[str, int]
) -> None:
    last: dict[str, tuple[float, object]] = {}
    for job in fair_order(jobs, running, weights):
        age = (job.queued_at, job.key)
        assert last.get(job.repository, (0.0, job.key)) <= age
        last[job.repository] = age


def test_what_is_refused_costs_nobody_a_turn() -> None:
    capped = several_jobs(90, repository="acme/capped")
    free = several_jobs(10, first=200, repository="acme/free")
    other = several_jobs(10, first=300, organization="other", repository="other/one")
    order = fair_order((*capped, *free, *other), {}, {}, accept=lambda job: job.repository != "acme/capped")
    first = [job.organization for job in order[:10]]
    assert first.count("acme") == first.count("other") == 5
    assert len(order) == 20
