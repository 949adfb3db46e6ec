"""The promises that hold at every moment, watched at the moments when they could be broken."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from local.simulator.chaos.deliveries import rank_in_ledger
from local.simulator.chaos.of_jobs import QueuedJobs
from local.simulator.chaos.secrets import Emitted, secrets_in
from local.simulator.chaos.storm import Storm
from local.simulator.chaos.watch_plans import WatchedPlans
from local.simulator.chaos.watch_queues import WatchedQueues
from local.simulator.containers import VirtualContainers
from local.twin.aws.ecs import TaskView
from local.twin.aws.events import CONTAINER_INSTANCE_CHANGE, INSTANCE_CHANGE, Published
from local.twin.github.model import Runner, RunnerGroup, Scope
from local.twin.github.registry import Registration as Wanted
from slipway.adapters.ledger.items import runner_key
from slipway.domain.admission import not_allowed
from slipway.domain.configuration import Registration
from slipway.domain.identity import TaskIdentity
from slipway.domain.runners import parse_runner_name
from slipway.services.claim import Answer

LOOK_SECONDS: Final = 15.0
# How often all of the ledger is read for what must not be there or must not have happened.
READ_SECONDS: Final = 300.0
_TIMEOUT_SLACK_SECONDS: Final = 1.0
_TASK_ID: Final = re.compile(r"[0-9a-f]{32}")
# The runners that live are all looked at again every few seconds.
_named: Final = lru_cache(maxsize=1_000)(parse_runner_name)


@dataclass(slots=True)
class Watch:
    """Looks at a world from outside, and notes each promise that is broken, once for each thing."""

    storm: Storm
    violations: dict[str, str] = field(default_factory=dict)
    """What was broken, by what it was about."""
    _registered: Counter[str] = field(default_factory=Counter)
    _configs: Counter[str] = field(default_factory=Counter)
    _tasks: dict[str, TaskView] = field(default_factory=dict)
    _ranks: dict[int, int] = field(default_factory=dict)
    _plans: WatchedPlans = field(init=False)
    _emitted: Emitted = field(init=False)
    _queues: WatchedQueues = field(init=False)

    def __post_init__(self) -> None:
        self._emitted = Emitted(self.storm)
        self._plans = WatchedPlans(self.storm, self.broken, self._emitted.plan)

    def broken(self, about: str, what: str) -> None:
        """Note a broken promise."""
        if about not in self.violations:
            self.violations[about] = what
            self.storm.log.tell("VIOLATION", what)

    def begin(self, jobs: QueuedJobs) -> None:
        """Stand at the places where promises can be broken."""
        self._queues = WatchedQueues(self.storm, jobs, self.broken)
        self._queues.begin()
        loop, github = self.storm.world.loop, self.storm.world.github
        loop.aws.ecs.runtime = WatchedContainers(self, loop.containers)
        loop.aws.events.look = self._see_event
        self._watch_claims()
        self._plans.begin()
        registry = github.registry
        register = registry.register

        def registered(scope: Scope, group: RunnerGroup, wanted: Wanted) -> Runner:
            runner = register(scope, group, wanted)
            self._see_registration(runner)
            return runner

        registry.register = registered  # type: ignore[method-assign]
        loop.clock.schedule(LOOK_SECONDS, self._look)
        loop.clock.schedule(READ_SECONDS, self._read)

    def end(self) -> None:
        """Look once more, at what is there when all is over."""
        self._emitted.read()
        self._look_at_states()
        for about, what in self._emitted.found.items():
            self.broken(about, what)
        for body in self._queues.dead_letters():
            self.broken(f"dead/{body}", f"promise 1: given up and not in the ledger: {body[:150]}")

    def started(self, task: TaskView) -> None:
        """Remember a container."""
        self._tasks[task.task_id] = task
        for name in secrets_in(" ".join(task.environment.values())):
            self.broken(f"environment/{name}", f"promise 4: a {name} stands in the environment of a task")
        self.storm.log.tell("ecs", f"container of {task.task_id[:8]} starts on {task.ec2_instance_id}")

    def stopping(self, task_id: str, grace_seconds: float) -> None:
        """Promise 2: no busy runner is stopped, but for its timeout or for a host that AWS takes away."""
        self.storm.log.tell("ecs", f"container of {task_id[:8]} is stopped, {grace_seconds:.0f} s of grace")
        task = self._tasks.get(task_id)
        if task is None or task.ec2_instance_id in self.storm.lost_hosts:
            return
        runner = self._runner_of(task_id)
        if runner is None or runner.job_id is None or self._is_overdue(runner):
            return
        container = self.storm.world.loop.containers.by_task.get(task_id)
        if container is not None and container.is_alive:
            self.broken(f"stop/{task_id}", f"promise 2: {runner.name} was stopped with job {runner.job_id}")

    def _runner_of(self, task_id: str) -> Runner | None:
        registered = self.storm.world.github.registry.by_id.values()
        return next((runner for runner in registered if runner.name.endswith(task_id)), None)

    def _is_overdue(self, runner: Runner) -> bool:
        job = self.storm.world.github.jobs.by_id[runner.job_id or 0]
        named = _named(self.storm.recipe.configuration.deployment, runner.name)
        profile = self.storm.recipe.configuration.profiles[named[0]] if named else None
        began, now = job.now.started_at, self.storm.world.clock.now()
        limit = profile.job_timeout_seconds if profile else 0
        return began is not None and now - began >= limit - _TIMEOUT_SLACK_SECONDS

    def _watch_claims(self) -> None:
        loop = self.storm.world.loop
        ask = loop.ask_claim

        def ask_claim(caller: TaskIdentity, answered: Callable[[Answer], None]) -> None:
            def told(answer: Answer) -> None:
                self._emitted.answer(answer)
                self.storm.log.tell("registrar", f"answers {answer.status} to {caller.task_id[:8]}")
                self._configs[caller.task_id] += answer.status == 200
                if self._configs[caller.task_id] > 1:
                    self.broken(
                        f"configs/{caller.task_id}", f"promise 4: {caller.task_id} got two JIT configs"
                    )
                answered(answer)

            ask(caller, told)

        loop.ask_claim = ask_claim  # type: ignore[method-assign]

    def _see_registration(self, runner: Runner) -> None:
        """One registration a task; what GitHub took back undone may be made once more, under the same name."""
        named = _named(self.storm.recipe.configuration.deployment, runner.name)
        self.storm.log.tell("github", f"registers {runner.name} in {runner.identity.group_name}")
        self._look_for_a_twin(runner)
        if named is None:
            return
        self._plans.registered(runner)
        self._registered[named[1]] += 1
        if self._registered[named[1]] > 1 and self._configs[named[1]]:
            self.broken(
                f"registered/{named[1]}", f"promise 4: {runner.name} was registered after its JIT config"
            )
        self._look_at_its_job(runner, named[1])
        group = self.storm.world.github.registry.group_of(runner)
        if (
            group.default
            and self.storm.recipe.configuration.github.registration is not Registration.REPOSITORY
        ):
            self.broken(
                f"group/{runner.name}", f"promise 5: {runner.name} was minted into group {group.name}"
            )

    def _look_for_a_twin(self, runner: Runner) -> None:
        """One registration a task at a time, whatever it is called: two would take two jobs."""
        task_id = _TASK_ID.search(runner.name)
        for other in self.storm.world.github.registry.by_id.values():
            if task_id and other is not runner and task_id[0] in other.name:
                self.broken(
                    f"twin/{task_id[0]}", f"promise 3: {runner.name} was registered beside {other.name}"
                )

    def _look_at_its_job(self, runner: Runner, task_id: str) -> None:
        """Access: no runner is made for a job of a repository that we refuse."""
        configuration, world = self.storm.recipe.configuration, self.storm.world
        rows = (world.store.get(runner_key(pool, task_id)) for pool in configuration.pools)
        repository = next((row.get("repository", "") for row in rows if row is not None), "")
        if not repository:  # its task has stopped meanwhile, and its row is gone
            return
        organization = repository.partition("/")[0]
        is_public = repository in self.storm.recipe.public
        if not_allowed(organization, repository, configuration.github, is_public=is_public):
            self.broken(f"access/{task_id}", f"promise 4: {runner.name} was made for a job of {repository}")

    def _see_event(self, published: Published) -> None:
        """Look at the limits when an instance changes."""
        event = published.event
        self._emitted.event(published.text)
        self._queues.see(published)
        if event["detail-type"] == INSTANCE_CHANGE:
            state = event["detail"]["state"]
            self.storm.log.tell("ec2", f"{event['detail']['instance-id']} is {state}")
            if state == "pending":
                self._look_at_instances()
        elif event["detail-type"] == CONTAINER_INSTANCE_CHANGE and self.storm.log.keeps_all:
            detail = event["detail"]
            state = f"{detail['status']}, {'' if detail['agentConnected'] else 'dis'}connected"
            self.storm.log.tell("ecs", f"host {detail['ec2InstanceId']} is {state}")

    def _look_at_instances(self) -> None:
        pools = self.storm.recipe.configuration.pools
        running: Counter[str] = Counter()
        for instance in self.storm.world.loop.aws.ec2.live_instances():
            if instance.state in ("pending", "running"):
                running[instance.tags.get("slipway:pool", "")] += 1
        for name, pool in pools.items():
            if running[name] > pool.max_instances:
                self.broken(
                    f"instances/{name}", f"limit: {running[name]} of {pool.max_instances} instances in {name}"
                )

    def _read(self) -> None:
        self._emitted.read()
        self._look_at_states()
        self.storm.world.clock.schedule(READ_SECONDS, self._read)

    def _look_at_states(self) -> None:
        """Section 3: a job's state moves forward only, whatever comes late."""
        for job in self.storm.world.github.jobs.by_id.values():
            before, now = self._ranks.get(job.id, -1), rank_in_ledger(self.storm, job)
            self._ranks[job.id] = now
            if now < before:
                self.broken(
                    f"back/{job.id}", f"job {job.id} moved back in the ledger: from {before} to {now}"
                )

    def _look(self) -> None:
        """Look at the runners: each that lives and holds its registration counts."""
        configuration, world = self.storm.recipe.configuration, self.storm.world
        by_profile: Counter[str] = Counter()
        by_repository: Counter[tuple[str, str]] = Counter()
        for runner in world.github.registry.by_id.values():
            named = _named(configuration.deployment, runner.name)
            container = world.loop.containers.by_task.get(named[1]) if named else None
            if named is None or container is None or not container.is_alive or container.claimed_at is None:
                continue
            by_profile[named[0]] += 1
            if configuration.github.registration is Registration.REPOSITORY:
                by_repository[named[0], runner.scope.name] += 1
        for name, profile in configuration.profiles.items():
            if by_profile[name] > profile.max_runners:
                self.broken(
                    f"runners/{name}", f"limit: {by_profile[name]} of {profile.max_runners} runners of {name}"
                )
            cap = profile.max_runners_per_repository
            for (of, repository), held in by_repository.items():
                if of == name and cap is not None and held > cap:
                    self.broken(
                        f"runners/{name}/{repository}", f"limit: {held} of {cap} runners of {repository}"
                    )
        world.clock.schedule(LOOK_SECONDS, self._look)


@dataclass(slots=True)
class WatchedContainers:
    """Stands between ECS and the containers; implements the ECS twin's ``ContainerRuntime``."""

    watch: Watch
    containers: VirtualContainers

    def start(self, task: TaskView) -> None:
        """Start a container."""
        self.watch.started(task)
        self.containers.start(task)

    def stop(self, task_id: str, grace_seconds: float) -> None:
        """Stop a container."""
        self.watch.stopping(task_id, grace_seconds)
        self.containers.stop(task_id, grace_seconds)
