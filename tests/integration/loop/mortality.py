"""Functions that die: before their N-th write to AWS or GitHub, or right after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local.simulator.fibers import Died
from local.simulator.functions import Function
from local.twin.aws.service import Service
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
    "DescribeLaunchTemplateVersions",
    "DescribeImages",
    "GetParameter",
}


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

    def function(self, invocation: Callable[..., Any]) -> Callable[..., Any]:
        """Return the invocation of a function, inside which writes are counted."""

        def invoke(*arguments: Any) -> Any:
            self.is_inside = True
            try:
                return invocation(*arguments)
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
    api = deployment.github.api
    handle = api.handle

    def called(request: Any) -> Any:
        if request.method == "GET":
            return handle(request)
        return mortality.step(f"{request.method} {request.path}", lambda: handle(request))

    patch(api, "handle", called)
    patch(Function, "_at_once", mortality.function(Function._at_once))
