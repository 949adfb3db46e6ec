"""Reaping: what outlived its use, each with its reason. Nothing is called stale on one reading alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from slipway.domain.configuration import Configuration
from slipway.domain.draining import DISCONNECTED_SECONDS
from slipway.domain.findings import Facts, PoolFacts, Reap, What
from slipway.domain.instances import InstanceState
from slipway.domain.intents import being_started
from slipway.domain.registrations import OF_THE_LISTING, mismatched_registrations
from slipway.domain.runners import Runner, RunnerState

READINGS_APART_SECONDS = 60
NEVER_CLAIMED_SECONDS = 600
ENDED_GRACE_SECONDS = 60  # an orphan process may claim again: its container must not outlive its job for long
IDLE_GRACE_SECONDS = 120  # the container releases itself first
TIMEOUT_GRACE_SECONDS = 60
LONGEST_JOB_SECONDS = 5 * 86_400  # GitHub ends a job of a self-hosted runner then [GH-JOB-5D]
NEVER_RECORDED_SECONDS = 300
QUEUED_LONG_SECONDS = 600
DOUBTED_SECONDS = 7_200  # a place that was not listed for so long may never be again
MOST_SUSPECTS = 2_000  # they are one item of the ledger, 400 KB at most [DDB-LIMITS]
# GitHub fails a job that was queued for 24 h, or up to 48 [GH-JOB-48H].
GITHUB_GIVES_UP_SECONDS = 48 * 3600 + 600


def find_stale(
    facts: Facts, configuration: Configuration, suspects: Mapping[str, float]
) -> tuple[list[Reap], dict[str, float]]:
    """Return what to reap now, and what to look at again, with the time of its first reading.

    What a timer of ours proves stale is reaped at once. What rests on comparing listings, which lag and
    are read one after another, or on what GitHub says of a job, must look the same twice,
    ``READINGS_APART_SECONDS`` apart. Of very many only the first ``MOST_SUSPECTS`` are remembered: the others follow
    when those are gone.
    """
    certain: list[Reap] = []
    doubtful: list[Reap] = []
    for pool in facts.pools:
        certain += _stale_runners(pool, configuration)
        certain += _instance_news(pool)
        certain += _cut_off_instances(pool)
        certain += _stale_jobs(pool)
        certain += _orphans(pool)
        doubtful += _mismatches(pool)
        doubtful += _stray_instances(pool)
        doubtful += _jobs_over(pool, facts)
    doubtful += mismatched_registrations(facts)
    at_once = {reap.id for reap in certain}
    seen = {_suspicion_of(reap): reap for reap in doubtful if reap.id not in at_once}
    since = {key: suspects.get(key, facts.now) for key in seen}
    ripe = [seen[key] for key, first in since.items() if facts.now - first >= READINGS_APART_SECONDS]
    since |= {
        key: first for key, first in suspects.items() if key not in since and _is_unseen(key, first, facts)
    }
    return certain + ripe, _most_pressing(since)


def _most_pressing(since: Mapping[str, float]) -> dict[str, float]:
    """Return the suspicions to remember: those of the longest standing, and first what a run can end at once.

    Registrations wait for GitHub's limits; thousands of them must not keep an instance from ripening.
    """
    ranked = sorted(since.items(), key=lambda item: (kind_of(item[0]) in OF_THE_LISTING, item[1]))
    return dict(ranked[:MOST_SUSPECTS])


def suspicion(what: What, name: str, place: str = "") -> str:
    """Return the key under which a doubtful thing is remembered between two readings.

    What rests on the listing is remembered with its place, whose next listing confirms or lifts it.
    """
    return f"{what}/{place}/{name}" if what in OF_THE_LISTING else f"{what}/{name}"


def kind_of(key: str) -> str:
    """Return what a remembered suspicion is about."""
    return key.partition("/")[0]


def place_of(key: str) -> str:
    """Return in which organization or repository a suspicion that rests on the listing is."""
    return key.partition("/")[2].rpartition("/")[0]


def _suspicion_of(reap: Reap) -> str:
    return suspicion(reap.what, reap.id, reap.reach)


def _is_unseen(key: str, first: float, facts: Facts) -> bool:
    """Say whether this run could neither confirm nor lift a suspicion; if none can for long, it is dropped."""
    is_of_the_listing = kind_of(key) in OF_THE_LISTING
    return is_of_the_listing and not facts.is_listed(place_of(key)) and facts.now - first < DOUBTED_SECONDS


def _stale_runners(pool: PoolFacts, configuration: Configuration) -> Iterator[Reap]:
    """Find runners past a timer, among those whose task ECS still runs: an event of the others is on its way."""
    name = pool.snapshot.pool
    for runner in pool.snapshot.runners:
        found = (
            _timer_over(runner, pool.snapshot.now, configuration) if runner.task_id in pool.tasks else None
        )
        if found is not None:
            yield Reap(found[0], runner.task_id, name, found[1], runner)


def _timer_over(runner: Runner, now: float, configuration: Configuration) -> tuple[What, str] | None:
    """Return what a runner's own timer says of it.

    One that has ended and that GitHub calls busy [RUNNER-BUSY-AFTER-JOB] is stopped at the job timeout, as if it were:
    somebody may have forged its end.
    """
    profile = configuration.profiles.get(runner.shape.profile)
    idle = (profile.idle_timeout_seconds if profile else 0) + IDLE_GRACE_SECONDS
    timeout = (profile.job_timeout_seconds if profile else LONGEST_JOB_SECONDS) + TIMEOUT_GRACE_SECONDS
    began = runner.busy_at or runner.claimed_at
    is_overdue = began is not None and now - began > timeout
    if runner.state is RunnerState.STARTING:
        # A standby container asks every few seconds: one that has hung would count as supply for ever.
        is_silent = now - (runner.asked_at or runner.started_at) > NEVER_CLAIMED_SECONDS
        why = "it no longer claims" if runner.asked_at else "never claimed"
        return (What.UNCLAIMED_TASK, why) if is_silent else None
    if runner.state is RunnerState.BUSY:
        return (What.OVERDUE_TASK, "past the job timeout") if is_overdue and profile else None
    if _has_ended(runner, now):
        if is_overdue:
            return What.OVERDUE_TASK, "its runner has ended, and it is past the job timeout"
        return What.IDLE_RUNNER, "its runner has ended"
    if runner.is_idle and now - (runner.claimed_at or now) > idle:
        return What.IDLE_RUNNER, "idle past its timeout"
    return None


def _instance_news(pool: PoolFacts) -> Iterator[Reap]:
    """Find instances whose event was lost: folding what ECS says is right however late the event still comes."""
    for instance in pool.snapshot.instances:
        seen = pool.registered.get(instance.instance_id)
        if seen is None or seen.version <= instance.version:
            continue
        if seen.connected != instance.connected or seen.state.rank > instance.state.rank:
            yield Reap(What.INSTANCE_NEWS, seen.instance_id, seen.pool, "its event was lost", instance=seen)


def _cut_off_instances(pool: PoolFacts) -> Iterator[Reap]:
    """Find instances whose agent stays away and whose runners have all ended.

    ECS never learns of the end of their tasks, and no order reaches them: they would hold their host for ever. One
    that holds no task is the plan's affair.
    """
    now, name = pool.snapshot.now, pool.snapshot.pool
    for instance in pool.snapshot.instances:
        seen = pool.registered.get(instance.instance_id)
        away = now - (instance.disconnected_at or now)
        if instance.connected or seen is None or seen.connected or away < DISCONNECTED_SECONDS:
            continue
        held = [runner for runner in pool.snapshot.runners if runner.instance_arn == instance.arn]
        if held and all(_has_ended(runner, now) for runner in held):
            yield Reap(
                What.CUT_OFF_INSTANCE, instance.instance_id, name, "its agent stays away", instance=instance
            )


def _has_ended(runner: Runner, now: float) -> bool:
    return runner.state is RunnerState.GONE and now - (runner.ended_at or now) >= ENDED_GRACE_SECONDS


def _stale_jobs(pool: PoolFacts) -> Iterator[Reap]:
    now, name = pool.snapshot.now, pool.snapshot.pool
    for job in pool.snapshot.jobs:
        if now - job.queued_at > GITHUB_GIVES_UP_SECONDS:
            yield Reap(What.JOB_RECORD, str(job.key), job.pool, "queued for more than two days")
    waiting = [
        job
        for job in pool.snapshot.jobs
        if QUEUED_LONG_SECONDS < now - job.queued_at <= GITHUB_GIVES_UP_SECONDS and job.offered_to is None
    ]
    if waiting:
        oldest = min(waiting, key=lambda job: (job.queued_at, job.key))
        why = f"{len(waiting)} jobs queued long without an offer, {oldest.key} for the longest"
        yield Reap(What.WAITING_LONG, name, name, why)


def _jobs_over(pool: PoolFacts, facts: Facts) -> Iterator[Reap]:
    """Find waiting jobs that GitHub itself says want no runner; it may lag, and once is not enough [GH-WJ-12]."""
    for job in pool.snapshot.jobs:
        if job.key in facts.over:
            yield Reap(What.JOB_RECORD, str(job.key), job.pool, facts.over[job.key])


def _orphans(pool: PoolFacts) -> Iterator[Reap]:
    """Find registrations whose task stopped a while ago without word of their job: DELETE tells which are idle."""
    for orphan in pool.snapshot.orphans:
        if pool.snapshot.now - orphan.at >= READINGS_APART_SECONDS:
            name = pool.snapshot.pool
            yield Reap(What.ORPHAN, orphan.task_id, name, "its task stopped first", orphan=orphan)


def _mismatches(pool: PoolFacts) -> Iterator[Reap]:
    name = pool.snapshot.pool
    known = {runner.task_id for runner in pool.snapshot.runners}
    for runner in pool.snapshot.runners:
        if runner.task_id not in pool.tasks:
            yield Reap(What.RUNNER_RECORD, runner.task_id, name, "ECS has no such task", runner)
    for task_id in sorted(pool.tasks - known):
        yield Reap(What.UNKNOWN_TASK, task_id, name, "the ledger does not know it")
    recorded = {instance.instance_id for instance in pool.snapshot.instances}
    for instance_id in sorted(recorded - set(pool.instances)):
        yield Reap(What.INSTANCE_RECORD, instance_id, name, "EC2 has no such instance")
    held = {runner.instance_arn for runner in pool.snapshot.runners}
    for instance in pool.snapshot.instances:
        is_unknown = instance.arn is not None and instance.instance_id not in pool.registered
        if is_unknown and instance.arn not in held:
            yield Reap(What.INSTANCE, instance.instance_id, name, "ECS no longer knows it")


def _stray_instances(pool: PoolFacts) -> Iterator[Reap]:
    """Find instances that run or stand still against what the ledger says, and those that it does not know.

    One whose own launch or start has no answer yet is none of them.
    """
    name = pool.snapshot.pool
    states = {instance.instance_id: instance.state for instance in pool.snapshot.instances}
    asked_for = {intent.token for intent in pool.snapshot.intents}
    starting = being_started(pool.snapshot.intents)
    for instance_id, seen in sorted(pool.instances.items()):
        state = states.get(instance_id)
        if instance_id in starting or (state is None and seen.intent in asked_for):
            continue
        if seen.is_stopped and state is InstanceState.WARMING:
            yield Reap(What.WARM_INSTANCE, instance_id, name, "its event was lost")
        elif seen.is_stopped and state is not InstanceState.STOPPED:
            yield Reap(What.STOPPED_INSTANCE, instance_id, name, "stopped")
        elif state is InstanceState.STOPPED and not seen.is_stopped:
            yield Reap(What.INSTANCE, instance_id, name, "it runs and should be stopped")
        elif state is None and pool.snapshot.now - seen.launched_at > NEVER_RECORDED_SECONDS:
            yield Reap(What.INSTANCE, instance_id, name, "the ledger does not know it")
