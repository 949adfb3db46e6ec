"""The whole loop on the virtual clock: webhooks in, runners registered, jobs done, everything cleaned up.

The functions' services run with their real adapters; the twins stand where boto3 and the network would.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from local.simulator.calls import Calls
from local.simulator.containers import VirtualContainers
from local.simulator.event_sources import QueueMapping
from local.simulator.fibers import Fibers
from local.simulator.functions import Failed, Function, HasTime, Schedule
from local.simulator.sandbox import Sandbox
from local.simulator.surroundings import HeldSecrets, SkewedClock, Surrounded, queue_url
from local.twin.aws.account import AwsTwin
from local.twin.aws.behaviour import Behaviour
from local.twin.clock import VirtualClock
from local.twin.github.deliveries import Delivery
from local.twin.github.twin import GitHubTwin
from local.twin.latency import LatencyModel, Phase
from local.twin_deployment import FUNCTIONS, deploy, deployed_rules
from slipway.domain.configuration import Configuration
from slipway.domain.identity import TaskIdentity
from slipway.domain.jobs import JobEvent
from slipway.ports.ledger import Ledger
from slipway.services.claim import Answer
from slipway.services.converge import Converged
from slipway.services.ingest import Request
from slipway.services.reap import Reaped
from slipway.services.repair import Repaired
from slipway.services.rerun import Settled

CLAIM_URL = "https://claims.example"
SCALERS_PER_QUEUE = 10  # the mappings' maximum concurrency: one that waits for CreateFleet holds up no other
NAMES = ("webhook", "scaler", "registrar", "reaper", "redelivery")
_UNANSWERED = Answer(503, {"reason": "the function failed"}, 2)


class Loop:
    """One deployment on one clock. Drive it with ``clock.advance`` or ``run_until``.

    With ``calls`` each call and each start of a function takes time, and functions overlap; without, what a
    function does happens at one moment.
    """

    def __init__(  # noqa: PLR0913 - the composition root of a run
        self,
        configuration: Configuration,
        github: GitHubTwin,
        clock: VirtualClock,
        secrets: dict[str, str],
        *,
        seed: int = 0,
        latency: LatencyModel | None = None,
        calls: LatencyModel | None = None,
        behaviour: Behaviour | None = None,
        new_ledger: Callable[[Calls], Ledger] | None = None,
        keeps_log: bool = True,
        patience_seconds: float = 0.0,
    ) -> None:
        self.configuration = configuration
        self.github = github
        self.clock = clock
        self.latency = calls
        self.clock_ahead: Callable[[], float] = lambda: 0.0
        """Draws by how many seconds the clock of a new sandbox is ahead."""
        self.keeps_log = keeps_log
        self.rng = random.Random(f"{seed}/loop")
        self.aws = AwsTwin(
            clock,
            latency=latency or LatencyModel.modelled(),
            seed=seed,
            behaviour=behaviour,
            log_calls=keeps_log,
        )
        deploy(self.aws, configuration, CLAIM_URL)
        self.held = HeldSecrets(secrets)
        self.calls = Calls(
            Fibers(clock, patience_seconds), calls or LatencyModel.none(), random.Random(f"{seed}/calls")
        )
        ledger = partial(new_ledger, self.calls) if new_ledger else None
        self.around = Surrounded(self.aws, github, clock, self.held, self.calls, ledger)
        self.deliveries: list[Delivery] = []
        self.converged: Callable[[Converged], None] = lambda _converged: None
        """Told of each convergence as it ends."""
        self.reran: list[Settled] = []
        self.found: list[JobEvent] = []
        self.errors: list[Exception] = []
        self.reaped: list[Reaped] = []
        self._show()
        self._connect()

    def run_until(self, is_done: Callable[[], bool], limit_seconds: float) -> bool:
        """Advance event by event until a condition holds; say whether it came to hold within the limit."""
        deadline = self.clock.now() + limit_seconds
        while not is_done():
            due = self.clock.next_due()
            if due is None or due > deadline:
                return False
            self.clock.advance_to(due)
        return True

    def converge(self, pool: str) -> None:
        """Fold a wake-up of one pool, as the scaler would."""
        messages = [{"Body": json.dumps({"slipway": "wake", "pool": pool})}]
        self._fold("events", messages, lambda _failed: None)

    def ask_claim(self, caller: TaskIdentity, answered: Callable[[Answer], None]) -> None:
        """Send a claim through the registrar."""
        registrar, told = self.functions["registrar"], self._answering(answered)
        self._through_gateway(lambda: registrar.invoke(lambda sandbox, _: sandbox.claim(caller), told))

    def ask_release(self, caller: TaskIdentity, answered: Callable[[Answer], None]) -> None:
        """Send a release through the registrar."""
        registrar, told = self.functions["registrar"], self._answering(answered)
        self._through_gateway(lambda: registrar.invoke(lambda sandbox, _: sandbox.release(caller), told))

    def sandbox(self) -> Sandbox:
        """Return a new sandbox of our functions, on a host whose clock may differ from the others'."""
        ahead = self.clock_ahead()
        around = replace(self.around, clock=SkewedClock(self.clock, ahead)) if ahead else self.around
        return Sandbox(self.configuration, around)

    def new_token(self) -> str:
        """Return the next intent token."""
        return self.around.new_token()

    def draw(self, phase: Phase) -> float:
        """Seconds that something outside of AWS's twin takes: 0 where calls take no time."""
        return self.latency.draw(phase, self.rng) if self.latency else 0.0

    def _show(self) -> None:
        """Keep one sandbox to look at and to work with from outside; instant functions use no other."""
        shown = self.sandbox()
        wiring = shown.wiring
        self.ledger, self.clusters, self.fleets = wiring.ledger, wiring.clusters, wiring.fleets
        self.runners, self.census = wiring.runners, wiring.census
        self.ingest, self.scale, self.claim, self.release = (
            shown.ingest,
            shown.scale,
            shown.claim,
            shown.release,
        )
        self.reap = shown.reap
        self.jobs_queue = self.around.jobs_queue()
        if self.configuration.github.app_secret:
            self.repair = shown.repair

    def _through_gateway(self, invoke: Callable[[], None]) -> None:
        """Let a request take its time to a function: as long as a webhook's, the function's own included."""
        seconds = self.draw(Phase.WEBHOOK_CALL)
        if seconds:
            self.clock.schedule(seconds, invoke)
        else:
            invoke()

    def _function(self, name: str) -> Function[Any]:
        build: Callable[[], Any] = self.sandbox if self.latency else lambda: self
        return Function(
            self.calls.fibers,
            build,
            timeout_seconds=FUNCTIONS[name].timeout_seconds,
            latency=self.latency,
            rng=self.rng,
            cold_start=Phase.WEBHOOK_COLD_START if name == "webhook" else Phase.FUNCTION_COLD_START,
        )

    def _connect(self) -> None:
        self.functions = {name: self._function(name) for name in NAMES}
        self.containers = VirtualContainers(self)
        self.aws.ecs.runtime = self.containers
        self.aws.route_events("events", deployed_rules(self.configuration))
        self.mappings = {name: self._mapping(name) for name in ("jobs", "events")}
        self.github.deliveries.deliver = self._deliver
        self.github.deliveries.keeps_bodies = self.keeps_log
        fibers = self.calls.fibers
        Schedule(fibers, FUNCTIONS["scaler"].every_seconds, self._tick)
        Schedule(fibers, FUNCTIONS["reaper"].every_seconds, self._reap)
        if self.configuration.github.app_secret:
            Schedule(fibers, FUNCTIONS["redelivery"].every_seconds, self._repair)

    def _mapping(self, name: str) -> QueueMapping:
        return QueueMapping(
            self.clock,
            self.aws.client("sqs"),
            queue_url(name),
            partial(self._fold, name),
            concurrency=SCALERS_PER_QUEUE,
            latency=self.latency,
            rng=self.rng,
        )

    def _tick(self, over: Callable[[], None]) -> None:
        self.aws.sqs.deliver("events", '{"slipway":"tick"}')
        over()

    def _reap(self, over: Callable[[], None]) -> None:
        def run(sandbox: Sandbox, has_time: HasTime) -> Reaped:
            return sandbox.reap(has_time=lambda: has_time(FUNCTIONS["reaper"].last_step_seconds))

        def answered(reaped: Reaped | Failed) -> None:
            if isinstance(reaped, Failed):
                self.errors.append(reaped.fault)
            else:
                self.errors += reaped.errors
                if reaped != Reaped():
                    self.reaped.append(reaped)
            over()

        self.functions["reaper"].invoke(run, answered)

    def _repair(self, over: Callable[[], None]) -> None:
        def run(sandbox: Sandbox, has_time: HasTime) -> Repaired:
            return sandbox.repair(lambda: has_time(FUNCTIONS["redelivery"].last_step_seconds))

        def answered(repaired: Repaired | Failed) -> None:
            if isinstance(repaired, Failed):
                self.errors.append(repaired.fault)
            else:
                self.reran += repaired.settled
                self.found += repaired.found
                self.errors += repaired.errors
            over()

        self.functions["redelivery"].invoke(run, answered)

    def _deliver(self, delivery: Delivery) -> None:
        if self.keeps_log:
            self.deliveries.append(delivery)
        headers = {name.lower(): value for name, value in delivery.headers.items()}
        request = Request(headers, delivery.body.decode(), is_base64=False)

        def answered(answer: Any) -> None:
            if isinstance(answer, Failed):
                self.errors.append(answer.fault)
            status = 502 if isinstance(answer, Failed) else answer.status
            self.github.deliveries.answered(delivery.id, status)

        webhook = self.functions["webhook"]
        self._through_gateway(lambda: webhook.invoke(lambda sandbox, _: sandbox.ingest(request), answered))

    def _answering(self, answered: Callable[[Answer], None]) -> Callable[[Answer | Failed], None]:
        def over(answer: Answer | Failed) -> None:
            if isinstance(answer, Failed):
                self.errors.append(answer.fault)
                answered(_UNANSWERED)
            else:
                answered(answer)

        return over

    def _fold(
        self, queue: str, messages: list[dict[str, Any]], done: Callable[[set[int] | None], None]
    ) -> None:
        """Invoke the scaler with a batch; what failed comes again when it is visible."""

        def run(sandbox: Sandbox, has_time: HasTime) -> set[int]:
            batch = sandbox.scale.batch()
            failed: set[int] = set()
            for number, message in enumerate(messages):
                try:
                    batch.fold(str(number), queue, message["Body"])
                except Exception as fault:  # noqa: BLE001 - as the handler: one message's error is its own
                    self.errors.append(fault)
                    failed.add(number)
            has_round = partial(has_time, FUNCTIONS["scaler"].last_step_seconds)
            for converged in batch.converge(self.new_token(), has_round):
                self.errors += converged.errors
                self.converged(converged)
            batch.tag(has_round)  # what fails there the function logs, and that is all
            return failed

        def answered(failed: set[int] | Failed) -> None:
            if isinstance(failed, Failed):
                self.errors.append(failed.fault)
            done(None if isinstance(failed, Failed) else failed)

        self.functions["scaler"].invoke(run, answered)
