"""The calls that our functions make: each takes time there and back, and at each its function may die."""

from __future__ import annotations

import random
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from json import dumps as encode
from typing import Any, TypeVar

import httpx

from local.simulator.fibers import Died, Fiber, Fibers
from local.simulator.retries import HAVE_TOKENS, back_off, endurance, is_repeated, once, seconds_until_raised
from local.twin.aws.service import Service
from local.twin.github.twin import GitHubTwin
from local.twin.github.wire import CONNECTION_LOST, Pending
from local.twin.latency import LatencyModel, Phase
from slipway.adapters.aws_clients import Endurance
from slipway.adapters.ledger.patience import Patience

T = TypeVar("T")

#: Told of every call before it is made ("dynamodb.Query") and after; may raise, or kill who calls.
Meddle = Callable[[str, bool], None]

#: What the token of the next page is called in an answer, and in the request for it.
_TOKENS = {"nextToken": "nextToken", "NextToken": "NextToken", "NextMarker": "Marker"}
_PHASES = {
    "dynamodb": Phase.DYNAMODB_CALL,
    "sqs": Phase.SQS_CALL,
    "ecs": Phase.ECS_CALL,
    "ec2": Phase.EC2_DESCRIBE_CALL,
    "ssm": Phase.PARAMETER_CALL,
    "secretsmanager": Phase.PARAMETER_CALL,
    "github": Phase.GITHUB_CALL,
    # Other services of AWS are taken to answer as fast as ECS does.
    "elbv2": Phase.ECS_CALL,
    "ecr": Phase.ECS_CALL,
    "logs": Phase.ECS_CALL,
}


@dataclass(slots=True)
class Calls:
    """Makes calls on behalf of functions; outside of a function a call takes no time and cannot be meddled with."""

    fibers: Fibers
    latency: LatencyModel
    rng: random.Random
    meddle: Meddle | None = None
    endurance: Callable[[str], Endurance] = endurance
    """How long a call ("ecs.RunTask") is waited for and how often it is made: as the function's own clients do."""
    counts: Counter[str] = field(default_factory=Counter)
    """Calls that functions made: ``{"dynamodb.Query": 3}``."""

    @property
    def patience(self) -> Patience:
        """Return that of the ledger: its pauses take time on the clock, and none outside of a function."""
        return Patience(self.rest, self.rng.random)

    def make(self, service: str, operation: str, call: Callable[[], T]) -> T:
        """Make one call: a part of its time passes before it takes effect, a part before its answer is known.

        Raises:
            Died: whoever calls is no more.
        """
        fiber = self.fibers.running
        if fiber is None:
            return call()
        name = f"{service}.{operation}"
        if name in HAVE_TOKENS:
            call = once(call)
        tried = 1
        while True:
            try:
                return self._make(fiber, service, name, call)
            except Exception as fault:
                if not is_repeated(fault, tried, self.endurance(name)):
                    raise
                pause = back_off(fault, tried, self.rng)
            fiber.wait(pause)
            tried += 1

    def rest(self, seconds: float) -> None:
        """Let time pass for whoever runs; none outside of a function."""
        if self.fibers.running is not None:
            self.fibers.running.wait(seconds)

    def _make(self, fiber: Fiber, service: str, name: str, call: Callable[[], T]) -> T:
        if fiber.is_dead:
            raise Died
        self.counts[name] += 1
        there, back = self._seconds(service, name)
        fiber.wait_for_call(there)
        try:
            if self.meddle is None:
                result = call()
            else:
                self._meddle(fiber, name, after=False)
                result = call()
                self._meddle(fiber, name, after=True)
        except Exception as fault:
            fiber.owe(seconds_until_raised(fault, back, self.endurance(name)))
            raise
        fiber.owe(back)
        return result

    def _meddle(self, fiber: Fiber, name: str, *, after: bool) -> None:
        if self.meddle is not None:
            self.meddle(name, after)
            if fiber.is_dead:
                raise Died

    def _seconds(self, service: str, name: str) -> tuple[float, float]:
        if name == "ec2.CreateFleet":  # the twin adds as much to the boot: it begins when the call arrives
            return 0.0, self.latency.draw(Phase.CREATE_FLEET_CALL, self.rng)
        half = self.latency.draw(_PHASES[service], self.rng) / 2
        return half, half


class TimedClient:
    """What stands in for a boto3 client inside a function."""

    def __init__(self, service: Service, calls: Calls) -> None:
        self._service = service
        self._calls = calls
        self.name = service.name
        self.exceptions = service.exceptions

    def __getattr__(self, method: str) -> Callable[..., Any]:
        operation = "".join(part.capitalize() for part in method.split("_"))

        def call(**request: Any) -> Any:
            return self._calls.make(self.name, operation, lambda: getattr(self._service, method)(**request))

        setattr(self, method, call)
        return call

    def get_paginator(self, operation_name: str) -> Pages:
        """Return what gives a listing page by page, each page a call of its own."""
        return Pages(getattr(self, operation_name))


@dataclass(frozen=True, slots=True)
class Pages:
    """A paginator without botocore's machinery: it follows the token, which each service calls differently."""

    list_page: Callable[..., Any]

    def paginate(self, **request: Any) -> Iterator[Any]:
        """Return every page."""
        while True:
            page = self.list_page(**request)
            yield page
            name = next((name for name in _TOKENS if page.get(name)), None)
            if name is None:
                return
            request[_TOKENS[name]] = page[name]


class TwinClient:
    """What stands in for ``httpx.Client`` inside a function: its requests and answers, without what networks need.

    ``before`` runs when a request arrives, and may raise what httpx raises.
    """

    base_url = "https://twin"

    def __init__(self, github: GitHubTwin, calls: Calls, before: Callable[[], None]) -> None:
        self._github = github
        self._calls = calls
        self._before = before

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        json: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        """Send one request; raises ``httpx.ReadError`` when the twin loses the connection."""
        place = urllib.parse.urlsplit(url)
        path = urllib.parse.unquote(place.path)
        query = {
            **dict(urllib.parse.parse_qsl(place.query, keep_blank_values=True)),
            **{k: str(v) for k, v in (params or {}).items()},
        }
        body = encode(json).encode() if json is not None else b""

        def send() -> httpx.Response:
            self._before()
            reply = self._github.handle(method, path, query, headers, body)
            if isinstance(reply, Pending):
                raise TypeError(f"{path} is a listener's long poll")
            if reply.status == CONNECTION_LOST:
                raise httpx.ReadError("connection lost before the response")
            return httpx.Response(reply.status, headers=reply.headers, content=reply.body)

        return self._calls.make("github", method, send)
