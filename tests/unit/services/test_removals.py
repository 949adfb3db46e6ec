"""Removals at GitHub are made several at once, and each keeps its own outcome."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, cast

from slipway.adapters.threads import MAX_THREADS, together
from slipway.domain.configuration import Registration
from slipway.domain.errors import ThrottledError
from slipway.domain.findings import Reap, What
from slipway.domain.runners import Registration as Registered
from slipway.ports.github import Removal, RunnerService
from slipway.ports.ledger import Ledger
from slipway.services.deregister import Deregister
from slipway.services.removals import Remove, Removed
from tests.builders import NOW
from tests.fakes.clock import ManualClock


@dataclass
class Crowd:
    """A GitHub that answers nobody before so many ask at once."""

    expected: int
    busy: frozenset[int] = frozenset()
    throttled: frozenset[int] = frozenset()
    asked: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.barrier = threading.Barrier(self.expected)

    def remove(self, runner_id: int, _reach: str) -> Removal:
        self.asked.append(runner_id)
        self.barrier.wait(timeout=30)
        if runner_id in self.throttled:
            raise ThrottledError("a limit", retry_after_seconds=9)
        return Removal.BUSY if runner_id in self.busy else Removal.GONE


def ghosts(count: int) -> list[Reap]:
    found = [Registered(number, f"runner-{number}", False, False, "acme") for number in range(count)]
    return [Reap(What.REGISTRATION, item.name, "", "its task is gone", registration=item) for item in found]


def removed(github: Crowd, reaps: list[Reap]) -> Removed:
    nothing = cast("Any", None)  # a ghost is GitHub's alone
    service, clock = cast("RunnerService", github), ManualClock(NOW)
    deregister = Deregister(cast("Ledger", nothing), service, None, {}, clock, deployment="slipway")
    remove = Remove(
        Registration.ENTERPRISE, nothing, deregister, clusters={}, fleets={}, clock=clock, together=together
    )
    return remove(reaps)


def test_removals_are_made_at_once_and_their_outcomes_are_not_mixed_up() -> None:
    github = Crowd(MAX_THREADS, busy=frozenset({3, 5}))
    done = removed(github, ghosts(MAX_THREADS))
    assert sorted(github.asked) == list(range(MAX_THREADS))
    assert [reap.id for reap in done.busy] == ["runner-3", "runner-5"]
    assert len(done.done) == MAX_THREADS - 2


def test_a_limit_that_some_meet_leaves_what_others_have_removed_removed() -> None:
    github = Crowd(MAX_THREADS, throttled=frozenset({0}))
    done = removed(github, ghosts(MAX_THREADS))
    assert [reap.id for reap in done.left] == ["runner-0"]
    assert len(done.done) == MAX_THREADS - 1
    assert [notice.why for notice in done.look.notices] == [
        "GitHub asks to wait 9 s; 1 removals are left to the next run"
    ]
