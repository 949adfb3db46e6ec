"""What plans say, held against the world: a reason for every job, fair shares, no job about to start for ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from local.simulator.chaos.storm import Storm
from local.twin.github.model import Runner
from slipway.adapters.ledger.items import pool_key, runner_key
from slipway.adapters.ledger.notes import GITHUB
from slipway.domain.jobs import JobKey
from slipway.domain.plan import Plan
from slipway.domain.reach import reach_of
from slipway.domain.reasons import Why
from slipway.domain.runners import parse_runner_name
from slipway.services.converge import Converged

#: A convergence ends with its function: what has waited for longer was there when its plan was made.
PLANNED_WITHIN_SECONDS: Final = 90.0
#: How often a job may be passed over by who holds more: offers are as old as the last plan, and claims come later.
PASSED_OVER: Final = 20
#: How long, once all is calm, a job may be about to start: what hangs is given up meanwhile, and made anew.
STARTS_WITHIN_SECONDS: Final = 1_800.0
_SCARCE: Final = {
    Why.INSTANCE_STARTING,
    Why.POOL_LIMIT,
    Why.PROFILE_LIMIT,
    Why.FAIR_SHARE,
    Why.NO_CAPACITY,
    Why.LAUNCHES_FAIL,
}
_ABOUT_TO_START: Final = {
    Why.RUNNER_IDLE,
    Why.TASK_STARTING,
    Why.INSTANCE_STARTING,
    Why.AWAITING_TURN,
    Why.START_RAMP,
}


@dataclass(slots=True)
class WatchedPlans:
    """Remembers each pool's last plan, and looks at it when it is made and when a runner is registered."""

    storm: Storm
    broken: Callable[[str, str], None]
    read: Callable[[Plan], None]
    _plans: dict[str, Plan] = field(default_factory=dict)
    _waiting_since: dict[str, dict[str, float]] = field(default_factory=dict)
    """By pool, and there by the text of the job's key, as everything here: a text keeps its hash, a key does not."""
    _starting_since: dict[str, float] = field(default_factory=dict)
    _keys: dict[str, JobKey] = field(default_factory=dict)
    _passed_over: Counter[JobKey] = field(default_factory=Counter)

    def begin(self) -> None:
        """Hear of every convergence."""
        self.storm.world.loop.converged = self._see

    def registered(self, runner: Runner) -> None:
        """Promise 5: who holds less for its weight, and waits for the same room, is not passed over again and again."""
        configuration = self.storm.recipe.configuration
        named = parse_runner_name(configuration.deployment, runner.name)
        if named is None:
            return
        pool = configuration.profiles[named[0]].pool
        row, plan = self.storm.world.store.get(runner_key(pool, named[1])), self._plans.get(pool)
        if row is None or plan is None or "organization" not in row:
            return
        own, others = row["organization"].lower(), []
        for key, item in self._waiting(pool):
            other = item["organization"].lower()
            if other == own or item["shape"] != row["shape"]:
                continue
            reason = plan.reasons.get(key)
            if reason is not None and reason.code in _SCARCE:
                others.append((key, other, item["repository"]))
        if not others:
            return
        held, weights = self._held(pool, runner), configuration.fairness.weights
        share = held[own] / weights.get(own, 1)
        for key, other, repository in others:
            is_behind = (held[other] + 1) / weights.get(other, 1) < share
            if is_behind and not self._is_refused(pool, other, repository):
                self._pass_over(key, own)

    def _is_refused(self, pool: str, organization: str, repository: str) -> bool:
        """Say whether GitHub refuses an organization's runners, which a plan may know that nobody has told of yet.

        What is noted of it lies here for ever, and says nothing any more once a try is overdue.
        """
        reach = reach_of(self.storm.recipe.configuration.github, organization, repository)
        note = self.storm.world.store.get(pool_key(pool, f"{GITHUB}#{reach}"))
        return note is not None and bool(note["until"] > self.storm.world.clock.now())

    def _pass_over(self, key: JobKey, by: str) -> None:
        self._passed_over[key] += 1
        if self._passed_over[key] > PASSED_OVER:
            self.broken(
                f"share/{key}",
                f"promise 5: {key} was passed over by {PASSED_OVER} runners of those who hold more, the last of {by}",
            )

    def _held(self, pool: str, new: Runner) -> Counter[str]:
        """Count the runners that organizations have in a pool by GitHub's word, but for the one that is new."""
        configuration = self.storm.recipe.configuration
        held: Counter[str] = Counter()
        for runner in self.storm.world.github.registry.by_id.values():
            named = parse_runner_name(configuration.deployment, runner.name)
            if named is None or runner is new or configuration.profiles[named[0]].pool != pool:
                continue
            row = self.storm.world.store.get(runner_key(pool, named[1]))
            if row is not None and "organization" in row:
                held[row["organization"].lower()] += 1
        return held

    def _see(self, converged: Converged) -> None:
        if not converged.plans:
            return
        pool, plan, now = converged.pool, converged.plans[-1], self.storm.world.clock.now()
        self._plans[pool] = plan
        for made in converged.plans:
            self.read(made)
        before, waiting = self._waiting_since.get(pool, {}), {}
        for key, item in self._waiting(pool):
            text = item["key"]
            since = waiting[text] = before.get(text, now)
            reason = plan.reasons.get(key)
            if reason is None:
                if now - since > PLANNED_WITHIN_SECONDS:
                    self.broken(f"reason/{key}", f"promise 7: {key} waits in {pool} and no plan says why")
            elif self.storm.is_over and reason.code in _ABOUT_TO_START:
                began = self._starting_since.setdefault(text, now)
                if now - began > STARTS_WITHIN_SECONDS:
                    self.broken(
                        f"starts/{key}", f"promise 1: {key} is {reason.code} for {now - began:.0f} s of calm"
                    )
            elif self._starting_since:
                self._starting_since.pop(text, None)
        self._waiting_since[pool] = waiting
        for text in before.keys() - waiting.keys():
            self._starting_since.pop(text, None)

    def _waiting(self, pool: str) -> list[tuple[JobKey, dict[str, Any]]]:
        """Return the jobs that wait in a pool by the ledger, as they lie there."""
        partition = self.storm.world.store.partitions.get(f"POOL#{pool}")
        items = (
            [item for name, item in partition.items.items() if name.startswith("JOB#")] if partition else []
        )
        keys = self._keys
        for item in items:
            if item["key"] not in keys:
                keys[item["key"]] = JobKey.parse(item["key"])
        return [(keys[item["key"]], item) for item in items]
