"""Runner registrations: made by a JIT config, ended by their job, by DELETE or by GitHub's clean-up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from local.twin.github.jitconfig import new_secret
from local.twin.github.model import Runner, RunnerGroup, RunnerIdentity, Scope
from local.twin.github.state import World

GROUP_LIMIT = 10_000  # [GH-GROUP-10000]
REGISTRATIONS_PER_WINDOW = 1_500  # [GH-REGISTRATION-1500]
REGISTRATION_WINDOW_SECONDS = 300.0


class NameTakenError(Exception):
    """A runner of this name is registered in the scope."""


class GroupFullError(Exception):
    """The runner group holds as many runners as GitHub allows."""


class RegistrationLimitError(Exception):
    """The scope registered 1,500 runners within five minutes."""

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__("too many runner registrations")
        self.retry_after_seconds = retry_after_seconds


class RunnerBusyError(Exception):
    """The runner has a job and cannot be removed."""


@dataclass(frozen=True, slots=True)
class Registration:
    """The wanted runner of a ``generate-jitconfig`` call."""

    name: str
    labels: tuple[str, ...]
    work_folder: str = "_work"


class Registry:
    """All registered runners by id."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._names: dict[tuple[Scope, str], Runner] = {}
        self._clients: dict[str, Runner] = {}
        self._recent: dict[Scope, deque[float]] = {}
        self._per_group: dict[tuple[Scope, int], int] = {}
        self.by_id: dict[int, Runner] = {}
        self.removed: Callable[[Runner], None] = lambda _: None
        self.group_limit = GROUP_LIMIT
        self.registrations_per_window = REGISTRATIONS_PER_WINDOW
        self.registered_total = 0

    def register(self, scope: Scope, group: RunnerGroup, wanted: Registration) -> Runner:
        """A new ephemeral runner [GH-JIT-SCHEMA].

        Raises ``NameTakenError`` [GH-JIT-409], ``GroupFullError`` [GH-GROUP-10000] or
        ``RegistrationLimitError`` [GH-REGISTRATION-1500].
        """
        if (scope, wanted.name.lower()) in self._names:
            raise NameTakenError(wanted.name)
        if self._per_group.get((scope, group.id), 0) >= self.group_limit:
            raise GroupFullError(group.name)
        self._note_registration(scope)
        world = self._world
        runner = Runner(
            identity=RunnerIdentity(world.new_id(), wanted.name, group.id, group.name),
            scope=scope,
            labels=wanted.labels,
            created_at=world.clock.now(),
            client_id=world.new_guid(),
            secret=new_secret(world.rng),
            work_folder=wanted.work_folder,
        )
        self._add(runner)
        self.expire_unless_connected(runner)
        return runner

    def of_scope(self, scope: Scope) -> list[Runner]:
        return [runner for runner in self.by_id.values() if runner.scope == scope]

    def by_client(self, client_id: str) -> Runner | None:
        return self._clients.get(client_id)

    def group_of(self, runner: Runner) -> RunnerGroup:
        return self._world.groups_of(runner.scope)[runner.identity.group_id]

    def delete(self, runner: Runner) -> None:
        """Remove on request; raises ``RunnerBusyError`` while the runner has a job [GH-DELETE-422]."""
        if runner.job_id is not None:
            raise RunnerBusyError(runner.name)
        self.remove(runner)

    def remove(self, runner: Runner) -> None:
        """Remove without a question, as the service does after an ephemeral runner's job."""
        if self.by_id.pop(runner.id, None) is None:
            return
        runner.online = False
        del self._names[runner.scope, runner.name.lower()]
        del self._clients[runner.client_id]
        self._per_group[runner.scope, runner.identity.group_id] -= 1
        self.removed(runner)

    def expire_unless_connected(self, runner: Runner) -> None:
        """Remove an ephemeral runner that stays away for one day [GH-JIT-1DAY]."""

        since = runner.offline_since = self._world.clock.now()

        def expire() -> None:
            if not runner.online and runner.job_id is None and runner.offline_since == since:
                self.remove(runner)

        self._world.clock.schedule(self._world.timers.ephemeral_unconnected, expire)

    def _add(self, runner: Runner) -> None:
        key = (runner.scope, runner.identity.group_id)
        self.by_id[runner.id] = runner
        self._names[runner.scope, runner.name.lower()] = runner
        self._clients[runner.client_id] = runner
        self._per_group[key] = self._per_group.get(key, 0) + 1
        self.registered_total += 1

    def _note_registration(self, scope: Scope) -> None:
        now = self._world.clock.now()
        recent = self._recent.setdefault(scope, deque())
        while recent and recent[0] <= now - REGISTRATION_WINDOW_SECONDS:
            recent.popleft()
        if len(recent) >= self.registrations_per_window:
            raise RegistrationLimitError(recent[0] + REGISTRATION_WINDOW_SECONDS - now)
        recent.append(now)
