"""One AWS account and region, all of its services on one clock."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from local.twin.aws import wire_check
from local.twin.aws.behaviour import Behaviour
from local.twin.aws.dynamodb import DynamoDb
from local.twin.aws.ec2 import Ec2
from local.twin.aws.ecr import Ecr
from local.twin.aws.ecs import Ecs
from local.twin.aws.elbv2 import Elbv2
from local.twin.aws.events import Event, EventBus, Rule, every_event
from local.twin.aws.faults import Faults
from local.twin.aws.identifiers import Identifiers
from local.twin.aws.logs import Logs
from local.twin.aws.pricing import Pricing
from local.twin.aws.secretsmanager import SecretsManager
from local.twin.aws.service import Call, Context, Service
from local.twin.aws.sqs import Sqs
from local.twin.aws.ssm import Ssm
from local.twin.clock import VirtualClock
from local.twin.latency import LatencyModel


class AwsTwin:
    """The AWS that the project meets. Same seed, same calls, same clock: the same run.

    `log_calls` keeps every call's parameters in `calls_log`; `check_wire` holds every request and
    answer against botocore's models.
    """

    def __init__(  # noqa: PLR0913 - the composition root of the twin
        self,
        clock: VirtualClock,
        *,
        latency: LatencyModel,
        seed: int,
        behaviour: Behaviour | None = None,
        account_id: str = "123456789012",
        region: str = "ap-northeast-1",
        log_calls: bool = False,
        check_wire: bool = False,
    ) -> None:
        self.clock = clock
        self.context = Context(
            clock=clock,
            latency=latency,
            behaviour=behaviour or Behaviour(),
            rng=random.Random(f"{seed}/behaviour"),
            ids=Identifiers(random.Random(f"{seed}/ids")),
            account_id=account_id,
            region=region,
            log=[] if log_calls else None,
            validate=wire_check.validate if check_wire else None,
        )
        self.events = EventBus(self.context)
        self.ecs = Ecs(self.context, self.events)
        self.ec2 = Ec2(self.context, self.events, self.ecs.registry)
        self.sqs = Sqs(self.context)
        self.dynamodb = DynamoDb(self.context)
        self.secretsmanager = SecretsManager(self.context)
        self.ssm = Ssm(self.context)
        self.ssm.public = self.ec2.images.recommended
        self.elbv2 = Elbv2(self.context)
        self.ecr = Ecr(self.context)
        self.logs = Logs(self.context)
        self.pricing = Pricing(self.context)
        self.ecs.services.can_pull = self.ecr.can_pull
        self.ecs.services.is_balanced = self.elbv2.is_balanced
        everything: tuple[Service, ...] = (
            self.ecs,
            self.ec2,
            self.sqs,
            self.dynamodb,
            self.secretsmanager,
            self.ssm,
            self.elbv2,
            self.ecr,
            self.logs,
            self.pricing,
        )
        self._services = {service.name: service for service in everything}

    @property
    def faults(self) -> Faults:
        """Errors ordered for coming calls."""
        return self.context.faults

    @property
    def calls(self) -> Counter[str]:
        """How often each operation was called: `{"ecs.RunTask": 3}`."""
        return self.context.calls

    @property
    def calls_log(self) -> list[Call]:
        """Every call with its parameters; empty unless `log_calls`."""
        return self.context.log or []

    @contextmanager
    def called_by(self, caller: str) -> Iterator[None]:
        """Let calls be known as those of a caller, until the end of the block."""
        before, self.context.caller = self.context.caller, caller
        try:
            yield
        finally:
            self.context.caller = before

    def client(self, service: str) -> Any:
        """What stands in for `boto3.client(service)`."""
        return self._services[service]

    def client_of(self, caller: str, service: str) -> Any:
        """What stands in for a boto3 client with a caller's credentials."""
        return _Client(self, caller, self._services[service])

    def subscribe(self, callback: Callable[[Event], None], rules: Rule = every_event) -> None:
        """Deliver EventBridge events that `rules` lets through."""
        self.events.subscribe(callback, rules)

    def route_events(self, queue_name: str, rules: Rule = every_event) -> None:
        """Put events that `rules` lets through on a queue of this account, as EventBridge does."""

        self.events.subscribe_text(lambda text: self.sqs.deliver(queue_name, text), rules)


class _Client:
    """A service whose calls are known as a caller's."""

    def __init__(self, twin: AwsTwin, caller: str, service: Service) -> None:
        self._twin = twin
        self._caller = caller
        self._service = service

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._service, name)

        def call(*given: Any, **request: Any) -> Any:
            with self._twin.called_by(self._caller):
                return method(*given, **request)

        return call
