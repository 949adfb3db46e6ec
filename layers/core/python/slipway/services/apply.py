"""Apply a plan: intents first, everything tried before any error counts, unknown outcomes kept as supply."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from slipway.domain.configuration import Configuration
from slipway.domain.errors import (
    RefusedError,
    SlipwayError,
    ThrottledError,
    UnavailableError,
    UnknownOutcomeError,
)
from slipway.domain.instances import Instance, InstanceState
from slipway.domain.intents import Intent, LaunchInstances, RunTasks
from slipway.domain.plan import Plan
from slipway.domain.snapshot import Snapshot, UnavailableOffering
from slipway.ports.clock import Clock
from slipway.ports.cluster import Cluster, starting
from slipway.ports.fleet import Fleet, LaunchResult
from slipway.ports.ledger import Ledger

REFUSED_FOR_SECONDS = 180  # how long EC2's "no capacity" is believed [EC2-CAPACITY-ERRORS]
LISTED_AFTER_SECONDS = 60  # by then a listing shows what was started
LISTED_TWICE_SECONDS = 5  # between the two empty listings that end an instance


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying brought: errors that were met, whether facts changed, whether to try again soon."""

    errors: tuple[Exception, ...] = ()
    changed: bool = False
    should_retry: bool = False

    def merged(self, other: Applied) -> Applied:
        """Return both outcomes as one."""
        return Applied(
            self.errors + other.errors,
            self.changed or other.changed,
            self.should_retry or other.should_retry,
        )


