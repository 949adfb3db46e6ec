"""Lambda on the virtual clock: sandboxes, time-outs, deaths, schedules."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from local.simulator.calls import Calls
from local.simulator.fibers import Fibers
from local.simulator.functions import (
    SANDBOX_KEPT_SECONDS,
    Failed,
    Function,
    FunctionDiedError,
    HasTime,
    Schedule,
)
from local.twin.clock import VirtualClock
from local.twin.latency import LatencyModel, Phase, exactly
from slipway.domain.errors import SlipwayError

START = 1_000.0
COLD, WARM = 0.5, 0.125
LATENCY = LatencyModel(
    {
        Phase.FUNCTION_COLD_START: exactly(COLD),
        Phase.FUNCTION_WARM_START: exactly(WARM),
        Phase.SQS_CALL: exactly(0.02),
    }
)


@dataclass
class Sandbox:
    """What is kept from invocation to invocation."""

    number: int
    served: int = 0
    is_used: bool = False


@dataclass
class Stage:
    """One function of ten seconds, and what came of its invocations at which second."""

    latency: LatencyModel | None = field(default_factory=lambda: LATENCY)
    clock: VirtualClock = field(default_factory=lambda: VirtualClock(START))
    answers: list[tuple[float, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.fibers = Fibers(self.clock)
        numbers = itertools.count(1)
        self.function: Function[Sandbox] = Function(
            self.fibers,
            lambda: Sandbox(next(numbers)),
            timeout_seconds=10.0,
            latency=self.latency,
            rng=random.Random(1),
        )

    def wait(self, seconds: float) -> None:
        assert self.fibers.running is not None
        self.fibers.running.wait(seconds)

    def invoke(self, work: Callable[[Sandbox, HasTime], Any]) -> None:
        self.function.invoke(work, lambda answer: self.answers.append((self.clock.now() - START, answer)))

    def serve(self, seconds: float) -> None:
        """Invoke it for some seconds; it answers which sandbox served, and the how-manieth time."""

        def work(sandbox: Sandbox, _: HasTime) -> tuple[int, int]:
            assert not sandbox.is_used
            sandbox.is_used = True
            sandbox.served += 1
            self.wait(seconds)
            sandbox.is_used = False
            return sandbox.number, sandbox.served

        self.invoke(work)

    @property
    def died(self) -> list[float]:
        """When invocations were told to have died."""
        return [
            at
            for at, answer in self.answers
            if isinstance(answer, Failed) and isinstance(answer.fault, FunctionDiedError)
        ]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_the_first_start_is_cold_and_the_next_finds_what_the_sandbox_kept(stage: Stage) -> None:
    stage.serve(1.0)
    stage.clock.advance(5.0)
    stage.serve(1.0)
    stage.clock.advance(5.0)
    assert stage.answers == [(COLD + WARM + 1.0, (1, 1)), (5.0 + WARM + 1.0, (1, 2))]
    assert stage.function.cold_starts == 1


def test_invocations_at_once_have_sandboxes_of_their_own(stage: Stage) -> None:
    for _ in range(3):
        stage.serve(2.0)
    stage.clock.advance(5.0)
    for _ in range(2):
        stage.serve(2.0)
    stage.clock.advance(5.0)
    assert [answer for _, answer in stage.answers[:3]] == [(1, 1), (2, 1), (3, 1)]
    assert [served for _, (_, served) in stage.answers[3:]] == [2, 2]
    assert stage.function.cold_starts == 3


def test_a_sandbox_is_not_free_before_its_answer_is_out(stage: Stage) -> None:
    """The last call's way back is owed when the work returns: who comes meanwhile starts cold."""
    calls = Calls(stage.fibers, LATENCY, random.Random(1))

    def work(sandbox: Sandbox, _: HasTime) -> int:
        calls.make("sqs", "SendMessage", lambda: None)
        return sandbox.number

    stage.invoke(work)
    stage.clock.advance(COLD + WARM + 0.015)
    stage.invoke(work)
    stage.clock.advance(5.0)
    assert [answer for _, answer in stage.answers] == [1, 2]


@pytest.mark.parametrize(("idle_seconds", "cold_starts"), [(-1.0, 1), (1.0, 2)])
def test_an_idle_sandbox_is_forgotten_after_ten_minutes(
    stage: Stage, idle_seconds: float, cold_starts: int
) -> None:
    assert SANDBOX_KEPT_SECONDS == 600.0
    stage.serve(1.0)
    stage.clock.advance(COLD + WARM + 1.0 + 600.0 + idle_seconds)
    stage.serve(1.0)
    stage.clock.advance(5.0)
    assert stage.function.cold_starts == cold_starts


