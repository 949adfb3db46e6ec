"""Apply a plan: everything is tried before any error counts, within AWS's limits, in an order that loses nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from slipway.domain.configuration import Configuration
from slipway.domain.held import Story
from slipway.domain.intents import Intent, LaunchInstances, Request, RunTasks, StartInstances
from slipway.domain.jobs import JobKey
from slipway.domain.launches import FailedLaunch, counted
from slipway.domain.pacing import Bucket, CallBudget
from slipway.domain.plan import Plan
from slipway.domain.remembering import newly_held
from slipway.domain.snapshot import Snapshot
from slipway.ports.clock import Clock
from slipway.ports.ledger import Ledger
from slipway.ports.offers import Published
from slipway.services.act import Act
from slipway.services.applied import Applied, Step, Together, attempt, in_turn
from slipway.services.end import End

MOST_AWAITED = 3  # answers of EC2's that a pool waits for: each keeps one of ten invocations busy


class Apply:
    """Carries out what was planned for one pool. ``together`` does steps that do not depend on each other."""

    def __init__(
        self,
        configuration: Configuration,
        ledger: Ledger,
        act: Act,
        end: End,
        clock: Clock,
        *,
        together: Together = in_turn,
    ) -> None:
        self._configuration = configuration
        self._ledger = ledger
        self._act = act
        self._end = end
        self._clock = clock
        self._together = together
        # Of two pools at once each may take the last call: no more than half of AWS's limit is ours anyway.
        self._budgets: dict[str, CallBudget] = defaultdict(CallBudget)

    def __call__(self, plan: Plan, snapshot: Snapshot, on_offer: Published) -> Applied:
        """Apply a plan to its pool, and replace what is on offer there.

        What is answered after seconds is only written down (``asked``): it is carried out when the pool is let go.

        Offers come first, so that a container which is up before RunTask has answered finds its job. Draining
        comes before starting, so that no task is placed on an instance that is to go; what never came up ends
        before its replacement is asked for, so that the pool's limit holds at every moment.
        """
        pool = snapshot.pool
        published = attempt(lambda: on_offer.replace(plan.offers, plan.reserved))
        # Without its offer a container that comes up would be sent away again.
        run = () if published.errors else plan.run
        noted = [
            attempt(lambda: self._ledger.instances.mark_idle(pool, plan.idle_since)),
            attempt(lambda: self._close_circuits(pool, plan)),
        ]
        requests: tuple[Request, ...] = (*run, *_asking(plan, snapshot))
        known = {instance.instance_id: instance for instance in snapshot.instances}
        fewer = self._do(
            pool,
            [
                *((None, lambda task=task: self._dismiss(pool, task)) for task in plan.dismiss),
                *((Bucket.ECS_CHANGES, lambda i=known[name]: self._end.drain(i)) for name in plan.drain),
            ],
        )
        replaced = [attempt(lambda i=known[name]: self._end.replace(i)) for name in plan.replace]  # type: ignore[misc]
        more = self._do(
            pool,
            [
                *((_BUCKETS[type(request)], self._acting(pool, request)) for request in requests),
                *((Bucket.TERMINATE_INSTANCES, lambda i=known[name]: self._end.end(i)) for name in plan.end),
                *(
                    (Bucket.TERMINATE_INSTANCES, lambda i=known[name]: self._end.retire(i))
                    for name in plan.retire
                ),
            ],
        )
        outcome = replace(published, is_published=not published.errors)
        for part in (*noted, fewer, *replaced, more):
            outcome = outcome.merged(part)
        before = replace(
            snapshot,
            launch_failures=None if plan.closes_circuit else snapshot.launch_failures,
            tier_failures=None if plan.closes_tier_circuit else snapshot.tier_failures,
        )
        failed = (*plan.failed_launches, *outcome.failed_launches)
        return outcome.merged(attempt(lambda: self._count(before, failed)))

    def launch(self, pool: str, asked: Sequence[Intent]) -> Applied:
        """Carry out what was asked for. The pool is let go meanwhile: nobody waits for EC2 but who wants its answer."""
        outcome = self._do(pool, [(None, lambda i=i: self._act.carry_out(i)) for i in asked])  # type: ignore[misc]
        if not outcome.failed_launches:
            return outcome
        now, failed = self._clock.now(), outcome.failed_launches
        return outcome.merged(attempt(lambda: self._count(self._ledger.snapshots.read(pool, now), failed)))

    def forget(self, asked: Sequence[Intent]) -> None:
        """Forget what was asked for: EC2 has not heard of it, and the next plan asks for it anew.

        Repeated as if it might have happened, a refusal would hold its place for a minute.
        """
        for intent in asked:
            self._act.forget(intent)

    def settle(self, intents: Iterable[Intent]) -> Applied:
        """Repeat intents whose outcome is unknown, with the same token and parameters."""
        return self._act.settle(intents)

    def remember(self, plan: Plan, snapshot: Snapshot) -> tuple[Exception, ...]:
        """Note with jobs what newly holds them up; return what failed, which the next round does.

        After all else: it must delay no start. What fails is nobody's reason to converge again.
        """

        def note(key: JobKey, story: Story) -> None:
            self._ledger.jobs.note_held(snapshot.pool, key, story)

        steps = [
            lambda key=key, story=story: attempt(lambda: note(key, story))
            for key, story in newly_held(snapshot, plan).items()
        ]
        return tuple(fault for noted in self._together(steps) for fault in noted.errors) if steps else ()

    def _do(self, pool: str, steps: Iterable[tuple[Bucket | None, Step]]) -> Applied:
        """Do the steps that AWS's limits admit now; the others are planned again in a second."""
        budget, now = self._budgets[self._configuration.pools[pool].region], self._clock.now()
        admitted, is_short = [], False
        for bucket, step in steps:
            if bucket is None or budget.admits(bucket, now):
                admitted.append(step)
            else:
                is_short = True
        outcome = Applied(is_cut_short=is_short)
        for result in self._together([lambda step=step: attempt(step) for step in admitted]):  # type: ignore[misc]
            outcome = outcome.merged(result)
        return outcome

    def _acting(self, pool: str, request: Request) -> Callable[[], Applied]:
        if isinstance(request, RunTasks):
            return lambda: self._act(pool, request)
        return lambda: Applied(asked=(self._act.ask(pool, request),))

    def _dismiss(self, pool: str, task_id: str) -> None:
        self._ledger.runners.dismiss(pool, task_id, at=self._clock.now(), why="surplus")

    def _close_circuits(self, pool: str, plan: Plan) -> None:
        if plan.closes_circuit:
            self._ledger.notes.keep_launch_failures(pool, None)
        if plan.closes_tier_circuit:
            self._ledger.notes.keep_launch_failures(pool, None, of_tier=True)
        self._ledger.notes.forget_start_failures(pool, plan.recovered)

    def _count(self, snapshot: Snapshot, failed: Sequence[FailedLaunch]) -> None:
        """Count the launches that failed, all together, on top of those that are known."""
        for of_tier, before in ((False, snapshot.launch_failures), (True, snapshot.tier_failures)):
            after = counted(before, [failure for failure in failed if failure.of_tier is of_tier])
            if after is not None and after != before:
                self._ledger.notes.keep_launch_failures(snapshot.pool, after, of_tier=of_tier)


def _asking(plan: Plan, snapshot: Snapshot) -> Sequence[Request]:
    """Return what is asked of EC2 now. What is too much is planned again when the first answer is here."""
    awaited = sum(intent.is_awaited(snapshot.now) for intent in snapshot.intents)
    requests: tuple[Request, ...] = (*plan.start, *plan.launch)
    return requests[: max(0, MOST_AWAITED - awaited)]


_BUCKETS: dict[type[Request], Bucket] = {
    RunTasks: Bucket.ECS_CHANGES,
    StartInstances: Bucket.START_INSTANCES,
    LaunchInstances: Bucket.CREATE_FLEET,
}
