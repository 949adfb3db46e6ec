"""Failures on demand: of REST calls, and of webhook deliveries."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from local.twin.github.wire import CONNECTION_LOST, Response, json_response

_MESSAGES = {500: "Server Error", 502: "Server Error", 503: "Service unavailable", 504: "Gateway timeout"}


@dataclass(slots=True)
class Fault:
    """The next ``times`` matching calls answer ``status``; after success, the work is done all the same."""

    method: str
    path: re.Pattern[str]
    status: int
    after_success: bool
    times: int
    headers: dict[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        if self.status == CONNECTION_LOST:
            return Response(CONNECTION_LOST)
        content = {
            "message": _MESSAGES.get(self.status, "Error"),
            "documentation_url": "https://docs.github.com/rest",
            "status": str(self.status),
        }
        return json_response(self.status, content, self.headers)


class Faults:
    """REST faults in the order they were asked for [GH-JIT-503]."""

    def __init__(self, rng: random.Random) -> None:
        self._waiting: list[Fault] = []
        self._rng = rng
        self.failing = 0.0
        """The share of all calls that is answered 503, undone."""

    def next(
        self, method: str, path: str, status: int, *, after_success: bool = False, times: int = 1
    ) -> Fault:
        """Make the next matching calls fail; ``path`` is searched as a regular expression.

        ``status`` 0 loses the connection. With ``after_success`` the reply alone is lost: a runner
        stays registered, and the next try meets 409 [GH-JIT-409].
        """
        fault = Fault(method.upper(), re.compile(path), status, after_success, times)
        self._waiting.append(fault)
        return fault

    def apply(self, method: str, path: str, respond: Callable[[], Response]) -> Response:
        """Answer by ``respond``, or as the first matching fault wants."""
        for fault in self._waiting:
            if fault.method == method and fault.path.search(path):
                fault.times -= 1
                if fault.times == 0:
                    self._waiting.remove(fault)
                if fault.after_success:
                    done = respond()
                    return fault.response() if done.status < 400 else done
                return fault.response()
        if self.failing > 0 and self._rng.random() < self.failing:
            return Fault(method, re.compile(""), 503, after_success=False, times=1).response()
        return respond()


@dataclass(slots=True)
class DeliveryFaults:
    """What can happen to a webhook delivery, mostly by a probability of 0 to 1; and its usual delay in seconds."""

    latency_seconds: tuple[float, float] = (0.2, 1.5)
    delay: Callable[[random.Random], float] | None = None
    """Draws the usual delay, in place of one between the two of ``latency_seconds``."""
    lost: float = 0.0
    """Never attempted, never recorded [GH-HOOK-LOSSY]."""
    lost_actions: frozenset[str] = frozenset()
    """Of these actions every event is lost in that way [GH-HOOK-LOSSY]."""
    failed: float = 0.0
    """Recorded as failed without reaching us [GH-HOOK-NO-RETRY]."""
    doubled: float = 0.0
    """Sent twice under one GUID [GH-WJ-11]."""
    reordered: float = 0.0
    """Held back by ``reorder_seconds``, so that later events overtake it [GH-HOOK-UNORDERED]."""
    late: float = 0.0
    """Held back by ``late_seconds`` [GH-HOOK-LATE]."""
    reorder_seconds: tuple[float, float] = (3.0, 20.0)
    late_seconds: tuple[float, float] = (60.0, 300.0)
