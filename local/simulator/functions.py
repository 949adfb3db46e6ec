"""Lambda on the virtual clock: sandboxes warm and cold, time-outs, and functions that die."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from local.simulator.fibers import Died, Fiber, Fibers
from local.twin.latency import LatencyModel, Phase
from slipway.domain.errors import SlipwayError

S = TypeVar("S")
R = TypeVar("R")

SANDBOX_KEPT_SECONDS = 600.0  # how long Lambda keeps an idle sandbox: an estimate, it is not documented
HasTime = Callable[[float], bool]
"""Says whether more than these seconds are left before the deadline."""


@dataclass(frozen=True, slots=True)
class Failed:
    """What the caller of a function gets instead of an answer."""

    fault: Exception


class FunctionDiedError(Exception):
    """The function timed out or was killed."""


class Function(Generic[S]):
    """One Lambda function; ``build`` makes what a sandbox keeps from invocation to invocation.

    Without a latency model an invocation takes no time and happens at once, with one sandbox for ever.
    """

    def __init__(
        self,
        fibers: Fibers,
        build: Callable[[], S],
        *,
        timeout_seconds: float,
        latency: LatencyModel | None,
        rng: random.Random,
        cold_start: Phase = Phase.FUNCTION_COLD_START,
    ) -> None:
        self._fibers = fibers
        self._build = build
        self._timeout = timeout_seconds
        self._latency = latency
        self._rng = rng
        self._cold_start = cold_start
        self._idle: list[tuple[float, S]] = []
        self._instant: S | None = None
        self.cold_starts = 0
        self.begins: Callable[[], None] = lambda: None
        """Called inside each invocation, before its work."""

    def invoke(self, work: Callable[[S, HasTime], R], answered: Callable[[R | Failed], None]) -> None:
        """Run one invocation; its answer, or how it failed, is told when it is over."""
        if self._latency is None:
            answered(self._at_once(work))
        else:
            self._in_a_fiber(work, answered, self._latency)

    def _at_once(self, work: Callable[[S, HasTime], R]) -> R | Failed:
        self._instant = self._instant if self._instant is not None else self._build()
        try:
            return work(self._instant, lambda _seconds: True)
        except SlipwayError as fault:
            return Failed(fault)
        except Died:
            return Failed(FunctionDiedError("it was killed"))

    def _in_a_fiber(
        self,
        work: Callable[[S, HasTime], R],
        answered: Callable[[R | Failed], None],
        latency: LatencyModel,
    ) -> None:
        clock = self._fibers.clock
        answer: list[R | Failed] = []
        used: list[S] = []

        def run() -> None:
            sandbox = self._take()
            if sandbox is None:
                self.cold_starts += 1
                fiber.wait(latency.draw(self._cold_start, self._rng))
                sandbox = self._build()
            used.append(sandbox)
            fiber.wait(latency.draw(Phase.FUNCTION_WARM_START, self._rng))
            self.begins()
            try:
                answer.append(work(sandbox, lambda seconds: deadline - clock.now() > seconds))
            except Exception as fault:  # noqa: BLE001 - what Lambda reports as an error of the function
                answer.append(Failed(fault))

        def ended() -> None:
            limit.cancel()
            if fiber.is_dead:  # also after its last call, on the way to its answer
                answered(Failed(FunctionDiedError("it timed out or was killed")))
                return
            self._idle.append((clock.now(), used[0]))
            answered(answer[0])

        deadline = clock.now() + self._timeout
        fiber: Fiber = self._fibers.start(run, ended)
        limit = clock.schedule(self._timeout, fiber.kill)

    def _take(self) -> S | None:
        """Take the sandbox that was used last, as long as Lambda keeps one."""
        oldest = self._fibers.clock.now() - SANDBOX_KEPT_SECONDS
        while self._idle:
            since, sandbox = self._idle.pop()
            if since >= oldest:
                return sandbox
            self._idle.clear()
        return None


class Schedule:
    """Runs a function again and again, never twice at once."""

    def __init__(self, fibers: Fibers, seconds: float, invoke: Callable[[Callable[[], None]], None]) -> None:
        self._clock = fibers.clock
        self._seconds = seconds
        self._invoke = invoke
        self._is_running = False
        self._clock.schedule(seconds, self._due)

    def _due(self) -> None:
        if not self._is_running:
            self._is_running = True
            self._invoke(partial(setattr, self, "_is_running", False))
        self._clock.schedule(self._seconds, self._due)
