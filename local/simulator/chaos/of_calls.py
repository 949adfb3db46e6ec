"""Faults of calls to AWS and GitHub, and the death of the function that makes them."""

from __future__ import annotations

import random
from bisect import bisect
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakKeyDictionary

import httpx

from local.simulator.chaos.faults import OF_CALLS, OF_WRITES
from local.simulator.chaos.storm import Storm
from local.simulator.fibers import Fiber, Fibers
from local.twin.aws.errors import LOST_REPLY, AwsFault, client_error
from local.twin.github.wire import CONNECTION_LOST

_CODES: Final = {
    "dynamodb-throttled": "ProvisionedThroughputExceededException",
    "dynamodb-failed": "InternalServerError",
    "sqs-failed": "ServiceUnavailable",
    "runtask-throttled": "ThrottlingException",
    "runtask-failed": "ServerException",
    "createfleet-throttled": "RequestLimitExceeded",
    "createfleet-failed": "InternalError",
    "ecs-throttled": "ThrottlingException",
    "ecs-failed": "ServerException",
    "ec2-throttled": "RequestLimitExceeded",
    "ec2-failed": "InternalError",
}
#: How DynamoDB refuses a write that meets a transaction [DDB-TRANSACT].
_CONFLICT_CODES: Final = {
    "dynamodb.DeleteItem": "TransactionConflictException",
    "dynamodb.PutItem": "TransactionConflictException",
    "dynamodb.TransactWriteItems": "TransactionCanceledException",
    "dynamodb.UpdateItem": "TransactionConflictException",
}
_CONFLICT: Final = {"CancellationReasons": [{"Code": "TransactionConflict"}]}
_SINGLED_OUT: Final = {"ecs.RunTask": "runtask", "ec2.CreateFleet": "createfleet"}
#: At GitHub: status, whether its work is done first, and the answer's headers.
_ANSWERS: Final[dict[str, tuple[int, bool, dict[str, str]]]] = {
    "github-failed": (503, False, {}),
    "github-reply-lost": (CONNECTION_LOST, True, {}),
    "github-failed-after-success": (502, True, {}),
    "github-limited": (403, False, {"retry-after": "60"}),
}
_STUBBORN: Final = 0.3  # the share of faults that outlast boto3's own repeats


@dataclass(frozen=True, slots=True)
class _Chances:
    """The faults that can meet one operation, by the sum of their probabilities so far."""

    upto: tuple[float, ...]
    names: tuple[str, ...]


@dataclass(slots=True)
class Meddler:
    """Stands at every call of a function, before its effect and after it; see ``Calls.meddle``."""

    storm: Storm
    functions: WeakKeyDictionary[Fiber, str]
    _fibers: Fibers = field(init=False)
    _draws: random.Random = field(init=False)
    _before: dict[str, _Chances] = field(default_factory=dict)
    _after: dict[str, _Chances] = field(default_factory=dict)
    _stubborn: dict[Fiber, tuple[str, str, bool, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._fibers = self.storm.world.loop.calls.fibers
        self._draws = self.storm.source("calls")

    def __call__(self, name: str, after: bool) -> None:
        """Let the call be, or raise what its client would raise, or kill who makes it."""
        fiber = self._fibers.running
        if fiber is None:
            return
        if not after and self.storm.log.keeps_all:
            self.storm.log.tell(self._who(fiber), name)
        if fiber in self._stubborn:
            self._again(fiber, name, after=after)
        known = self._after if after else self._before
        chances = known.get(name) or self._find(name, after=after)
        if not chances.upto:
            return
        drawn = self._draws.random()
        if drawn < chances.upto[-1]:
            self._fail(fiber, chances.names[bisect(chances.upto, drawn)], name, after=after)

    def _find(self, name: str, *, after: bool) -> _Chances:
        service = name.partition(".")[0]
        prefix = _SINGLED_OUT.get(name, service)
        names, upto, total = [], [], 0.0
        for fault in (*OF_CALLS, *(OF_WRITES if name in _CONFLICT_CODES else ())):
            rate = self.storm.rate(fault.name)
            concerns = fault.name == "function-killed" or fault.name.startswith(f"{prefix}-")
            is_after = fault.name.endswith("-reply-lost") and service != "github"
            if rate and concerns and (is_after is after or fault.name == "function-killed"):
                total += rate
                names.append(fault.name)
                upto.append(total)
        known = self._after if after else self._before
        known[name] = found = _Chances(tuple(upto), tuple(names))
        return found

    def _fail(self, fiber: Fiber, fault: str, name: str, *, after: bool) -> None:
        when = "after" if after else "before"
        self.storm.fired(fault, f"{self._who(fiber)} {when} {name}")
        if fault == "function-killed":
            fiber.kill()
            return
        repeats = self.storm.world.loop.calls.endurance(name).tries - 1
        if repeats and self._draws.random() < _STUBBORN:
            self._stubborn[fiber] = (name, fault, after, repeats)
        self._raise(fault, name)

    def _raise(self, fault: str, name: str) -> None:
        service, _, operation = name.partition(".")
        if fault == "createfleet-partial":
            self._be_short_of_capacity()
            return
        if fault == "dynamodb-conflict":
            raise client_error(
                service, operation, AwsFault(_CONFLICT_CODES[name], "made by chaos", extra=_CONFLICT)
            )
        if service != "github":
            code = _CODES.get(fault, LOST_REPLY)
            raise client_error(service, operation, AwsFault(code, "made by chaos"))
        if fault == "github-gone":
            raise httpx.ConnectError("no connection, made by chaos")
        status, is_done, headers = _ANSWERS[fault]
        # Nothing runs between here and the call itself: it is this one that meets the fault.
        planned = self.storm.world.github.faults.next(operation, "", status, after_success=is_done)
        planned.headers = headers

    def _be_short_of_capacity(self) -> None:
        """Leave capacity for one instance or none, for this one call."""
        world = self.storm.world
        capacity = world.loop.aws.ec2.capacity
        capacity.limit(self._draws.randint(0, 1))
        world.clock.schedule(0.0, capacity.lift)

    def _again(self, fiber: Fiber, name: str, *, after: bool) -> None:
        """Fail the repeats of a call that failed, as often as boto3 repeats it."""
        stubborn, fault, is_after, left = self._stubborn[fiber]
        if stubborn != name:
            del self._stubborn[fiber]
        elif after is is_after:
            if left == 1:
                del self._stubborn[fiber]
            else:
                self._stubborn[fiber] = (stubborn, fault, is_after, left - 1)
            self.storm.fired(fault, f"{self._who(fiber)} once more at {name}")
            self._raise(fault, name)

    def _who(self, fiber: Fiber) -> str:
        return self.functions.get(fiber.root, "")


def meddle_with_calls(storm: Storm) -> None:
    """Let calls fail and functions die; the log names the function that made a call."""
    functions: WeakKeyDictionary[Fiber, str] = WeakKeyDictionary()
    loop = storm.world.loop
    for name, function in loop.functions.items():

        def begins(name: str = name) -> None:
            fiber = loop.calls.fibers.running
            if fiber is not None:
                functions[fiber.root] = name

        function.begins = begins
    loop.calls.meddle = Meddler(storm, functions)

    def calm() -> None:
        loop.calls.meddle = None
        for function in loop.functions.values():
            function.begins = lambda: None

    storm.ends.append(calm)
