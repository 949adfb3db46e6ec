"""What every service of the twin shares: a boto3-shaped face whose calls are counted and may fail."""

from __future__ import annotations

import functools
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Concatenate, TypeVar

import botocore.session
from botocore.paginate import Paginator, PaginatorModel

from local.twin.aws.behaviour import Behaviour
from local.twin.aws.errors import AwsFault, client_error, client_exceptions, service_model
from local.twin.aws.faults import Faults
from local.twin.aws.identifiers import Identifiers
from local.twin.clock import VirtualClock
from local.twin.latency import LatencyModel

Response = dict[str, Any]
#: Checks one request or answer against a model; raises what botocore would raise.
Validator = Callable[[str, str, Mapping[str, Any], str], None]


@dataclass(frozen=True, slots=True)
class Call:
    """One call as it arrived, `at` the clock's epoch seconds.

    Over HTTP the caller is the access key id that signed it; in process it is whom the test or loop names, or nobody.
    Parameters may hold job data: keep the log in memory.
    """

    service: str
    operation: str
    parameters: Mapping[str, Any]
    at: float
    caller: str = ""


@dataclass(slots=True)
class Context:
    """What the services of one account share."""

    clock: VirtualClock
    latency: LatencyModel
    behaviour: Behaviour
    rng: random.Random
    ids: Identifiers
    account_id: str
    region: str
    faults: Faults = field(default_factory=Faults)
    calls: Counter[str] = field(default_factory=Counter)
    #: How often each of AWS's bad habits showed itself, by the name of its rate.
    happened: Counter[str] = field(default_factory=Counter)
    log: list[Call] | None = None
    #: Who calls now.
    caller: str = ""
    #: Told of every call as it arrives.
    watch: Callable[[Call], None] | None = None
    validate: Validator | None = None
    #: Epoch seconds, as the clock has them.
    now: Callable[[], float] = field(init=False)

    def __post_init__(self) -> None:
        self.now = self.clock.now

    def delay(self, phase: str) -> float:
        """Seconds, drawn from the latency model."""
        return self.latency.draw(phase, self.rng)

    def happens(self, habit: str) -> bool:
        """Draw by a rate of the behaviour, only when it is not zero, so that a calm run stays the same run."""
        rate: float = getattr(self.behaviour, habit)
        if rate <= 0 or self.rng.random() >= rate:
            return False
        self.happened[habit] += 1
        return True


S = TypeVar("S", bound="Service")


def operation(
    method: Callable[Concatenate[S, ...], Response],
) -> Callable[Concatenate[S, ...], Response]:
    """Make a method an AWS operation: counted, logged, throttled, faulted, and refused as botocore would."""
    name = "".join(part.capitalize() for part in method.__name__.split("_"))

    @functools.wraps(method)
    def call(self: S, **request: Any) -> Response:
        return self.invoke(name, method, request)

    return call


@functools.cache
def _paginator_model(service: str) -> PaginatorModel:
    """botocore's paginators of one service; a session is dear, and a simulated day asks thousands of times."""
    return botocore.session.get_session().get_paginator_model(service)


class Service:
    """One AWS service: call it like a boto3 client; it raises what a boto3 client raises."""

    name: ClassVar[str]

    def __init__(self, context: Context) -> None:
        self.context = context

    @property
    def exceptions(self) -> Any:
        """What a boto3 client has as `.exceptions`; its classes are made from the model at run time."""
        return client_exceptions(self.name)

    def get_paginator(self, operation_name: str) -> Paginator[Any]:
        """botocore's own paginator over this face."""
        pascal = "".join(part.capitalize() for part in operation_name.split("_"))
        config = _paginator_model(self.name).get_paginator(pascal)
        model = service_model(self.name).operation_model(pascal)
        return Paginator(getattr(self, operation_name), config, model)

    def invoke(self, name: str, method: Callable[..., Response], request: dict[str, Any]) -> Response:
        context = self.context
        context.calls[f"{self.name}.{name}"] += 1
        if context.log is not None or context.watch is not None:
            call = Call(self.name, name, request, context.now(), context.caller)
            if context.log is not None:
                context.log.append(call)
            if context.watch is not None:
                context.watch(call)
        if context.validate is not None:
            context.validate(self.name, name, request, "input")
        faults = context.faults
        planned = faults.take(self.name, name) if faults.planned else None
        try:
            if planned is not None and not planned.after_success:
                raise planned.fault
            if context.behaviour.throttling:
                self.throttle(name, request)
            response = method(self, **request)
            if planned is not None:
                raise planned.fault
        except AwsFault as fault:
            raise client_error(self.name, name, fault) from None
        if context.validate is not None:
            context.validate(self.name, name, response, "output")
        response["ResponseMetadata"] = {"HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0}
        return response

    def throttle(self, operation_name: str, request: Mapping[str, Any]) -> None:
        """Raise when the documented bucket of this operation is empty; services override it."""
