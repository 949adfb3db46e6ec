"""When a job at the pool's limit is told that others go first, and when the limit alone is told of."""

from __future__ import annotations

from slipway.domain.jobs import JobKey
from slipway.domain.matching import Shape
from slipway.domain.reasons import Reason, Why
from slipway.domain.runners import Runner, RunnerState
from slipway.domain.snapshot import WaitingJob
from tests.builders import (
    NOW,
    ROOM_FOR_FOUR,
    a_configuration,
    a_job,
    a_pool,
    a_profile,
    a_runner,
    a_snapshot,
    an_arn,
    an_instance,
)
from tests.support.planning import plan

LARGE = Shape("large", ROOM_FOR_FOUR)


def reason_of(job: WaitingJob, *others: WaitingJob, busy: tuple[Runner, ...]) -> Reason:
    """Plan a pool that is at its limit of two instances; return what the job is told."""
    profiles = [a_profile(), a_profile(name="large", labels=frozenset({"large"}), size=ROOM_FOR_FOUR)]
    configuration = a_configuration(profiles, [a_pool(max_instances=2)])
    instances = (an_instance("i-1"), an_instance("i-2"))
    snapshot = a_snapshot(jobs=(job, *others), runners=busy, instances=instances)
    return plan(snapshot, configuration).reasons[job.key]


def busy(organization: str, *counts: int) -> tuple[Runner, ...]:
    """Return runners of an organization: so many on the first instance, so many on the second."""
    return tuple(
        a_runner(
            10 * host + number,
            RunnerState.BUSY,
            organization=organization,
            repository=f"{organization}/one",
            instance_arn=an_arn(f"i-{host}"),
        )
        for host, count in enumerate(counts, 1)
        for number in range(count)
    )


def of_globex(number: int, queued_at: float) -> WaitingJob:
    return a_job(
        number,
        key=JobKey("globex", number, 1),
        organization="globex",
        repository="globex/one",
        queued_at=queued_at,
    )


def test_a_younger_job_of_an_organization_that_holds_less_went_first() -> None:
    job, younger = a_job(1, queued_at=NOW - 500), of_globex(2, NOW - 5)
    assert reason_of(job, younger, busy=busy("acme", 4, 3)).code is Why.FAIR_SHARE


def test_who_is_first_in_fair_order_is_not_told_that_others_who_hold_less_go_first() -> None:
    """The younger job of the organization that holds more fits beside, where the large one never would."""
    job, younger = a_job(1, shape=LARGE, queued_at=NOW - 500), of_globex(2, NOW - 5)
    told = reason_of(job, younger, busy=busy("globex", 3, 2))
    assert told == Reason(Why.POOL_LIMIT, {"limit": 2, "held": "i-2"})


def test_an_older_job_that_went_first_is_the_limits_doing() -> None:
    job, older = a_job(1, queued_at=NOW - 5), of_globex(2, NOW - 500)
    assert reason_of(job, older, busy=busy("acme", 4, 3)).code is Why.POOL_LIMIT


def test_so_is_a_younger_job_of_the_same_organization() -> None:
    job, younger = a_job(1, queued_at=NOW - 500), a_job(2, repository="ACME/two", queued_at=NOW - 5)
    assert reason_of(job, younger, busy=busy("acme", 4, 3)).code is Why.POOL_LIMIT
