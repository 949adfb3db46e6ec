"""The planner: one pool's snapshot in, one plan out. Equal snapshots give equal plans."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from slipway.domain.capacity import NewCapacity
from slipway.domain.configuration import Configuration, Pool
from slipway.domain.demand import covered_jobs, running_by_repository
from slipway.domain.draining import idle_marks, to_drain, to_end
from slipway.domain.fairness import fair_order
from slipway.domain.intents import MAX_TASKS_PER_CALL, RunTasks
from slipway.domain.jobs import JobKey
from slipway.domain.limits import Admission, runners_by_profile
from slipway.domain.matching import Shape
from slipway.domain.packing import Bin, booting_bins, place, usable_bins
from slipway.domain.plan import Plan
from slipway.domain.reasons import Reason, Why
from slipway.domain.runners import RunnerState
from slipway.domain.snapshot import Control, Snapshot, WaitingJob

MAX_OFFERS = 1_000  # a bound on writes; more tasks than this cannot be waiting between two convergences


def plan(snapshot: Snapshot, configuration: Configuration) -> Plan:
    """Decide what one pool needs: offers, tasks to start, instances to launch, drain and end."""
    pool = configuration.pools[snapshot.pool]
    covered = covered_jobs(snapshot.jobs, snapshot.runners, configuration.github)
    reasons = {key: Reason(Why.RUNNER_IDLE, {"task": task}) for key, task in covered.items()}
    uncovered = [job for job in snapshot.jobs if job.key not in covered]
    admission = Admission(snapshot.runners, configuration, snapshot.now)
    running = running_by_repository(snapshot.runners)
    admitted = fair_order(uncovered, running, configuration.fairness.weights, admission)
    reasons.update(admission.refused)
    supply = _waiting_tasks(snapshot)
    unmet = _unmet(admitted, supply, snapshot, configuration)
    starting = _Starting(snapshot, pool)
    for shape, job in unmet:
        reason = starting.add(shape)
        if job is not None:
            reasons[job.key] = reason
    served = {job.key for _, job in unmet if job is not None}
    for job in admitted:
        if job.key not in served:
            reasons[job.key] = Reason(Why.TASK_STARTING, {"shape": str(job.shape)})
    run = starting.run_requests()
    return Plan(
        offers=_offers(admitted, supply, starting.tasks),
        run=run,
        launch=starting.capacity.requests(),
        dismiss=_surplus(admitted, supply, snapshot, configuration),
        drain=to_drain(snapshot, pool, starts_tasks=bool(run)),
        end=to_end(snapshot),
        idle_since=idle_marks(snapshot),
        reasons=reasons,
    )


def _waiting_tasks(snapshot: Snapshot) -> Counter[Shape]:
    """Count the tasks that will claim: starting ones, and those of RunTask calls without an answer yet."""
    tasks = Counter(runner.shape for runner in snapshot.runners if runner.state is RunnerState.STARTING)
    return tasks + _unanswered(snapshot)


def _unanswered(snapshot: Snapshot) -> Counter[Shape]:
    """Count the tasks of RunTask calls without an answer; those that events made known already count as such."""
    known = Counter(runner.intent for runner in snapshot.runners)
    tasks: Counter[Shape] = Counter()
    for intent in snapshot.intents:
        if isinstance(intent.request, RunTasks):
            tasks[intent.request.shape] += max(0, intent.request.count - known[intent.token])
    return tasks


def _unmet(
    admitted: Sequence[WaitingJob],
    supply: Counter[Shape],
    snapshot: Snapshot,
    configuration: Configuration,
) -> list[tuple[Shape, WaitingJob | None]]:
    """Return the tasks still to be started: for jobs in fair order, then for standby."""
    left = Counter(supply)
    unmet: list[tuple[Shape, WaitingJob | None]] = []
    for job in admitted:
        if left[job.shape] > 0:
            left[job.shape] -= 1
        else:
            unmet.append((job.shape, job))
    taken = runners_by_profile(snapshot.runners) + Counter(job.shape.profile for job in admitted)
    for profile in configuration.profiles.values():
        if profile.pool == snapshot.pool:
            shape = Shape(profile.name, profile.size)
            standby = min(profile.standby, profile.max_runners - taken[profile.name])
            unmet += [(shape, None)] * max(0, standby - left[shape])
    return unmet


def _surplus(
    admitted: Iterable[WaitingJob],
    supply: Counter[Shape],
    snapshot: Snapshot,
    configuration: Configuration,
) -> tuple[str, ...]:
    """Return waiting tasks beyond demand and standby.

    A profile with standby lets tasks of every size wait in their claim, though only its own size is kept;
    those of a profile without it end by themselves.
    """
    wanted = Counter(job.shape for job in admitted)
    waiting: dict[Shape, list[tuple[float, str]]] = defaultdict(list)
    for runner in snapshot.runners:
        if runner.state is RunnerState.STARTING and runner.running_at is not None:
            waiting[runner.shape].append((runner.started_at, runner.task_id))
    surplus: list[str] = []
    for shape, tasks in waiting.items():
        profile = configuration.profiles.get(shape.profile)
        if profile is None or profile.standby == 0:
            continue
        kept = profile.standby if profile.size == shape.size else 0
        excess = supply[shape] - wanted[shape] - kept
        if excess > 0:
            surplus += [task for _, task in sorted(tasks, reverse=True)[:excess]]
    return tuple(sorted(surplus))


def _offers(
    admitted: Iterable[WaitingJob], supply: Counter[Shape], started: Counter[Shape]
) -> dict[Shape, tuple[WaitingJob, ...]]:
    """Return, for each shape, as many jobs in fair order as tasks may come to claim them."""
    claimants = supply + started
    offers: dict[Shape, list[WaitingJob]] = defaultdict(list)
    for job in admitted:
        if len(offers[job.shape]) < min(claimants[job.shape], MAX_OFFERS):
            offers[job.shape].append(job)
    return {shape: tuple(jobs) for shape, jobs in offers.items() if jobs}


@dataclass(slots=True)
class _Starting:
    """Tasks being placed: on free room first, then on instances that boot, then on new ones."""

    snapshot: Snapshot
    pool: Pool
    tasks: Counter[Shape] = field(default_factory=Counter)
    capacity: NewCapacity = field(init=False)
    _usable: list[Bin] = field(init=False)
    _booting: list[Bin] = field(init=False)

    def __post_init__(self) -> None:
        self.capacity = NewCapacity(self.pool, self.snapshot)
        exclusive = self.pool.exclusive
        self._usable = usable_bins(self.snapshot.instances, self.snapshot.runners, exclusive=exclusive)
        self._booting = booting_bins(
            self.snapshot.instances, self.snapshot.runners, self.snapshot.intents, exclusive=exclusive
        )
        # A RunTask without an answer holds its room already.
        for shape in sorted(_unanswered(self.snapshot).elements(), key=str):
            place(shape.size, self._usable)

    def add(self, shape: Shape) -> Reason:
        """Find a place for one more task of the shape, or the reason why there is none."""
        if self.snapshot.control is not Control.RUN:
            paused = self.snapshot.control is Control.PAUSE
            return Reason(Why.PAUSED if paused else Why.DRAINING, {"pool": self.pool.name})
        if place(shape.size, self._usable):
            self.tasks[shape] += 1
            return Reason(Why.TASK_STARTING, {"shape": str(shape)})
        booting = place(shape.size, self._booting)
        if booting:
            return Reason(Why.INSTANCE_STARTING, {"instance": booting.name})
        return self.capacity.add(shape.size)

    def run_requests(self) -> tuple[RunTasks, ...]:
        """Return the RunTask calls to make: equal tasks together, at most ten a call."""
        requests = []
        for shape, count in sorted(self.tasks.items(), key=lambda item: str(item[0])):
            full, rest = divmod(count, MAX_TASKS_PER_CALL)
            sizes = [MAX_TASKS_PER_CALL] * full + ([rest] if rest else [])
            requests += [RunTasks(shape, size, self.pool.exclusive) for size in sizes]
        return tuple(requests)


def reasons_count(reasons: Iterable[tuple[JobKey, Reason]]) -> Counter[str]:
    """Count waiting jobs by reason code, for one log line a convergence."""
    return Counter(reason.code.value for _, reason in reasons)
