"""Claim and release against a ledger that fails, and a runner that goes before its time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from local.memory_ledger import MemoryStore, memory_ledger
from slipway.domain.configuration import Configuration, Registration
from slipway.domain.errors import UnavailableError
from slipway.domain.identity import TaskIdentity
from slipway.domain.runners import GIVEN_BACK, RELEASED, RunnerState
from slipway.domain.snapshot import WaitingJob
from slipway.ports.github import JitConfig, Removal, RunnerService
from slipway.ports.ledger import Ledger
from slipway.ports.queue import Wakeups
from slipway.services.claim import Claim, Release
from tests.builders import NOW, POOL, SHAPE, a_configuration, a_github, a_runner, a_task_id
from tests.contract.ledger_cases import ROUTE, an_event
from tests.fakes.clock import ManualClock

CALLER = TaskIdentity("1" * 12, "slipway-general-task", a_task_id(1))
ORGANIZATIONS = a_configuration(github=a_github(registration=Registration.ORGANIZATION))


@dataclass
class GitHub:
    """Mints and removes whatever it is asked to."""

    minted: list[str] = field(default_factory=list)

    def mint(self, _job: WaitingJob, name: str) -> JitConfig:
        self.minted.append(name)
        return JitConfig(9_000, f"jit-of-{name}")

    def calls_left(self) -> dict[str, int]:
        return {}

    def remove(self, _runner_id: int, _reach: str) -> Removal:
        return Removal.GONE


@dataclass
class Scene:
    """A job on offer and a container that has claimed nothing yet; ``fails`` are the operations that fail next."""

    configuration: Configuration = field(default_factory=a_configuration)
    fails: Callable[[str], bool] = lambda _operation: False
    github: GitHub = field(default_factory=GitHub)
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))

    def __post_init__(self) -> None:
        self.ledger: Ledger = memory_ledger(MemoryStore(), self._make)
        self.ledger.jobs.record(an_event(), ROUTE)
        self.ledger.runners.add([a_runner(1)])
        waiting = self.waiting
        self.ledger.offers.read(POOL).replace({SHAPE: [waiting]})

    def _make(self, operation: str, call: Callable[[], Any]) -> Any:
        if self.fails(operation):
            raise UnavailableError("throttled")
        return call()

    @property
    def waiting(self) -> WaitingJob:
        (job,) = self.ledger.snapshots.read(POOL, self.clock.now()).jobs
        return job

    def claim(self) -> int:
        github, nothing = cast("RunnerService", self.github), cast("Wakeups", None)
        claim = Claim(
            self.configuration, self.ledger, github, {}, self.clock, wakeups=nothing, account_id="1" * 12
        )
        return claim(CALLER).status

    def release(self) -> int:
        github = cast("RunnerService", self.github)
        release = Release(self.configuration, self.ledger, github, self.clock, account_id="1" * 12)
        return release(CALLER).status

    @property
    def state(self) -> RunnerState:
        runner = self.ledger.runners.find(POOL, CALLER.task_id)
        assert runner is not None
        return runner.state


@pytest.mark.parametrize(
    "configuration", [a_configuration(), ORGANIZATIONS], ids=["enterprise", "organization"]
)
def test_a_config_that_was_minted_is_handed_out_though_nothing_can_be_noted_after(
    configuration: Configuration,
) -> None:
    scene = Scene(configuration)
    scene.fails = lambda operation: operation == "UpdateItem" and bool(scene.github.minted)
    assert scene.claim() == 200
    runner = scene.ledger.runners.find(POOL, CALLER.task_id)
    assert runner is not None
    assert (runner.state, runner.runner_id, runner.reach is None) == (RunnerState.REGISTERED, None, False)
    assert scene.claim() == 409


def test_a_task_that_comes_back_for_its_turn_draws_the_job_that_is_kept_for_it() -> None:
    scene = Scene(ORGANIZATIONS)
    first = scene.waiting
    scene.ledger.jobs.record(an_event(number=2, organization="globex"), ROUTE)
    (second,) = (job for job in scene.ledger.snapshots.read(POOL, NOW).jobs if job.key != first.key)
    scene.ledger.offers.read(POOL).replace({SHAPE: [first]}, {(SHAPE, "globex"): [second]})
    runner = a_runner(1)
    (offer,) = filter(None, [scene.ledger.claims.next_offer(POOL, SHAPE, "globex")])
    assert scene.ledger.claims.bind(runner, offer, reach="globex", at=NOW) == "bound"
    scene.ledger.claims.unbind(runner, second, waits_for="globex", until=NOW)
    scene.ledger.offers.read(POOL).replace({SHAPE: [first]}, {(SHAPE, "globex"): [second]})
    assert scene.claim() == 200
    bound = scene.ledger.runners.find(POOL, CALLER.task_id)
    assert bound is not None
    assert (bound.reach, bound.made_for) == ("globex", second.key)


def test_where_a_runner_will_be_registered_is_noted_before_anything_is_spent() -> None:
    scene = Scene(ORGANIZATIONS)
    draws: list[str] = []

    def second_update(operation: str) -> bool:  # the first draws the offer
        draws.extend([operation] * (operation == "UpdateItem"))
        return operation == "UpdateItem" and len(draws) == 2

    scene.fails = second_update
    with pytest.raises(UnavailableError):
        scene.claim()
    assert (scene.github.minted, scene.state, scene.waiting.offered_to) == ([], RunnerState.STARTING, None)
    scene.ledger.offers.read(POOL).replace({SHAPE: [scene.waiting]})
    assert scene.claim() == 200
    assert set(scene.ledger.housekeeping.places(NOW - 1)) == {"acme"}


@pytest.mark.parametrize(
    ("after", "why", "untaken"),
    [(60, GIVEN_BACK, 0), (114, GIVEN_BACK, 0), (120, RELEASED, 1), (119.5, RELEASED, 1)],
)
def test_a_runner_that_goes_before_its_idle_timeout_is_no_mark_against_its_job(
    after: float, why: str, untaken: int
) -> None:
    """Its Docker did not start, its listener failed, it was stopped: GitHub had no time to give it the job."""
    scene = Scene()
    assert scene.claim() == 200
    scene.clock.advance(after)
    assert scene.release() == 200
    runner = scene.ledger.runners.find(POOL, CALLER.task_id)
    assert runner is not None
    assert (runner.state, runner.ended_why) == (RunnerState.GONE, why)
    assert (scene.waiting.untaken, scene.waiting.retry_at is None) == (untaken, untaken == 0)
    assert scene.release() == 410
