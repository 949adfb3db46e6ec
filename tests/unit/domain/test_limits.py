"""Caps on organizations, profiles and repositories."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.domain.configuration import Configuration, Fairness
from slipway.domain.limits import Admission, runners_by_profile
from slipway.domain.matching import Shape
from slipway.domain.policy import policy_of
from slipway.domain.reasons import SET_ASIDE, Reason, Why
from slipway.domain.resources import NOTHING, Resources
from slipway.domain.runners import Runner, RunnerState
from slipway.domain.snapshot import GitHubPause, WaitingJob
from tests.builders import (
    NOW,
    POOL,
    SIZE,
    a_configuration,
    a_job,
    a_pool,
    a_profile,
    a_runner,
    several_jobs,
)

BUSY, REGISTERED = RunnerState.BUSY, RunnerState.REGISTERED


def split(
    jobs: tuple[WaitingJob, ...], configuration: Configuration, *runners: Runner
) -> tuple[list[int], dict[int, Reason]]:
    admission = Admission(runners, policy_of(configuration, POOL, NOW), NOW)
    admitted = [job.key.job_id for job in jobs if admission(job)]
    return admitted, {key.job_id: reason for key, reason in admission.refused.items()}


def test_without_a_cap_in_the_way_all_are_admitted_in_the_order_given() -> None:
    jobs = several_jobs(5)[::-1]
    assert split(jobs, a_configuration()) == ([5, 4, 3, 2, 1], {})


def test_a_profile_takes_jobs_up_to_its_cap() -> None:
    configuration = a_configuration([a_profile(max_runners=2)])
    limit = Reason(Why.PROFILE_LIMIT, {"limit": 2})
    assert split(several_jobs(4), configuration) == ([1, 2], {3: limit, 4: limit})


@pytest.mark.parametrize(
    ("state", "admitted"),
    [
        (RunnerState.STARTING, [1, 2]),  # it will claim one of these very jobs
        (REGISTERED, [1]),
        (BUSY, [1]),
        (RunnerState.GONE, [1, 2]),
    ],
    ids=str,
)
def test_runners_that_have_claimed_and_not_ended_use_up_the_cap(
    state: RunnerState, admitted: list[int]
) -> None:
    configuration = a_configuration([a_profile(max_runners=2)])
    assert split(several_jobs(3), configuration, a_runner(1, state))[0] == admitted


def withheld(
    jobs: tuple[WaitingJob, ...],
    on_offer: tuple[WaitingJob, ...],
    configuration: Configuration,
    *runners: Runner,
) -> tuple[list[int], dict[int, Reason], bool]:
    """Ask for jobs in their order while others are still on offer by the last plan."""
    admission = Admission(runners, policy_of(configuration, POOL, NOW), NOW, on_offer=on_offer)
    admitted = [job.key.job_id for job in jobs if admission(job)]
    return admitted, {key.job_id: reason for key, reason in admission.refused.items()}, admission.withholds


@pytest.mark.parametrize("cap", ["max_runners", "max_runners_per_repository"])
def test_a_place_that_a_claim_may_still_take_is_given_to_no_other_job(cap: str) -> None:
    """The job on offer is not asked for: an idle runner covers it since. A claim may draw its offer all the same."""
    code = Why.PROFILE_LIMIT if cap == "max_runners" else Why.REPOSITORY_LIMIT
    configuration = a_configuration([a_profile(**{cap: 2})])
    offered, other = several_jobs(2)
    idle = a_runner(1, REGISTERED)
    assert withheld((other,), (offered,), configuration, idle) == ([], {2: Reason(code, {"limit": 2})}, True)
    assert withheld((other,), (), configuration, idle) == ([2], {}, False)


def test_a_job_on_offer_keeps_its_place_and_places_beyond_are_free() -> None:
    configuration = a_configuration([a_profile(max_runners_per_repository=3)])
    jobs = several_jobs(4)
    limit = Reason(Why.REPOSITORY_LIMIT, {"limit": 3})
    assert withheld(jobs, jobs[1:2], configuration) == ([1, 2, 3], {4: limit}, False)


def test_who_goes_first_has_the_place_once_the_offer_of_the_other_is_withdrawn() -> None:
    """Neither is admitted: the offer goes, and the next plan has the place for whom it is due."""
    configuration = a_configuration([a_profile(max_runners=1)])
    late, offered = several_jobs(2)
    limit = Reason(Why.PROFILE_LIMIT, {"limit": 1})
    assert withheld((late, offered), (offered,), configuration) == ([], {1: limit, 2: limit}, True)


def test_a_job_on_offer_that_is_asked_for_first_takes_one_place_and_not_two() -> None:
    configuration = a_configuration([a_profile(max_runners=3)])
    jobs = several_jobs(3)
    assert withheld(jobs, jobs[:2], configuration) == ([1, 2, 3], {}, False)


@given(st.data())
def test_what_runs_is_on_offer_or_is_admitted_never_passes_a_cap_and_the_second_plan_withholds_nothing(
    data: st.DataObject,
) -> None:
    configuration = a_configuration([a_profile(max_runners=5, max_runners_per_repository=3)])
    jobs = tuple(
        a_job(n, repository=f"acme/{data.draw(st.sampled_from(['one', 'two', 'three']))}")
        for n in range(1, 9)
    )
    runners = [
        a_runner(n, BUSY, repository=jobs[-n].repository) for n in range(1, data.draw(st.integers(1, 3)))
    ]
    asked = tuple(data.draw(st.permutations(jobs))[: data.draw(st.integers(0, len(jobs)))])
    before = _within(data.draw(st.permutations(jobs)), runners, configuration)
    offered = tuple(before[: data.draw(st.integers(0, len(before)))])
    admitted, _, withholds = withheld(asked, offered, configuration, *runners)
    claimable = {job.key: job for job in (*offered, *(job for job in asked if job.key.job_id in admitted))}
    assert len(_within(tuple(claimable.values()), runners, configuration)) == len(claimable)
    kept = tuple(job for job in offered if job.key.job_id in admitted)
    again, _, withholds_again = withheld(asked, kept, configuration, *runners)
    assert not withholds_again
    assert withholds or again == admitted
    assert again == split(asked, configuration, *runners)[0]


def _within(
    jobs: Sequence[WaitingJob], runners: Sequence[Runner], configuration: Configuration
) -> list[WaitingJob]:
    """Return the jobs that the caps admit, one after the other."""
    admission = Admission(runners, policy_of(configuration, POOL, NOW), NOW)
    return [job for job in jobs if admission(job)]


def test_offers_of_one_repository_take_no_place_of_another() -> None:
    configuration = a_configuration([a_profile(max_runners_per_repository=1)])
    offered, other = a_job(1), a_job(2, repository="acme/two")
    assert withheld((other,), (offered,), configuration) == ([2], {}, False)


def test_sizes_of_one_profile_share_its_cap() -> None:
    configuration = a_configuration([a_profile(max_runners=2)])
    larger = a_runner(1, BUSY, shape=Shape("medium", Resources(4096, 14336)))
    assert split(several_jobs(2), configuration, larger)[0] == [1]


def test_another_profile_has_its_own_cap() -> None:
    configuration = a_configuration([a_profile(max_runners=1), a_profile(name="large")])
    jobs = (*several_jobs(1), a_job(2, shape=Shape("large", SIZE)))
    assert split(jobs, configuration, a_runner(1, BUSY)) == (
        [2],
        {1: Reason(Why.PROFILE_LIMIT, {"limit": 1})},
    )


def test_a_repository_takes_runners_up_to_its_cap_and_its_neighbour_goes_on() -> None:
    configuration = a_configuration([a_profile(max_runners_per_repository=2)])
    jobs = (*several_jobs(3), *several_jobs(1, 11, repository="acme/two"))
    limit = Reason(Why.REPOSITORY_LIMIT, {"limit": 2})
    assert split(jobs, configuration) == ([1, 2, 11], {3: limit})


def test_a_runner_that_is_gone_uses_up_no_cap_of_its_repository() -> None:
    configuration = a_configuration([a_profile(max_runners_per_repository=2)])
    runners = (a_runner(1, RunnerState.GONE), a_runner(2, BUSY))
    assert split(several_jobs(2), configuration, *runners)[0] == [1]


def test_a_repositorys_runners_count_without_case() -> None:
    configuration = a_configuration([a_profile(max_runners_per_repository=1)])
    busy = a_runner(1, BUSY, repository="Acme/ONE")
    assert set(split((a_job(1),), configuration, busy)[1]) == {1}


def test_the_repository_that_runs_is_charged_not_the_one_it_was_minted_for() -> None:
    """[GH-WJ-13]"""
    configuration = a_configuration([a_profile(max_runners_per_repository=1)])
    jobs = (a_job(1), a_job(2, repository="acme/two"))
    stolen = a_runner(1, BUSY, repository="acme/two")
    assert split(jobs, configuration, stolen)[0] == [1]


def test_a_repositorys_cap_in_one_profile_leaves_the_other_profile_alone() -> None:
    configuration = a_configuration(
        [a_profile(max_runners_per_repository=1), a_profile(name="large", max_runners_per_repository=1)]
    )
    jobs = (a_job(1), a_job(2, shape=Shape("large", SIZE)))
    assert split(jobs, configuration)[0] == [1, 2]


def test_an_organization_queues_jobs_up_to_the_cap_and_others_are_untouched() -> None:
    configuration = a_configuration(fairness=Fairness(max_queued_per_organization=2))
    jobs = (*several_jobs(3), a_job(11, organization="globex", repository="globex/one"))
    limit = Reason(Why.ORGANIZATION_LIMIT, {"limit": 2})
    assert split(jobs, configuration) == ([1, 2, 11], {3: limit})


def test_an_organization_gets_no_second_cap_by_writing_its_login_differently() -> None:
    configuration = a_configuration(fairness=Fairness(max_queued_per_organization=1))
    jobs = (a_job(1), a_job(2, organization="ACME"))
    assert split(jobs, configuration)[0] == [1]


def test_a_refused_job_uses_up_no_other_cap() -> None:
    configuration = a_configuration([a_profile(max_runners=2, max_runners_per_repository=1)])
    jobs = (*several_jobs(3), *several_jobs(1, 11, repository="acme/two"))
    assert split(jobs, configuration)[0] == [1, 11]


def test_a_job_of_a_profile_that_is_no_longer_configured_hears_of_the_one_nearest_to_its_labels() -> None:
    gone = a_job(1, shape=Shape("removed", SIZE), labels=("Linux", "X64", "gone"))
    other = a_profile(name="other", labels=frozenset({"linux", "arm64"}))
    reason = Reason(Why.NO_PROFILE, {"profile": "removed", "nearest": "medium"})
    assert split((gone,), a_configuration([other, a_profile()])) == ([], {1: reason})


def test_a_job_that_shares_no_label_with_any_profile_hears_of_none() -> None:
    gone = a_job(1, shape=Shape("removed", SIZE), labels=("gone",))
    assert split((gone,), a_configuration()) == ([], {1: Reason(Why.NO_PROFILE, {"profile": "removed"})})


def test_a_profile_that_moved_to_another_pool_serves_no_job_here() -> None:
    moved = a_configuration([a_profile(pool="elsewhere")], [a_pool(), a_pool(name="elsewhere")])
    assert split((a_job(1),), moved) == ([], {1: Reason(Why.NO_PROFILE, {"profile": "medium"})})


@pytest.mark.parametrize("size", [NOTHING, Resources(0, 1024), Resources(1024, 0)], ids=str)
def test_a_job_without_cpu_or_memory_is_refused(size: Resources) -> None:
    reason = Reason(Why.TOO_LARGE, {"cpu_units": size.cpu_units, "memory_mib": size.memory_mib})
    assert split((a_job(1, shape=Shape("medium", size)),), a_configuration()) == ([], {1: reason})


@pytest.mark.parametrize(("untaken", "why"), [(4, Why.NOT_TAKEN), (5, Why.ZOMBIE), (50, Why.ZOMBIE)])
def test_a_job_that_took_none_of_five_runners_is_set_aside_and_the_reason_says_so(
    untaken: int, why: Why
) -> None:
    """[GH-WJ-17]"""
    job = a_job(1, untaken=untaken, retry_at=NOW + 60)
    assert split((job,), a_configuration()) == (
        [],
        {1: Reason(why, {"runners": untaken, "until": NOW + 60})},
    )
    assert why in SET_ASIDE


@pytest.mark.parametrize("untaken", [5, 50])
def test_a_job_that_is_set_aside_gets_its_next_runner_when_its_hour_is_over(untaken: int) -> None:
    job = a_job(1, untaken=untaken, retry_at=NOW)
    assert split((job,), a_configuration()) == ([1], {})


@pytest.mark.parametrize(("seconds", "is_admitted"), [(1, False), (0, True), (-1, True)])
def test_a_job_whose_runners_nobody_took_waits_for_its_next_one(seconds: int, is_admitted: bool) -> None:
    job = a_job(1, untaken=2, retry_at=NOW + seconds)
    admitted, refused = split((job,), a_configuration())
    assert admitted == ([1] if is_admitted else [])
    reason = Reason(Why.NOT_TAKEN, {"runners": 2, "until": NOW + seconds})
    assert refused == ({} if is_admitted else {1: reason})


def test_nobody_is_admitted_over_a_cap_that_was_lowered_below_what_runs() -> None:
    configuration = a_configuration([a_profile(max_runners=1)])
    running = [a_runner(number, BUSY) for number in range(3)]
    assert split(several_jobs(1), configuration, *running)[0] == []


def test_runners_are_counted_by_profile_between_claim_and_end() -> None:
    runners = [a_runner(number, state) for number, state in enumerate(RunnerState)]
    assert runners_by_profile(runners) == {"medium": 2}


def admitting(*pauses: GitHubPause, runners: tuple[Runner, ...] = ()) -> Admission:
    return Admission(runners, policy_of(a_configuration(), POOL, NOW), NOW, pauses)


REFUSED = GitHubPause("acme", NOW + 60, NOW - 30, "put a new token into its secret")


def test_of_a_reach_that_github_refuses_one_job_goes_on_trying_and_all_say_why() -> None:
    admission = admitting(REFUSED)
    mine, others = several_jobs(3), several_jobs(2, organization="globex", repository="globex/one")
    assert [admission(job) for job in (*mine, *others)] == [True, False, False, True, True]
    assert admission.trying == {mine[0].key: Reason(Why.GITHUB_REFUSED, {"why": REFUSED.why})}
    waits = Reason(Why.GITHUB_REFUSED, {"why": REFUSED.why, "trying": str(mine[0].key)})
    assert admission.refused == {mine[1].key: waits, mine[2].key: waits}


@pytest.mark.parametrize(
    ("claimed_at", "runner_id", "admitted"),
    [(NOW - 10, 7, [True, True]), (NOW - 40, 7, [True, False]), (NOW - 10, None, [True, False])],
    ids=["since", "before", "not yet"],
)
def test_a_runner_that_was_registered_since_proves_that_it_is_mended(
    claimed_at: float, runner_id: int | None, admitted: list[bool]
) -> None:
    runner = a_runner(1, state=BUSY, reach="acme", claimed_at=claimed_at, runner_id=runner_id)
    admission = admitting(REFUSED, runners=(runner,))
    assert [admission(job) for job in several_jobs(2)] == admitted


def test_a_refusal_that_nobody_tried_again_is_forgotten() -> None:
    admission = admitting(GitHubPause("acme", NOW, NOW - 90, "mend it"))
    assert all(admission(job) for job in several_jobs(3))


@pytest.mark.parametrize(
    ("asked_ago", "waits"), [(0, True), (3_500, True), (3_571, False), (7_200, False)], ids=str
)
def test_no_pause_is_believed_for_longer_than_an_hour(asked_ago: float, waits: bool) -> None:
    """GitHub's limits start anew each hour [GH-LIMIT-PRIMARY]."""
    asked_at = NOW - asked_ago
    admission = admitting(GitHubPause("acme", asked_at + 86_400, asked_at))
    (job,) = several_jobs(1)
    assert admission(job) is not waits
    if waits:
        assert admission.refused[job.key] == Reason(Why.GITHUB_BUSY, {"until": asked_at + 3_600})
