"""Faults of containers: they die at any moment, hang, lose answers, and leave processes behind that claim again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

from local.simulator.chaos.storm import Storm
from local.simulator.containers import VirtualContainer
from slipway.services.claim import Answer

EXIT_KILLED: Final = 137
_CURL_SECONDS: Final = 10.0  # what the entrypoint waits for an answer that does not come
_ORPHAN_SECONDS: Final = (5.0, 20.0, 60.0, 180.0, 600.0)
_ORPHAN_REPEATS_SECONDS: Final = 60.0  # as long as its container is there


@dataclass(slots=True)
class ChaosContainer(VirtualContainer):
    """A container to which anything can happen."""

    storm: Storm | None = None
    was_asked: bool = False
    is_deaf: bool = False
    has_orphan: bool = False

    def claim(self) -> None:
        """Ask for a runner, unless the container dies or hangs first."""
        storm = self.storm
        if storm is None or not self.is_alive:
            return
        name = self.task.task_id[:8]
        if not self.was_asked:
            self.was_asked = True
            if storm.happens("container-hangs", name):
                return
            if storm.happens("container-dies-before-claim", name):
                self.crash()
                return
        if storm.happens("container-dies-in-claim", name):
            self.loop.clock.schedule(storm.source("moments").uniform(0.0, 1.5), self.crash)
        VirtualContainer.claim(self)

    def crash(self) -> None:
        """Die without a word to GitHub."""
        if self.is_alive:
            if self.storm is not None:
                self.storm.crashed.add(self.task.task_id)
            self.kill()
            self.exited(EXIT_KILLED)

    def end(self, code: int) -> None:
        """Exit, unless a process of the job keeps the container alive; its credentials may be elsewhere by then."""
        if self.storm is None or not self.is_alive:
            return
        name = self.task.task_id[:8]
        if self.storm.happens("credentials-outlive-task", name):
            for seconds in _ORPHAN_SECONDS:
                self.loop.clock.schedule(seconds, self._ask_again)
        if self.claimed_at is not None and self.storm.happens("orphan-claims-again", name):
            self.has_orphan = True
            self.loop.clock.schedule(_ORPHAN_SECONDS[0], self._orphan)
            return
        VirtualContainer.end(self, code)

    def terminate(self) -> None:
        """Take SIGTERM; what a job left behind does not listen to it."""
        if not self.has_orphan:
            VirtualContainer.terminate(self)

    def _orphan(self) -> None:
        if self.is_alive:
            self._ask_again()
            self.loop.clock.schedule(_ORPHAN_REPEATS_SECONDS, self._orphan)

    def _ask_again(self) -> None:
        self.loop.ask_claim(self.caller, lambda _answer: None)

    def _claimed(self, answer: Answer) -> None:
        storm = self.storm
        if storm is None:
            return
        name = f"{self.task.task_id[:8]} {answer.status}"
        if self.is_alive and storm.happens("claim-reply-lost", name):
            self.loop.clock.schedule(_CURL_SECONDS, self.claim)
            return
        VirtualContainer._claimed(self, answer)
        if answer.status == 200 and self.is_alive:
            self.is_deaf = storm.happens("watchdog-dead", name)
            if storm.happens("container-dies-after-claim", name):
                self.loop.clock.schedule(storm.source("moments").uniform(0.0, 8.0), self.crash)
            if storm.happens("container-dies-busy", name):
                self.loop.clock.schedule(storm.source("moments").uniform(8.0, 120.0), self.crash)

    def _watchdog(self) -> None:
        if not self.is_deaf:
            VirtualContainer._watchdog(self)


def meddle_with_containers(storm: Storm) -> None:
    """Let containers be such that anything can happen to them."""
    storm.world.loop.containers.make = partial(ChaosContainer, storm=storm)
