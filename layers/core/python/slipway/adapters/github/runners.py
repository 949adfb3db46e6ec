"""Registering and removing runners at the three levels of GitHub."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from slipway.adapters.github.credentials import Bearer, Credentials, shown
from slipway.adapters.github.http import PAGE_SIZE, GitHubApi, repeatable
from slipway.adapters.github.registrations import registration, scope_path
from slipway.adapters.github.runner_groups import RunnerGroups
from slipway.domain.configuration import GitHubTarget
from slipway.domain.configuration import Registration as Level
from slipway.domain.errors import (
    NotYetError,
    RefusedError,
    SlipwayError,
    ThrottledError,
    UnavailableError,
    UnknownOutcomeError,
)
from slipway.domain.labels import UNLABELLED
from slipway.domain.reach import EVERYONE, reach_of
from slipway.domain.runners import Registration
from slipway.domain.snapshot import WaitingJob
from slipway.domain.turns import pace_of
from slipway.ports.clock import Clock
from slipway.ports.github import JitConfig, Removal
from slipway.ports.ledger import Turns

_PERHAPS_ITS_OWNER_S = {"403", "404"}  # nobody may: then it is about the job's place [GH-404-HIDDEN]
_GROUP_MAY_BE_GONE = {"404", "422"}  # what a mint into a group that was deleted can be refused with


class GitHubRunners:
    """Implements ``ports.github.RunnerService``."""

    def __init__(
        self,
        api: GitHubApi,
        github: GitHubTarget,
        credentials: Credentials,
        groups: RunnerGroups,
        turns: Turns,
        *,
        clock: Clock,
    ) -> None:
        self._api = api
        self._github = github
        self._credentials = credentials
        self._groups = groups
        self._turns = turns
        self._clock = clock

    def mint(self, job: WaitingJob, name: str) -> JitConfig:
        """Register a runner for the labels of a job, where only its organization can use it.

        JIT registers exactly the labels given, no default ones [GH-JIT-LABELS].
        """
        place = self._place(reach_of(self._github, job.organization, job.repository), job.organization)
        bearers = self._bearers(place, job)
        number = self._take_turn(bearers, job, name)
        untried = deque(bearers)
        untried.rotate(-number)
        refused: list[tuple[Bearer, RefusedError]] = []
        while True:
            bearer = untried.popleft()
            try:
                config = self._mint(job, name, place, bearer)
            except ThrottledError as fault:
                self._credentials.rest(bearer, fault.retry_after_seconds)
                if not untried:
                    raise
            except RefusedError as fault:
                if fault.code == "401":
                    fresh = self._credentials.refuse(bearer, str(fault))
                    if fresh is not None and bearer in bearers:  # a new one is not replaced in turn
                        untried.appendleft(fresh)
                elif fault.code in _PERHAPS_ITS_OWNER_S:
                    refused.append((bearer, fault))
                else:
                    raise
                if not untried:
                    raise
            else:
                self._tell(refused)
                return config

    def _tell(self, refused: list[tuple[Bearer, RefusedError]]) -> None:
        """Tell of those whom GitHub refused what it then granted to another: it was about them, not about the job."""
        for bearer, fault in refused:
            with suppress(SlipwayError):  # the runner is registered, whatever becomes of this
                self._credentials.refuse(bearer, str(fault))

    def calls_left(self) -> Mapping[str, int]:
        """Return how many calls GitHub leaves this hour to the owner of each credential, as its answers last told."""
        return self._credentials.calls_left()

    def remove(self, runner_id: int, reach: str) -> Removal:
        """Remove a registration unless its runner is busy; one that is already gone is gone.

        A 404 is believed only where the place itself is shown: what a token may no longer see is answered with 404
        too, a busy runner among it [GH-404-HIDDEN].
        """
        runners = self._runners(reach)
        try:
            with shown(self._credentials, reach) as token, repeatable():
                try:
                    self._api.call("DELETE", f"{runners}/{runner_id}", token)
                except RefusedError as fault:
                    if fault.code == "422":
                        return Removal.BUSY
                    if fault.code != "404":
                        raise
                    self._api.call("GET", runners, token, params={"per_page": 1})
        except RefusedError as fault:
            raise UnavailableError(str(fault)) from fault
        return Removal.GONE

    def find(self, name: str, reach: str) -> Registration | None:
        """Return the registration of this name, if there is one."""
        try:
            with shown(self._credentials, reach) as token:
                found = self._named(self._runners(reach), name, token)
        except RefusedError as fault:
            raise UnavailableError(str(fault)) from fault
        return registration(found[0], reach, self._github.deployment) if found else None

    def _bearers(self, place: str, job: WaitingJob) -> tuple[Bearer, ...]:
        """Get who may mint before anything is minted: whatever fails here has minted nothing for sure."""
        with repeatable():
            return self._credentials.bearers(place, job.installation_id)

    def _take_turn(self, bearers: tuple[Bearer, ...], job: WaitingJob, name: str) -> int:
        """Wait for the runner's turn, and return its number in the order of turns.

        In an enterprise each organization queues by itself, so that the flood of one waits behind itself, and then
        with all others. Where several owners share it their turns go round, so that each keeps to its own limit too.

        Raises:
            NotYetError: others come first; it says for how long.
        """
        queues = [bearers[0].owner]
        if self._github.registration is Level.ENTERPRISE:
            shared = f"enterprise/{self._github.enterprise}"
            queues = [f"{shared}/{job.organization.lower()}", shared]
        now = self._clock.now()
        with repeatable():
            turn = self._turns.take(queues, name, pace_of(len(bearers)), now)
        if turn.number is None or turn.at > now:
            wait = max(1, math.ceil(turn.at - now))
            raise NotYetError(f"registering in {queues[-1]}: others come first", retry_after_seconds=wait)
        return turn.number

    def _mint(self, job: WaitingJob, name: str, place: str, bearer: Bearer) -> JitConfig:
        def token() -> str:
            return bearer.value

        body = {
            "name": name,
            "runner_group_id": self._group_id(job, token),
            "labels": list(job.labels) or [UNLABELLED],
            "work_folder": "_work",
        }
        path = self._runners(place)
        try:
            reply = self._api.call(
                "POST",
                f"{path}/generate-jitconfig",
                token,
                json=body,
                hear=lambda headers: self._credentials.hear(bearer, headers),
            )
        except RefusedError as fault:
            if fault.code == "409":
                return self._after_doubt(path, name, token, fault)
            if fault.code in _GROUP_MAY_BE_GONE:
                self._groups.forget(job)
            raise
        except UnknownOutcomeError as fault:
            return self._after_doubt(path, name, token, fault)
        return JitConfig(int(reply["runner"]["id"]), reply["encoded_jit_config"])

    def _group_id(self, job: WaitingJob, token: Callable[[], str]) -> int:
        """Find the group before anything is minted."""
        with repeatable():
            return self._groups.group_id(job, token)

    def _after_doubt(self, path: str, name: str, token: Callable[[], str], doubt: Exception) -> JitConfig:
        """Find out whether a mint whose reply failed did register a runner, and take it back if so.

        A name that exists is often our own first try, which failed for us but not for GitHub [GH-JIT-409]: nobody
        has its JIT config, so nobody can run it, and a runner that is online or busy is left to whoever does. Only
        an answered failure that left no registration is known to have minted nothing: a request whose reply was
        lost may still be on its way.
        """
        try:
            ours = self._named(path, name, token)
            if any(item["status"] == "online" or item["busy"] for item in ours):
                raise RefusedError(f"{name} is a runner that somebody runs", code="409")
            for item in ours:
                self._api.call("DELETE", f"{path}/{item['id']}", token)
        except SlipwayError as fault:
            # A throttled or refused look-up clears up nothing: it must not pass for a mint that never was.
            raise UnknownOutcomeError(f"{doubt}; then {fault}") from doubt
        if not ours and isinstance(doubt, UnknownOutcomeError) and doubt.answered:
            raise UnavailableError(f"{doubt}; no runner was registered") from doubt
        raise UnknownOutcomeError(f"{doubt}; the registration was taken back") from doubt

    def _named(self, path: str, name: str, token: Callable[[], str]) -> list[dict[str, Any]]:
        reply = self._api.call("GET", path, token, params={"name": name, "per_page": PAGE_SIZE})
        return [item for item in reply["runners"] if item["name"] == name]

    def _place(self, reach: str, organization: str) -> str:
        return organization.lower() if reach == EVERYONE else reach

    def _runners(self, place: str) -> str:
        return f"{scope_path(self._github, place)}/actions/runners"
