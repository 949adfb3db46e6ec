"""Scale: fold a batch of messages, then converge the pools that they touched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from slipway.domain.cost_tags import cost_tags
from slipway.domain.errors import MalformedError
from slipway.domain.milestones import JobCompleted, JobStarted
from slipway.domain.runners import task_id_of
from slipway.ports.cluster import Cluster
from slipway.ports.queue import DeadLetters
from slipway.services.applied import Together, in_turn
from slipway.services.converge import Converge, Converged
from slipway.services.observe import Observe, Observed
from slipway.services.series import Series


@dataclass(slots=True)
class Batch:
    """One invocation's work: ``outcomes`` by message id, ``touched`` pools with the retries behind them, and its news.

    What jobs ``started`` and ``completed`` is news once, to whichever invocation the ledger moved them for.
    """

    scale: Scale
    outcomes: dict[str, str] = field(default_factory=dict)
    touched: dict[str, int] = field(default_factory=dict)
    started: list[JobStarted] = field(default_factory=list)
    completed: list[JobCompleted] = field(default_factory=list)

    def fold(self, message_id: str, queue: str, body: str) -> None:
        """Fold one message into the ledger; a message that can never be read is kept aside, not retried.

        Raises:
            Exception: it has to come again; the pools that it touched are converged, and its news told, all the same.
        """
        try:
            observed = self.scale.observe_message(queue, body)
        except MalformedError as fault:
            self.scale.dead_letters.keep(body, str(fault))
            self.outcomes[message_id] = f"malformed: {fault}"
            return
        for pool in observed.pools:
            self.touched[pool] = max(observed.attempt, self.touched.get(pool, 0))
        if observed.started is not None:
            self.started.append(observed.started)
        if observed.completed is not None:
            self.completed.append(observed.completed)
        if observed.fault is not None:
            raise observed.fault
        self.outcomes[message_id] = observed.outcome

    def by_organization(self) -> dict[str, list[JobStarted]]:
        """Return the jobs that started by the series of their organizations: few have one of their own."""
        found: dict[str, list[JobStarted]] = {}
        for job in self.started:
            found.setdefault(self.scale.series.of(job.facts.organization), []).append(job)
        return found

    def tag(self, has_time: Callable[[], bool]) -> list[Exception]:
        """Tag the tasks of the jobs that started, where that is asked for; return what failed.

        It is done when all else is, once, and while there is time: a tag that is missing costs a line of somebody's
        bill, no job.
        """
        failed: list[Exception] = []
        for job in self.started if self.scale.tags_tasks else ():
            cluster = self.scale.clusters.get(job.facts.pool)
            if cluster is None or job.instance_arn is None:
                continue
            if not has_time():
                break
            try:
                cluster.tag(task_id_of(job.facts.runner_name), job.instance_arn, cost_tags(job.facts))
            except Exception as fault:  # noqa: BLE001 - the service loop: best effort
                failed.append(fault)
        return failed

    def converge(self, holder: str, has_time: Callable[[], bool]) -> list[Converged]:
        """Converge the touched pools, at once: none waits behind what another asks of EC2.

        An error here fails no message, for their facts are committed.
        """

        def converge(pool: str, attempt: int) -> Converged:
            try:
                return self.scale.converge(pool, holder, has_time=has_time, attempt=attempt)
            except Exception as fault:  # noqa: BLE001 - the service loop: the pool was let go and woken again
                return Converged(pool, errors=(fault,))

        steps = [partial(converge, pool, attempt) for pool, attempt in sorted(self.touched.items())]
        return list(self.scale.together(steps))


@dataclass(frozen=True, slots=True)
class Scale:
    """Everything that the scaler function needs; ``jobs_queue`` is the name of the queue of job events.

    ``clusters`` by pool are those whose tasks are tagged, if ``tags_tasks``. ``together`` converges several pools.
    """

    observe: Observe
    converge: Converge
    dead_letters: DeadLetters
    jobs_queue: str
    series: Series
    clusters: Mapping[str, Cluster]
    tags_tasks: bool = False
    together: Together = in_turn

    def batch(self) -> Batch:
        """Start one invocation's work."""
        return Batch(self)

    def observe_message(self, queue: str, body: str) -> Observed:
        """Fold one message by the queue that it came from."""
        return self.observe.job(body) if queue == self.jobs_queue else self.observe.event(body)
