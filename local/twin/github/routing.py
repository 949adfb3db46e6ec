"""Which runner gets which job: GitHub's choice, not the one who launched the runner."""

from __future__ import annotations

import bisect
import heapq
from collections.abc import Callable, Iterator

from local.twin.github.jobs import Jobs
from local.twin.github.model import Runner, WorkflowJob
from local.twin.github.registry import Registry
from local.twin.github.state import World


def _age(job: WorkflowJob) -> tuple[float, int]:
    return (job.queued_at or job.created_at, job.id)


class JobQueue:
    """Unassigned queued jobs by label set, each oldest first."""

    def __init__(self) -> None:
        self._by_labels: dict[frozenset[str], list[WorkflowJob]] = {}

    def add(self, job: WorkflowJob) -> None:
        bisect.insort(self._by_labels.setdefault(job.label_set, []), job, key=_age)

    def remove(self, job: WorkflowJob) -> None:
        """Forget ``job``, whether it waits here or not."""
        waiting = self._by_labels.get(job.label_set, [])
        place = bisect.bisect_left(waiting, _age(job), key=_age)
        if place < len(waiting) and waiting[place] is job:
            del waiting[place]
            if not waiting:
                del self._by_labels[job.label_set]

    def oldest_first(self, labels: frozenset[str]) -> Iterator[WorkflowJob]:
        """Jobs whose labels are all among ``labels``, in any case [GH-LABELS-CASE]."""
        fitting = [jobs for wanted, jobs in self._by_labels.items() if wanted <= labels]
        return heapq.merge(*fitting, key=_age)


class Router:
    """Pairs listening runners with queued jobs of the whole scope [GH-JIT-NOT-BOUND]."""

    def __init__(self, world: World, jobs: Jobs, registry: Registry) -> None:
        self._world = world
        self._jobs = jobs
        self._registry = registry
        self._queue = JobQueue()
        self._listening: dict[int, Runner] = {}
        self.assigned: Callable[[Runner], None] = lambda _: None

    def runner_listens(self, runner: Runner) -> None:
        """``runner`` can take a job from now on; it gets the oldest that it may run, if there is one."""
        if runner.job_id is not None:
            return
        self._listening[runner.id] = runner
        candidates = (job for job in self._queue.oldest_first(runner.label_set) if self._may_run(runner, job))
        if self._world.random_routing:
            everything = list(candidates)
            job = self._world.rng.choice(everything) if everything else None
        else:
            job = next(candidates, None)
        if job is not None:
            self._assign(job, runner)

    def runner_left(self, runner: Runner) -> None:
        self._listening.pop(runner.id, None)

    def place(self, job: WorkflowJob) -> None:
        """Give ``job`` to an idle runner, or let it wait."""
        self._queue.add(job)
        fitting = [
            runner
            for runner in self._listening.values()
            if job.label_set <= runner.label_set and self._may_run(runner, job)
        ]
        if fitting:
            chosen = self._world.rng.choice(fitting) if self._world.random_routing else fitting[0]
            self._assign(job, chosen)

    def withdraw(self, job: WorkflowJob) -> None:
        """``job`` wants no runner any more; one that was promised it becomes free."""
        self._queue.remove(job)
        runner = self._registry.by_id.get(job.assigned_to or 0)
        job.assigned_to = None
        if runner is not None and runner.job_id == job.id:
            self._free(runner)

    def _may_run(self, runner: Runner, job: WorkflowJob) -> bool:
        """Scope, group and public repositories decide [GH-GROUP-VISIBILITY], [GH-GROUP-PUBLIC]."""
        group = self._registry.group_of(runner)
        named = job.request.group
        in_group = named is None or named.lower() == group.name.lower()
        is_admitted = group.admits(job.repository) and group.admits_workflow(job.request.workflow)
        return in_group and is_admitted and runner.scope.covers(job.repository)

    def _assign(self, job: WorkflowJob, runner: Runner) -> None:
        self._queue.remove(job)
        self._listening.pop(runner.id, None)
        job.assigned_to, runner.job_id = runner.id, job.id
        runner.busy_changes.append((self._world.clock.now(), True))
        self._world.clock.schedule(self._world.timers.take_job, lambda: self._give_up(job, runner))
        self.assigned(runner)

    def _give_up(self, job: WorkflowJob, runner: Runner) -> None:
        """A runner which does not take its job within a minute loses it [GH-JOB-TAKE-60S]."""
        if job.status == "queued" and job.assigned_to == runner.id:
            job.assigned_to = None
            self._free(runner)
            self.place(job)

    def _free(self, runner: Runner) -> None:
        runner.job_id = None
        runner.busy_changes.append((self._world.clock.now(), False))
