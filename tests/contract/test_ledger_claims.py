"""What the ledger's ``Claims`` and ``Offers`` must do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from slipway.domain.jobs import JobState
from slipway.domain.matching import Shape
from slipway.domain.resources import Resources
from slipway.domain.runners import RunnerState
from slipway.domain.snapshot import Offer, WaitingJob
from tests.builders import LABELS, NOW, POOL, SHAPE, a_job, a_runner, a_task_id, several_jobs
from tests.contract.ledger_cases import ROUTE, Case, an_event, drawn, offered

LARGE = Shape("large", Resources(8192, 28672))


def queued(case: Case, count: int = 1) -> list[Offer]:
    """Let jobs wait, and draw an offer of each."""
    for number in range(1, count + 1):
        case.ledger.jobs.record(an_event(number=number), ROUTE)
    return offered(case)


def publish_and_take_the_first(case: Case, jobs: tuple[WaitingJob, ...]) -> None:
    """Offer jobs, and bind the first of them."""
    case.ledger.jobs.record(an_event(), ROUTE)
    case.ledger.runners.add([a_runner()])
    case.ledger.offers.read(POOL).replace({SHAPE: jobs})
    first = case.ledger.claims.next_offer(POOL, SHAPE)
    assert first is not None
    assert case.ledger.claims.bind(a_runner(), first, reach="acme", at=NOW) == "bound"


def test_offers_are_drawn_in_their_order_each_once_and_whole(case: Case) -> None:
    jobs = several_jobs(3)
    case.ledger.offers.read(POOL).replace({SHAPE: jobs, LARGE: [a_job(9, shape=LARGE)]})
    assert drawn(case.ledger) == list(jobs)
    assert [job.key.job_id for job in drawn(case.ledger, LARGE)] == [9]
    assert case.ledger.claims.next_offer("elsewhere", SHAPE) is None


def test_thirty_offers_are_drawn_once_each_by_fifty_claimants_at_once(shared_case: Case) -> None:
    jobs = several_jobs(30)
    shared_case.ledger.offers.read(POOL).replace({SHAPE: jobs})
    with ThreadPoolExecutor(50) as claimants:
        draws = list(claimants.map(lambda _: shared_case.ledger.claims.next_offer(POOL, SHAPE), range(50)))
    got = [offer.job.key for offer in draws if offer]
    assert sorted(got) == sorted(job.key for job in jobs)
    assert draws.count(None) == 20


def test_a_draw_costs_two_calls_however_many_offers_there_are(twin_case: Case) -> None:
    twin_case.ledger.offers.read(POOL).replace({SHAPE: several_jobs(60)})
    calls = twin_case.aws.account.calls
    before = calls.total()
    twin_case.ledger.claims.next_offer(POOL, SHAPE)
    assert calls.total() - before == 2


def test_new_offers_replace_the_old_ones_and_what_is_not_named_is_withdrawn(case: Case) -> None:
    case.ledger.offers.read(POOL).replace({SHAPE: several_jobs(3), LARGE: [a_job(9, shape=LARGE)]})
    case.ledger.claims.next_offer(POOL, SHAPE)
    case.ledger.offers.read(POOL).replace({SHAPE: [a_job(7), a_job(2)]})
    assert [job.key.job_id for job in drawn(case.ledger)] == [7, 2]
    assert drawn(case.ledger, LARGE) == []


def test_what_is_reserved_for_a_turn_is_drawn_by_nobody_else_and_withdrawn_like_all_else(case: Case) -> None:
    claims, offers = case.ledger.claims, case.ledger.offers
    mine, another, other = several_jobs(3)
    reserved = {(SHAPE, "acme"): [mine], (SHAPE, "globex/one"): [another]}
    offers.read(POOL).replace({SHAPE: [other]}, reserved)
    offers.read(POOL).replace({SHAPE: [other]}, reserved)  # which changes nothing
    assert {key for key, _ in offers.read(POOL).jobs} == {mine.key, another.key, other.key}
    offer = claims.next_offer(POOL, SHAPE, "acme")
    assert offer is not None
    assert offer.job == mine
    assert claims.next_offer(POOL, SHAPE, "acme") is None
    assert drawn(case.ledger) == [other]
    offers.read(POOL).replace({})
    assert case.items() == []
    assert claims.next_offer(POOL, SHAPE, "globex/one") is None


def test_no_offers_leave_nothing_behind(case: Case) -> None:
    case.ledger.offers.read(POOL).replace({SHAPE: several_jobs(30)})
    case.ledger.offers.read(POOL).replace({SHAPE: []})
    assert case.items() == []


def test_what_stands_on_offer_already_is_not_written_again(twin_case: Case) -> None:
    jobs = several_jobs(4)
    publish_and_take_the_first(twin_case, jobs)
    before = dict(twin_case.aws.account.calls)
    twin_case.ledger.offers.read(POOL).replace({SHAPE: jobs[1:]})
    changed = {name for name, count in twin_case.aws.account.calls.items() if count != before.get(name)}
    assert changed == {"dynamodb.Query"}


def test_offers_added_at_the_end_are_drawn_after_the_others_and_only_they_are_written(
    twin_case: Case,
) -> None:
    jobs = several_jobs(28)
    publish_and_take_the_first(twin_case, jobs[:27])
    calls = twin_case.aws.account.calls
    before = calls["dynamodb.BatchWriteItem"]
    twin_case.ledger.offers.read(POOL).replace({SHAPE: jobs[1:]})
    assert calls["dynamodb.BatchWriteItem"] - before == 1
    assert drawn(twin_case.ledger) == list(jobs[1:])


def test_claims_that_draw_while_offers_are_published_never_get_one_offer_of_a_set_twice(
    shared_case: Case,
) -> None:
    """Several sets may offer one job: it is the binding that gives it to one task alone."""
    sets = [several_jobs(8, first=10 * number) for number in range(1, 6)]

    def publish() -> None:
        for jobs in sets:
            shared_case.ledger.offers.read(POOL).replace({SHAPE: jobs})

    with ThreadPoolExecutor(9) as threads:
        publishing = threads.submit(publish)
        draws = list(threads.map(lambda _: shared_case.ledger.claims.next_offer(POOL, SHAPE), range(24)))
    publishing.result()
    got = [offer.job.key for offer in draws if offer]
    got += [job.key for job in drawn(shared_case.ledger)]
    assert len(got) == len(set(got))
    assert {job.key for job in sets[-1]} <= set(got)


def test_an_offer_of_a_job_that_was_offered_before_is_a_new_offer(case: Case) -> None:
    jobs = several_jobs(2)
    again = [replace(jobs[0], offered_to=a_task_id(1), offered_at=NOW), jobs[1]]
    case.ledger.offers.read(POOL).replace({SHAPE: jobs})
    case.ledger.offers.read(POOL).replace({SHAPE: again})
    assert drawn(case.ledger) == again


def test_what_was_drawn_is_on_offer_until_it_is_bound(case: Case) -> None:
    """A plan that is made between the two must see that the job may yet be given a runner."""
    first, second = queued(case, 2)
    case.ledger.runners.add([a_runner()])
    assert case.ledger.offers.read(POOL).jobs == {(first.job.key, None), (second.job.key, None)}
    assert case.ledger.claims.bind(a_runner(), first, reach="acme", at=NOW) == "bound"
    assert case.ledger.offers.read(POOL).jobs == {(second.job.key, None)}


def test_what_is_drawn_and_then_withdrawn_is_not_bound(case: Case) -> None:
    first, second = queued(case, 2)
    case.ledger.runners.add([a_runner(1), a_runner(2)])
    case.ledger.offers.read(POOL).replace({SHAPE: [second.job]})
    assert case.ledger.claims.bind(a_runner(1), first, reach="acme", at=NOW) == "job_moved"
    assert case.snapshot().runners == (a_runner(1), a_runner(2))
    (again,) = iter(lambda: case.ledger.claims.next_offer(POOL, SHAPE), None)
    case.ledger.offers.read(POOL).replace({})
    for offer in (second, again):
        assert case.ledger.claims.bind(a_runner(2), offer, reach="acme", at=NOW) == "job_moved"
    assert case.ledger.offers.read(POOL).jobs == frozenset()


def test_a_claim_that_drew_what_is_offered_on_may_bind_it_yet(case: Case) -> None:
    (offer,) = queued(case)
    case.ledger.runners.add([a_runner()])
    case.ledger.offers.read(POOL).replace({SHAPE: [offer.job]})
    assert case.ledger.claims.bind(a_runner(), offer, reach="acme", at=NOW) == "bound"


def test_binding_tells_the_job_its_runner_and_the_runner_its_job(case: Case) -> None:
    (offer,) = queued(case)
    case.ledger.runners.add([a_runner()])
    assert case.ledger.claims.bind(a_runner(), offer, reach="acme", at=NOW) == "bound"
    snapshot = case.snapshot()
    assert (snapshot.jobs[0].offered_to, snapshot.jobs[0].offered_at) == (a_task_id(1), NOW)
    runner = snapshot.runners[0]
    assert (runner.state, runner.claimed_at, runner.job) == (RunnerState.REGISTERED, NOW, offer.job.key)
    assert (runner.reach, runner.label_key, runner.organization, runner.repository, runner.runner_id) == (
        "acme", LABELS, "acme", "acme/one", None,
    )  # fmt: skip
    case.ledger.claims.registered(POOL, runner.task_id, 4_711)
    assert case.snapshot().runners[0].runner_id == 4_711


def test_a_job_is_bound_to_one_of_the_tasks_that_drew_it_from_different_offers(shared_case: Case) -> None:
    (offer,) = queued(shared_case)
    runners = [a_runner(number) for number in range(1, 9)]
    shared_case.ledger.runners.add(runners)
    with ThreadPoolExecutor(8) as claimants:
        outcomes = list(
            claimants.map(
                lambda runner: shared_case.ledger.claims.bind(runner, offer, reach="acme", at=NOW), runners
            )
        )
    assert sorted(outcomes) == ["bound"] + ["job_moved"] * 7
    states = [runner.state for runner in shared_case.snapshot().runners]
    assert states.count(RunnerState.REGISTERED) == 1


def test_a_task_gets_one_job_however_many_of_its_claims_run_at_once(shared_case: Case) -> None:
    offers = queued(shared_case, 6)
    shared_case.ledger.runners.add([a_runner()])
    with ThreadPoolExecutor(6) as claims:
        outcomes = list(
            claims.map(
                lambda offer: shared_case.ledger.claims.bind(a_runner(), offer, reach="a", at=NOW), offers
            )
        )
    assert sorted(outcomes) == ["bound"] + ["runner_spent"] * 5
    assert [job.offered_to for job in shared_case.snapshot().jobs].count(a_task_id(1)) == 1


def test_a_job_that_moved_on_is_not_bound_and_the_runner_stays_free(case: Case) -> None:
    (offer,) = queued(case)
    case.ledger.runners.add([a_runner()])
    case.ledger.jobs.record(an_event(JobState.COMPLETED, conclusion="cancelled"), ROUTE)
    assert case.ledger.claims.bind(a_runner(), offer, reach="acme", at=NOW) == "job_moved"
    assert case.snapshot().runners == (a_runner(),)


def test_an_older_offer_of_a_job_that_was_bound_meanwhile_is_void(case: Case) -> None:
    (offer,) = queued(case)
    case.ledger.runners.add([a_runner(1), a_runner(2), a_runner(3)])
    assert case.ledger.claims.bind(a_runner(1), offer, reach="acme", at=NOW) == "bound"
    assert case.ledger.claims.bind(a_runner(2), offer, reach="acme", at=NOW) == "job_moved"
    (renewed,) = offered(case)
    assert case.ledger.claims.bind(a_runner(2), renewed, reach="acme", at=NOW + 90) == "bound"
    assert case.ledger.claims.bind(a_runner(3), renewed, reach="acme", at=NOW + 91) == "job_moved"


def test_a_task_that_was_dismissed_ended_or_is_unknown_is_spent(case: Case) -> None:
    (offer,) = queued(case)
    case.ledger.runners.add([a_runner(1)])
    case.ledger.runners.dismiss(POOL, a_task_id(1), at=NOW, why="no job waits")
    assert case.ledger.claims.bind(a_runner(1), offer, reach="acme", at=NOW) == "runner_spent"
    assert case.ledger.claims.bind(a_runner(2), offer, reach="acme", at=NOW) == "runner_spent"
    assert case.snapshot().jobs[0].offered_to is None


def test_after_a_refusal_job_and_runner_wait_as_before_and_that_it_claims_is_known(case: Case) -> None:
    (offer,) = queued(case)
    case.ledger.runners.add([a_runner()])
    case.ledger.claims.bind(a_runner(), offer, reach="acme", at=NOW)
    case.ledger.claims.unbind(a_runner(), offer.job)
    case.ledger.claims.unbind(a_runner(), offer.job)
    assert case.snapshot().runners == (replace(a_runner(), claimed_at=NOW),)
    assert case.snapshot().jobs == (offer.job,)
    (again,) = offered(case)
    assert case.ledger.claims.bind(a_runner(), again, reach="acme", at=NOW + 1) == "bound"


def test_a_runner_that_was_minted_is_never_unbound(case: Case) -> None:
    offer, other = queued(case, 2)
    case.ledger.runners.add([a_runner()])
    case.ledger.claims.bind(a_runner(), offer, reach="acme", at=NOW)
    case.ledger.claims.registered(POOL, a_task_id(1), 4_711)
    case.ledger.claims.unbind(a_runner(), offer.job)
    assert case.snapshot().runners[0].state is RunnerState.REGISTERED
    assert case.ledger.claims.bind(a_runner(), other, reach="acme", at=NOW) == "runner_spent"


def test_unbinding_touches_no_job_that_another_task_was_given_meanwhile(case: Case) -> None:
    (offer,) = queued(case)
    case.ledger.runners.add([a_runner(1), a_runner(2)])
    case.ledger.claims.bind(a_runner(1), offer, reach="acme", at=NOW)
    (renewed,) = offered(case)
    case.ledger.claims.bind(a_runner(2), renewed, reach="acme", at=NOW + 1)
    case.ledger.claims.unbind(a_runner(1), offer.job)
    assert case.snapshot().jobs[0].offered_to == a_task_id(2)


def test_the_id_of_a_runner_whose_task_has_stopped_is_not_kept(case: Case) -> None:
    case.ledger.claims.registered(POOL, a_task_id(1), 4_711)
    assert case.items() == []


def test_a_task_that_has_a_turn_waits_for_it_until_it_is_bound_anew(case: Case) -> None:
    (offer,) = queued(case)
    case.ledger.runners.add([a_runner(1)])
    case.ledger.claims.bind(a_runner(1), offer, reach="acme", at=NOW)
    case.ledger.claims.unbind(a_runner(1), offer.job, waits_for="acme", until=NOW + 40)
    (waits,) = case.snapshot().runners
    assert (waits.state, waits.waits_for, waits.waits_until) == (RunnerState.STARTING, "acme", NOW + 40)
    (again,) = offered(case)
    assert case.ledger.claims.bind(waits, again, reach="acme", at=NOW + 41) == "bound"
    (bound,) = case.snapshot().runners
    assert (bound.waits_for, bound.waits_until) == (None, None)


def test_the_id_of_a_runner_that_was_never_bound_is_not_kept(case: Case) -> None:
    case.ledger.runners.add([a_runner()])
    case.ledger.claims.registered(POOL, a_task_id(1), 4_711)
    found = case.ledger.runners.find(POOL, a_task_id(1))
    assert found is not None
    assert found.runner_id is None
