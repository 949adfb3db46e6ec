"""Functions that die: before their N-th write to AWS or GitHub, or right after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local.twin.aws.service import Service
from slipway.services.claim import Answer
from slipway.services.ingest import Answer as IngestAnswer
from slipway.services.reap import Reaped
from slipway.services.repair import Repaired
from tests.support.loop import Acme

READS = {
    "GetItem",
    "Query",
    "Scan",
    "ReceiveMessage",
    "DescribeTasks",
    "ListTasks",
    "DescribeContainerInstances",
    "ListContainerInstances",
    "DescribeInstances",
    "DescribeLaunchTemplates",
}


class Died(BaseException):
    """The function is gone in the middle of its work: nothing of it runs any more."""


@dataclass(slots=True)
class Mortality:
    """Counts the writes of our functions and kills the one that makes the chosen write."""

    at: int
    after: bool = False
    writes: list[str] = field(default_factory=list)
    is_inside: bool = False

    @property
    def last(self) -> str:
        """What the dead function was about to do, for the message of a failing test."""
        return f"died before write {self.at}: {self.writes[self.at - 1 : self.at]}"

    def step(self, name: str, act: Callable[[], Any]) -> Any:
        """Make one write of a function, unless this is the one that it does not live to make."""
        if not self.is_inside:
            return act()
        self.writes.append(name)
        is_last = len(self.writes) == self.at
        if is_last and not self.after:
            raise Died
        result = act()
        if is_last:
            raise Died
        return result

    def function(self, work: Callable[..., Any], dead: Any = None) -> Callable[..., Any]:
        """Return the function as its caller sees it: when it dies, ``dead`` comes back instead of an answer."""

        def invoke(*arguments: Any) -> Any:
            self.is_inside = True
            try:
                return work(*arguments)
            except Died:
                return dead
            finally:
                self.is_inside = False

        return invoke


def make_mortal(deployment: Acme, mortality: Mortality, patch: Callable[..., None]) -> None:
    """Let every function of a deployment die as told. ``patch`` is ``monkeypatch.setattr``."""
    invoke = Service.invoke

    def counted(self: Service, name: str, method: Any, request: Any) -> Any:
        if name in READS:
            return invoke(self, name, method, request)
        return mortality.step(name, lambda: invoke(self, name, method, request))

    patch(Service, "invoke", counted)
    loop, api = deployment.loop, deployment.github.api
    handle = api.handle

    def called(request: Any) -> Any:
        if request.method == "GET":
            return handle(request)
        return mortality.step(f"{request.method} {request.path}", lambda: handle(request))

    patch(api, "handle", called)
    gateway_error = Answer(503, {"reason": "the function failed"}, 2)
    patch(loop, "claim", mortality.function(loop.claim, gateway_error))
    patch(loop, "release", mortality.function(loop.release, gateway_error))
    patch(loop, "_receive", mortality.function(loop._receive))
    patch(loop, "reap", mortality.function(loop.reap, Reaped((), (), ())))
    patch(loop, "repair", mortality.function(loop.repair, Repaired()))
    patch(loop, "ingest", mortality.function(loop.ingest, IngestAnswer(502, "", "")))