def test_the_sandbox_that_was_used_last_is_used_first_so_that_the_others_age(stage: Stage) -> None:
    for _ in range(2):
        stage.serve(1.0)
    for _ in range(3):
        stage.clock.advance(400.0)
        stage.serve(1.0)
    stage.clock.advance(10.0)
    for _ in range(2):
        stage.serve(1.0)
    stage.clock.advance(10.0)
    assert stage.function.cold_starts == 3
    assert [number for _, (number, _) in stage.answers] == [1, 2, 2, 2, 2, 2, 3]


def test_a_function_past_its_time_out_is_killed_and_its_sandbox_with_it(stage: Stage) -> None:
    stage.serve(60.0)
    stage.clock.advance(30.0)
    assert stage.died == [10.0]
    stage.serve(1.0)
    stage.clock.advance(5.0)
    assert stage.answers[-1][1] == (2, 1)


def test_the_time_out_runs_from_the_invocation_and_ends_with_the_answer(stage: Stage) -> None:
    stage.serve(10.0 - COLD - WARM - 0.001)
    stage.clock.advance(30.0)
    assert stage.died == []
    assert len(stage.answers) == 1


def test_an_exception_answers_failed_and_keeps_the_sandbox(stage: Stage) -> None:
    def broken(_sandbox: Sandbox, _: HasTime) -> None:
        raise LookupError("broken")

    stage.invoke(broken)
    stage.clock.advance(1.0)
    ((_, answer),) = stage.answers
    assert isinstance(answer, Failed)
    assert repr(answer.fault) == "LookupError('broken')"
    stage.serve(1.0)
    stage.clock.advance(5.0)
    assert stage.answers[-1][1] == (1, 1)
    assert stage.function.cold_starts == 1


def test_a_function_that_is_killed_after_its_last_call_has_not_answered(stage: Stage) -> None:
    calls = Calls(stage.fibers, LATENCY, random.Random(1))

    def meddle(_name: str, is_after: bool) -> None:
        if is_after and stage.fibers.running is not None:
            stage.fibers.running.kill()

    calls.meddle = meddle
    stage.invoke(lambda _sandbox, _: calls.make("sqs", "SendMessage", lambda: "sent"))
    stage.clock.advance(5.0)
    assert len(stage.died) == len(stage.answers) == 1
    stage.serve(1.0)
    stage.clock.advance(5.0)
    assert stage.answers[-1][1] == (2, 1)


def test_has_time_says_whether_more_is_left_before_the_deadline(stage: Stage) -> None:
    def work(_sandbox: Sandbox, has_time: HasTime) -> list[bool]:
        stage.wait(4.0 - COLD - WARM)
        return [has_time(5.9), has_time(6.0), has_time(6.1)]

    stage.invoke(work)
    stage.clock.advance(10.0)
    assert stage.answers == [(4.0, [True, False, False])]


def test_without_latencies_an_invocation_happens_at_once_in_one_sandbox_that_never_ages() -> None:
    stage = Stage(latency=None)
    for _ in range(2):
        stage.invoke(lambda sandbox, has_time: (sandbox.number, has_time(1e9)))
        stage.clock.advance(10 * SANDBOX_KEPT_SECONDS)
    assert stage.answers == [(0.0, (1, True)), (10 * SANDBOX_KEPT_SECONDS, (1, True))]


def test_without_latencies_our_own_errors_answer_failed() -> None:
    stage = Stage(latency=None)

    def broken(_sandbox: Sandbox, _: HasTime) -> None:
        raise SlipwayError("ours")

    stage.invoke(broken)
    ((_, answer),) = stage.answers
    assert isinstance(answer, Failed)
    assert str(answer.fault) == "ours"


def test_a_schedule_never_runs_twice_at_once(stage: Stage) -> None:
    begun: list[float] = []

    def invoke(over: Callable[[], None]) -> None:
        begun.append(stage.clock.now() - START)
        stage.function.invoke(lambda _sandbox, _: stage.wait(7.0), lambda _: over())

    Schedule(stage.fibers, 3.0, invoke)
    stage.clock.advance(31.0)
    assert begun == [3.0, 12.0, 21.0, 30.0]
    assert stage.function.cold_starts == 1


def test_a_schedule_goes_on_after_a_run_that_died(stage: Stage) -> None:
    begun: list[float] = []

    def invoke(over: Callable[[], None]) -> None:
        begun.append(stage.clock.now() - START)
        stage.function.invoke(lambda _sandbox, _: stage.wait(70.0), lambda _: over())

    Schedule(stage.fibers, 4.0, invoke)
    stage.clock.advance(17.0)
    assert begun == [4.0, 16.0]
