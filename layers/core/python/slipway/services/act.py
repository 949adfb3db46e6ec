"""Act: outward actions through intents that are written down first, so that no lost reply is ever acted on twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace

from slipway.domain.configuration import Configuration, Market
from slipway.domain.errors import NoCapacityError, RefusedError, SlipwayError, ThrottledError
from slipway.domain.instances import Instance, InstanceState
from slipway.domain.intents import (
    ANSWER_SECONDS,
    Intent,
    LaunchInstances,
    Offering,
    Request,
    RunTasks,
    StartInstances,
)
from slipway.domain.launches import BACK_OFF_SECONDS, FailedLaunch, Launch
from slipway.domain.rooms import overbooked
from slipway.domain.snapshot import ANY, UnavailableOffering
from slipway.ports.clock import Clock
from slipway.ports.cluster import Cluster, RunResult, starting
from slipway.ports.fleet import Fleet, LaunchedInstance, LaunchResult
from slipway.ports.ledger import Ledger
from slipway.services.applied import Applied, attempt

LISTED_AFTER_SECONDS = 60  # by then a listing shows what was started
FULL_FOR_SECONDS = 60  # how long ECS is believed that an instance has less room than its tasks leave


class Act:
    """Starts tasks and instances, settles what has no answer yet."""

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

    def __call__(self, pool: str, request: Request) -> Applied:
        """Write an intent for the request, act on it, and forget it once its outcome is recorded."""
        intent = Intent(self._new_token(), pool, request, self._clock.now())
        self._ledger.intents.write(intent)
        return self._carry_out(intent)

    def ask(self, pool: str, request: Request) -> Intent:
        """Write an intent down whose answer takes seconds; to be carried out by the same caller, without the pool."""
        now = self._clock.now()
        intent = Intent(self._new_token(), pool, request, now, awaited_until=now + ANSWER_SECONDS)
        self._ledger.intents.write(intent)
        return intent

    def carry_out(self, intent: Intent) -> Applied:
        """Act on an intent that was asked for, and forget it once its outcome is recorded.

        It is awaited from the call on: where the rest of its round took long, nobody is to repeat it meanwhile.
        """
        now = self._clock.now()
        if now - intent.created_at > 1:
            intent = replace(intent, awaited_until=now + ANSWER_SECONDS)
            self._ledger.intents.write(intent)
        return self._carry_out(intent)

    def forget(self, intent: Intent) -> None:
        """Forget an intent that nobody acted on yet; where that cannot be, it is repeated like any other."""
        if intent.is_awaited(self._clock.now()):
            with suppress(SlipwayError):
                self._ledger.intents.settle(intent)

    def _let_go(self, intent: Intent) -> None:
        """Leave an intent to the next convergence, if that would wait; where it cannot be written it still waits."""
        if intent.is_awaited(self._clock.now()):
            with suppress(SlipwayError):
                self._ledger.intents.write(replace(intent, awaited_until=None))

    def settle(self, intents: Iterable[Intent]) -> Applied:
        """Repeat intents whose outcome is unknown, with the same token and parameters."""
        outcome = Applied()
        for intent in sorted(intents, key=lambda intent: (intent.created_at, intent.token)):
            outcome = outcome.merged(attempt(lambda intent=intent: self._repeat(intent)))  # type: ignore[misc]
        return outcome

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
        """Record what an intent started, as ECS and EC2 list it; return how much."""
        pool, request = intent.pool, intent.request
        if isinstance(request, RunTasks):
            found = [task for task in self._clusters[pool].tasks() if task.intent == intent.token]
            self._ledger.runners.add([starting(task, pool) for task in found])
            return len(found)
        listed = self._fleets[pool].instances()
        if isinstance(request, StartInstances):
            asked = dict(request.starts)
            running = [i.instance_id for i in listed if i.instance_id in asked and not i.is_stopped]
            at = self._clock.now()
            self._ledger.instances.mark_started(pool, [(name, asked[name]) for name in running], at=at)
            return len(running)
        launched = [item for item in listed if item.intent == intent.token]
        self._ledger.instances.add(self._launched(launched, intent, request))
        return len(launched)

    def _carry_out(self, intent: Intent, *, is_repeat: bool = False) -> Applied:
        """Act on an intent that is written down, and forget it once the outcome is recorded.

        A definite no, throttles among them, is forgotten at once and planned anew. An unknown outcome stays
        written down, counts as supply, and is repeated by the next convergence; so is one that could not be
        recorded, whatever kept it from being: a throttle of the ledger says nothing about what was started.
        """
        try:
            record = self._call(intent)
        except (RefusedError, ThrottledError) as fault:
            if is_repeat:
                raise
            self._ledger.intents.settle(intent)
            if isinstance(fault, RefusedError):
                return replace(self._refused(intent, fault), launches=_refused_whole(intent.request, fault))
            raise
        except SlipwayError:
            self._let_go(intent)
            raise
        try:
            outcome = record()
        except SlipwayError as fault:
            if is_repeat:
                raise
            # The intent stays, whatever kept its outcome from being recorded.
            self._let_go(intent)
            return Applied((fault,), should_retry=True)
        try:
            self._ledger.intents.settle(intent)
        except SlipwayError:
            self._let_go(intent)
            raise
        return outcome

    def _call(self, intent: Intent) -> Callable[[], Applied]:
        """Make an intent's one outward call; return what records its outcome."""
        pool, request = intent.pool, intent.request
        if isinstance(request, RunTasks):
            run = self._clusters[pool].run(intent)
            return lambda: self._record_tasks(intent, request, run)
        if isinstance(request, StartInstances):
            self._fleets[pool].start(request.instance_ids)
            return lambda: self._record_start(pool, request)
        fleet = self._fleets[pool].launch(intent)
        return lambda: self._record_launch(intent, request, fleet)

    def _refused(self, intent: Intent, fault: RefusedError) -> Applied:
        """Remember a definite no for what it says, so that the next plan does otherwise."""
        request = intent.request
        if isinstance(request, StartInstances):
            return self._start_refused(intent.pool, request, fault)
        if isinstance(request, LaunchInstances):
            return self._launch_refused(intent, request, fault)
        return Applied((fault,), should_retry=True)

    def _start_refused(self, pool: str, request: StartInstances, fault: RefusedError) -> Applied:
        """Let the rest of this convergence launch instead, whatever was wrong with the stopped instances.

        Those that are gone are forgotten. If all are there, none of them is tried again for a while.
        """
        if isinstance(fault, NoCapacityError):
            self._refuse(pool, [request.offering], Market.ON_DEMAND)
        else:
            there = {item.instance_id for item in self._fleets[pool].instances()}
            gone = [name for name in request.instance_ids if name not in there]
            for instance_id in gone:
                self._ledger.instances.remove(pool, instance_id, at=self._clock.now())
            if not gone:
                until = self._clock.now() + BACK_OFF_SECONDS
                self._ledger.instances.mark_full(pool, request.instance_ids, until=until)
        self._ledger.rows.want(pool)
        return Applied((fault,))

    def _launch_refused(self, intent: Intent, request: LaunchInstances, fault: RefusedError) -> Applied:
        """Fall back where there is something to fall back to; else count a failed launch.

        A quota refuses a whole market. What refuses a Spot call whole may be about Spot alone, such as its
        service-linked role, and On-Demand tells [EC2-FLEET-INSTANT].
        """
        is_quota = fault.code in ("MaxSpotInstanceCountExceeded", "VcpuLimitExceeded")
        if request.market is Market.SPOT or isinstance(fault, NoCapacityError):
            everything = [Offering(ANY, ANY)]
            is_whole = is_quota or not isinstance(fault, NoCapacityError)
            self._refuse(intent.pool, everything if is_whole else request.offerings, request.market)
            self._ledger.rows.want(intent.pool)
            return Applied((fault,))
        return self._failed(intent, request, fault, fault.code or "refused")

    def _failed(self, intent: Intent, request: LaunchInstances, fault: RefusedError, why: str) -> Applied:
        # By when it was asked for: what was asked before the last refusal came is of the same wave.
        failed = FailedLaunch(intent.created_at, self._clock.now(), why, request.for_stopped_tier)
        return Applied((fault,), should_retry=True, failed_launches=(failed,))

    def _record_tasks(self, intent: Intent, request: RunTasks, result: RunResult) -> Applied:
        pool = intent.pool
        self._ledger.runners.add([starting(task, pool) for task in result.tasks if not task.is_stopped])
        if request.exclusive:
            self._drain_under({task.instance_arn for task in result.tasks}, pool)
        is_planned_anew = len(result.tasks) < request.count and self._learn(intent, request, result)
        return Applied(should_retry=bool(result.refusals) and not is_planned_anew)

    def _learn(self, intent: Intent, request: RunTasks, result: RunResult) -> bool:
        """Learn from refusals for want of room; say whether the pool is to be planned anew at once.

        As a rule ECS has placed other tasks where the plan saw room for these, and the next plan knows where. If by
        our account an instance still has room, something else takes it: that instance is left alone for a while.
        """
        pool, now = intent.pool, self._clock.now()
        full = {refusal.instance_arn for refusal in result.refusals if refusal.is_for_room}
        if not full:
            return False
        wrong = overbooked(self._ledger.snapshots.read(pool, now), full, request.shape.size, intent.token)
        self._ledger.instances.mark_full(pool, wrong, until=now + FULL_FOR_SECONDS)
        if not wrong and not result.tasks:
            return False
        self._ledger.rows.want(pool)
        return True

    def _drain_under(self, arns: set[str | None], pool: str) -> None:
        """Drain the hosts of exclusive tasks at once: the registrar answers only a task on a draining host."""
        now = self._clock.now()
        for instance in self._ledger.snapshots.read(pool, now).instances:
            if instance.arn in arns and instance.arn and instance.state is InstanceState.READY:
                self._clusters[pool].drain(instance.arn)
                self._ledger.instances.mark_draining(pool, instance.instance_id, at=now)

    def _record_start(self, pool: str, request: StartInstances) -> Applied:
        self._ledger.instances.mark_started(pool, request.starts, at=self._clock.now())
        brought = ((request.offering, request.count),)
        return Applied(launches=(Launch(Market.ON_DEMAND, brought, is_start=True),))

    def _record_launch(self, intent: Intent, request: LaunchInstances, result: LaunchResult) -> Applied:
        return replace(self._record_brought(intent, request, result), launches=(_launch(request, result),))

    def _record_brought(self, intent: Intent, request: LaunchInstances, result: LaunchResult) -> Applied:
        self._ledger.instances.add(self._launched(result.instances, intent, request))
        if len(result.instances) == request.count:
            return Applied()
        if not result.instances and result.faults and not result.refused:
            code = result.faults[0]
            fault = RefusedError(f"launching for {intent.pool}: {code}", code=code)
            return self._failed(intent, request, fault, code)
        self._refuse(intent.pool, result.refused or request.offerings, request.market)
        # What is missing is planned again at once, without the offerings that were refused.
        self._ledger.rows.want(intent.pool)
        errors = tuple(
            RefusedError(f"launching for pool {intent.pool}: {code}", code=code) for code in result.errors
        )
        return Applied(errors)

    def _refuse(self, pool: str, offerings: Iterable[Offering], market: Market) -> None:
        """Remember what EC2 refused, so that no convergence asks for it again at once [EC2-CAPACITY-ERRORS]."""
        until = self._clock.now() + BACK_OFF_SECONDS
        self._ledger.notes.refuse(
            pool, [UnavailableOffering(item.instance_type, item.subnet, market, until) for item in offerings]
        )

    def _launched(
        self, items: Iterable[LaunchedInstance], intent: Intent, request: LaunchInstances
    ) -> list[Instance]:
        types = self._configuration.pools[intent.pool].instance_types
        offered = {kind.name: kind for kind in types}
        state = InstanceState.WARMING if request.for_stopped_tier else InstanceState.LAUNCHING
        return [
            Instance(
                instance_id=item.instance_id,
                pool=intent.pool,
                state=state,
                registered=kind.registered if kind else request.each,
                launched_at=item.launched_at,
                instance_type=item.instance_type,
                subnet=item.subnet,
                market=request.market,
                template_version=item.template_version,
                for_stopped_tier=request.for_stopped_tier,
                load=request.load_of(number),
                usd_per_hour=kind.usd_per_hour if kind else 0.0,
            )
            for number, (item, kind) in enumerate((item, offered.get(item.instance_type)) for item in items)
        ]


def _launch(request: LaunchInstances, result: LaunchResult) -> Launch:
    brought = Counter(Offering(item.instance_type, item.subnet or "") for item in result.instances)
    is_short = len(result.instances) < request.count
    # EC2 names what it has none of also where it found enough elsewhere.
    codes = result.errors if is_short else ()
    return Launch(request.market, tuple(brought.items()), result.refused, codes)


def _refused_whole(request: Request, fault: RefusedError) -> tuple[Launch, ...]:
    code = (fault.code or "refused",)
    if isinstance(request, StartInstances):
        return (Launch(Market.ON_DEMAND, refused=(request.offering,), codes=code, is_start=True),)
    if isinstance(request, LaunchInstances):
        return (Launch(request.market, refused=request.offerings, codes=code),)
    return ()
