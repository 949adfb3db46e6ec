"""Demand and supply: queued jobs − idle runners − starting tasks. Worked out from state, never by counting events."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from operator import attrgetter

from slipway.domain.configuration import GitHubTarget
from slipway.domain.intents import RunTasks
from slipway.domain.jobs import JobKey
from slipway.domain.matching import Shape
from slipway.domain.reach import reach_of
from slipway.domain.runners import Runner, RunnerState
from slipway.domain.snapshot import Snapshot, WaitingJob

RETRY_SECONDS = 60
# Within so much of its turn a container asks again: it may wait a tenth longer than it is told, 30 s of the longest.
COMES_BACK_SECONDS = 40
ZOMBIE_AFTER, ZOMBIE_RETRY_SECONDS = 5, 3_600


def retry_delay_seconds(untaken: int) -> int:
    """Return how long a job waits for its next runner after so many that nobody took, in seconds.

    GitHub gives an idle runner to a queued job at once, so that job was cancelled without a word [GH-WJ-7], is
    the zombie of an incident [GH-WJ-17], or was never real. Waits double. After five runners, in about half an
    hour, it is set aside: one an hour, for no job is ever given up that GitHub may still have in its queue.
    """
    return ZOMBIE_RETRY_SECONDS if untaken >= ZOMBIE_AFTER else RETRY_SECONDS << (untaken - 1)


def covered_jobs(
    jobs: Iterable[WaitingJob], runners: Iterable[Runner], github: GitHubTarget
) -> dict[JobKey, str]:
    """Return the queued jobs that an idle runner will serve, each with that runner's task id.

    GitHub may give the runner of one job to another of the same reach and labels (job stealing
    [GH-WJ-13]), so only counts matter; a job keeps the runner minted for it while that runner idles, and
    every other idle runner covers the oldest job left.
    """
    idle: dict[tuple[str, str], dict[str, Runner]] = defaultdict(dict)
    registered = [runner for runner in runners if runner.state is RunnerState.REGISTERED]
    for runner in sorted(registered, key=attrgetter("task_id")):
        if runner.reach is not None and runner.label_key is not None:
            idle[runner.reach, runner.label_key][runner.task_id] = runner
    covered: dict[JobKey, str] = {}
    if not idle:
        return covered
    rest: list[tuple[WaitingJob, dict[str, Runner]]] = []
    for job in sorted(jobs, key=lambda job: (job.queued_at, job.key)):
        matching = idle.get((reach_of(github, job.organization, job.repository), job.label_key), {})
        if job.offered_to is not None and matching.pop(job.offered_to, None) is not None:
            covered[job.key] = job.offered_to
        else:
            rest.append((job, matching))
    for job, matching in rest:
        if matching:
            covered[job.key] = matching.popitem()[0]
    return covered


def still_on_offer(snapshot: Snapshot) -> tuple[WaitingJob, ...]:
    """Return the waiting jobs that a claim may still be given by the last plan; a binding voids all their offers."""
    if not snapshot.on_offer:
        return ()
    return tuple(job for job in snapshot.jobs if (job.key, job.offered_to) in snapshot.on_offer)


def waiting_tasks(snapshot: Snapshot) -> Counter[Shape]:
    """Count the tasks that will claim: starting ones, and those of RunTask calls without an answer yet.

    Not those on a host that EC2 takes away: a job that they got would not live to its end.
    """
    lost = lost_hosts(snapshot)
    tasks = Counter(
        runner.shape
        for runner in snapshot.runners
        if runner.state is RunnerState.STARTING and runner.instance_arn not in lost
    )
    return tasks + unanswered_tasks(snapshot)


def turns_awaited(snapshot: Snapshot) -> dict[tuple[Shape, str], list[float]]:
    """Return when containers that wait for their turn to register have it, by shape and reach, soonest first.

    Such a container covers a job of that reach and of no other, which could be served at once; also when its turn has
    come and it is about to ask again. Not one on a host that EC2 takes away.
    """
    turns: dict[tuple[Shape, str], list[float]] = defaultdict(list)
    waiting = [runner for runner in snapshot.runners if runner.waits_for is not None]
    lost = lost_hosts(snapshot) if waiting else frozenset[str]()
    for runner in waiting:
        if runner.state is not RunnerState.STARTING or runner.instance_arn in lost:
            continue
        if runner.waits_for is None or runner.waits_until is None:
            continue
        if runner.waits_until > snapshot.now - COMES_BACK_SECONDS:
            turns[runner.shape, runner.waits_for].append(runner.waits_until)
    return {key: sorted(moments) for key, moments in turns.items()}


def lost_hosts(snapshot: Snapshot, since: float = 0.0) -> frozenset[str]:
    """Return the container instances that EC2 takes away, by what it said ``since`` then."""
    return frozenset(
        instance.arn
        for instance in snapshot.instances
        if instance.arn is not None and instance.lost_at is not None and instance.lost_at >= since
    )


def unanswered_tasks(snapshot: Snapshot) -> Counter[Shape]:
    """Count the tasks of RunTask calls without an answer; those that events made known already count as such."""
    tasks: Counter[Shape] = Counter()
    if not snapshot.intents:
        return tasks
    known = Counter(runner.intent for runner in snapshot.runners)
    for intent in snapshot.intents:
        if isinstance(intent.request, RunTasks):
            tasks[intent.request.shape] += max(0, intent.request.count - known[intent.token])
    return +tasks


def running_by_repository(runners: Iterable[Runner]) -> Counter[tuple[str, str]]:
    """Count the runners that are registered or busy, by organization and repository, lower-case."""
    return Counter(
        ((runner.organization or "").lower(), (runner.repository or "").lower())
        for runner in runners
        if runner.organization is not None and runner.ended_at is None
    )