class Apply:
    """Carries out what was planned for one pool."""

    def __init__(
        self,
        configuration: Configuration,
        ledger: Ledger,
        clusters: Mapping[str, Cluster],
        fleets: Mapping[str, Fleet],
        clock: Clock,
        new_token: Callable[[], str],
    ) -> None:
        self._configuration = configuration
        self._ledger = ledger
        self._clusters = clusters
        self._fleets = fleets
        self._clock = clock
        self._new_token = new_token

    def __call__(self, plan: Plan, snapshot: Snapshot) -> Applied:
        """Apply a plan to its pool.

        Offers come first, so that a container which is up before RunTask has answered finds its job. Draining
        comes before starting, so that no task is placed on an instance that is to go.
        """
        pool = snapshot.pool
        published = self._try(lambda: self._ledger.offers.publish(pool, plan.offers))
        # Without its offer a container that comes up would be sent away again.
        run = () if published.errors else plan.run
        outcome = published.merged(self._try(lambda: self._ledger.instances.mark_idle(pool, plan.idle_since)))
        known = {instance.instance_id: instance for instance in snapshot.instances}
        steps: list[Callable[[], Applied | None]] = [
            *(lambda task=task: self._dismiss(pool, task) for task in plan.dismiss),
            *(lambda i=known[i]: self._drain(i) for i in plan.drain),
            *(lambda i=known[i]: self._end(i) for i in plan.end),
            *(lambda r=request: self._act(pool, r) for request in (*run, *plan.launch)),
        ]
        for step in steps:
            outcome = outcome.merged(self._try(step))
        return outcome

    def settle(self, intents: Iterable[Intent]) -> Applied:
        """Repeat intents whose outcome is unknown, with the same token and parameters."""
        outcome = Applied()
        for intent in sorted(intents, key=lambda intent: (intent.created_at, intent.token)):
            result = self._try(lambda intent=intent: self._repeat(intent))  # type: ignore[misc]
            outcome = outcome.merged(replace(result, changed=True))
        return outcome

    def _try(self, step: Callable[[], Applied | None]) -> Applied:
        """Do one step; an error is kept with the others and stops nothing.

        Not even one that no table of ours translates: an intent that AWS answers so would otherwise be the
        first thing each convergence of its pool meets, and the last.
        """
        try:
            return step() or Applied()
        except SlipwayError as fault:
            should_retry = isinstance(fault, UnavailableError | UnknownOutcomeError)
            return Applied(errors=(fault,), should_retry=should_retry)
        except Exception as fault:  # noqa: BLE001 - kept whole, and logged by the handler
            return Applied(errors=(fault,))

    def _repeat(self, intent: Intent) -> Applied:
        """Act again on an intent whose first try may have succeeded.

        A throttle says nothing about that try, and a refusal may be about what changed since: the intent goes
        only when what it did is recorded, or when listings that lag would have shown it [ECS-READS-LAG].
        """
        try:
            return self._carry_out(intent, is_repeat=True)
        except RefusedError:
            is_complete = self._adopt(intent) >= intent.request.count
            if is_complete or self._clock.now() - intent.created_at >= LISTED_AFTER_SECONDS:
                self._ledger.intents.settle(intent)
            raise

    def _adopt(self, intent: Intent) -> int:
        """Record what an intent started, as ECS and EC2 list it by the intent's token; return how much."""
        pool = intent.pool
        if isinstance(intent.request, RunTasks):
            found = [task for task in self._clusters[pool].tasks() if task.intent == intent.token]
            self._ledger.runners.add([starting(task, pool) for task in found])
            return len(found)
        launched = [item for item in self._fleets[pool].instances() if item.intent == intent.token]
        request = intent.request
        self._ledger.instances.add(
            [_launching((i.instance_id, i.instance_type, i.launched_at), intent, request) for i in launched]
        )
        return len(launched)

    def _act(self, pool: str, request: RunTasks | LaunchInstances) -> Applied:
        intent = Intent(self._new_token(), pool, request, self._clock.now())
        self._ledger.intents.write(intent)
        return self._carry_out(intent)

    def _carry_out(self, intent: Intent, *, is_repeat: bool = False) -> Applied:
        """Act on an intent that is written down, and forget it once the outcome is recorded.

        A definite no, throttles among them, is forgotten at once and planned anew. An unknown outcome stays
        written down, counts as supply, and is repeated by the next convergence.
        """
        try:
            if isinstance(intent.request, RunTasks):
                outcome = self._run(intent)
            else:
                outcome = self._launch(intent, intent.request)
        except (RefusedError, ThrottledError) as fault:
            if is_repeat:
                raise
            self._ledger.intents.settle(intent)
            if isinstance(intent.request, LaunchInstances) and isinstance(fault, RefusedError):
                self._refuse(intent, intent.request, intent.request.types)
            raise
        self._ledger.intents.settle(intent)
        return outcome

    def _run(self, intent: Intent) -> Applied:
        result = self._clusters[intent.pool].run(intent)
        self._ledger.runners.add(
            [starting(task, intent.pool) for task in result.tasks if not task.is_stopped]
        )
        if self._configuration.pools[intent.pool].exclusive:
            self._drain_under({task.instance_arn for task in result.tasks}, intent.pool)
        return Applied(changed=bool(result.tasks), should_retry=bool(result.failures))

    def _drain_under(self, arns: set[str | None], pool: str) -> None:
        """Drain the hosts of exclusive tasks at once: the registrar answers only a task on a draining host."""
        snapshot = self._ledger.snapshots.read(pool, self._clock.now())
        for instance in snapshot.instances:
            if instance.arn in arns and instance.state is InstanceState.READY:
                self._drain(instance)

    def _launch(self, intent: Intent, request: LaunchInstances) -> Applied:
        result = self._fleets[intent.pool].launch(intent)
        self._ledger.instances.add([_launching(item, intent, request) for item in _items(result)])
        if len(result.instances) == request.count:
            return Applied(changed=True)
        self._refuse(intent, request, result.refused_types or request.types)
        # What is missing is planned again at once, without the offerings that were refused.
        self._ledger.rows.want(intent.pool)
        errors = tuple(
            RefusedError(f"launching for pool {intent.pool}: {code}", code=code) for code in result.errors
        )
        return Applied(errors, changed=True)

    def _refuse(self, intent: Intent, request: LaunchInstances, types: Iterable[str]) -> None:
        """Remember what EC2 refused, so that no convergence asks for it again at once."""
        until = self._clock.now() + REFUSED_FOR_SECONDS
        offerings = [UnavailableOffering(name, request.market, until) for name in types]
        self._ledger.snapshots.refuse(intent.pool, offerings)

    def _dismiss(self, pool: str, task_id: str) -> Applied:
        now = self._clock.now()
        return Applied(changed=self._ledger.runners.dismiss(pool, task_id, at=now, why="surplus"))

    def _drain(self, instance: Instance) -> Applied:
        if instance.arn:
            self._clusters[instance.pool].drain(instance.arn)
        now = self._clock.now()
        return Applied(
            changed=self._ledger.instances.mark_draining(instance.pool, instance.instance_id, at=now)
        )

    def _end(self, instance: Instance) -> Applied | None:
        """Terminate a draining instance once ECS listed it empty twice, some seconds apart.

        ECS itself must say that it drains: otherwise a task could land there after the second look.
        """
        pool, now = instance.pool, self._clock.now()
        if instance.arn and self._clusters[pool].task_ids_on(instance.arn):
            self._ledger.instances.mark_empty(pool, instance.instance_id, at=None)
            return None
        if instance.empty_at is None:
            self._ledger.instances.mark_empty(pool, instance.instance_id, at=now)
            return Applied(should_retry=True)
        if now - instance.empty_at < LISTED_TWICE_SECONDS:
            return Applied(should_retry=True)
        if not self._drains(instance):
            self._ledger.instances.mark_empty(pool, instance.instance_id, at=None)
            return Applied(should_retry=True)
        self._fleets[pool].terminate([instance.instance_id])
        self._ledger.instances.remove(pool, instance.instance_id)
        return Applied(changed=True)

    def _drains(self, instance: Instance) -> bool:
        """Say whether ECS places nothing on an instance, asking it again to drain if it still would."""
        cluster = self._clusters[instance.pool]
        known = next((item for item in cluster.instances() if item.arn == instance.arn), None)
        if known is None or known.state is InstanceState.DRAINING or instance.arn is None:
            return True
        cluster.drain(instance.arn)
        return False


def _items(result: LaunchResult) -> Iterable[tuple[str, str, float]]:
    return ((item.instance_id, item.instance_type, item.launched_at) for item in result.instances)


def _launching(item: tuple[str, str, float], intent: Intent, request: LaunchInstances) -> Instance:
    instance_id, instance_type, launched_at = item
    return Instance(
        instance_id=instance_id,
        pool=intent.pool,
        state=InstanceState.LAUNCHING,
        registered=request.each,
        launched_at=launched_at,
        instance_type=instance_type,
        market=request.market,
    )
