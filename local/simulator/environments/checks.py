"""What must be true of environments, judged by what GitHub and AWS truly hold and not by our own plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from local.simulator.environments.world import EnvironmentWorld
from local.twin.aws.elbv2 import Rule
from local.twin.github.pulls import PullRequest
from slipway.domain.environments.names import is_resource_name, key_of_log_group, resource_name

SETTLED_SECONDS: Final = 1_200.0
"""By when it must show what changed: a sweep comes every 5 minutes, tasks take a few to start and to stop."""


class Wanted(Enum):
    """Whether an environment should exist. ``MAY`` where both are right: an older commit may run on."""

    MUST = "must"
    MUST_NOT = "must not"
    MAY = "may"


@dataclass(slots=True)
class _Seen:
    wanted: Wanted
    since: float
    commit: str
    asked_at: float


@dataclass(slots=True)
class EnvironmentWatch:
    """Looks again and again, and keeps what was wrong for longer than anything may take."""

    world: EnvironmentWorld
    violations: list[str] = field(default_factory=list)
    most_at_once: int = 0
    _seen: dict[int, _Seen] = field(default_factory=dict)

    def look(self, *, strictly: bool = True) -> None:
        """Compare what exists with what should; without ``strictly`` what is wrong for a while is passed over."""
        served = self.served()
        self.most_at_once = max(self.most_at_once, len(served))
        for address, times in Counter(self.addresses()).items():
            if times > 1:
                self._wrong(f"{times} rules for {address}")
        now = self.world.clock.now()
        wrong = []
        for pull in self.world.pulls():
            seen = self._note(pull, now)
            is_settled = now - seen.since > SETTLED_SECONDS
            is_there = self.world.name_of(pull) in served
            if strictly and is_settled and seen.wanted is Wanted.MUST and not is_there:
                wrong.append(f"{_shown(pull)} has none")
            if strictly and is_settled and seen.wanted is Wanted.MUST_NOT and is_there:
                self._wrong(f"{_shown(pull)} has one")
        if len(served) < self.world.settings.most:
            for what in wrong:
                self._wrong(what)
        if len(served) > self.world.settings.most:
            self._wrong(f"{len(served)} environments, {self.world.settings.most} at most")

    def served(self) -> set[str]:
        """Return the names of the services that are not on their way out."""
        return {one.name for one in self.world.aws.ecs.services.live() if one.status == "ACTIVE"}

    def addresses(self) -> Iterator[str]:
        """Yield the host name of each rule of ours."""
        for _name, rule in self._rules():
            yield from rule.conditions[0]["HostHeaderConfig"]["Values"]

    def _rules(self) -> Iterator[tuple[str, Rule]]:
        """Yield our rules with the names of the target groups that they send to."""
        for listener in self.world.aws.elbv2.listeners.values():
            for rule in listener.rules.values():
                for name in (arn.split("/")[1] for arn in rule.target_groups):
                    if self._is_ours(name):
                        yield name, rule

    def leaks(self) -> list[str]:
        """Return every part that belongs to no environment that exists, or that is there twice; and notes of nobody."""
        served, world = self.served(), self.world
        parts = [*self.parts()]
        leaks = [f"{kind} {name} is left over" for kind, name in parts if name not in served]
        leaks += [f"{kind} {name} {n} times" for (kind, name), n in Counter(parts).items() if n > 1]
        for name in sorted(served):
            kinds = {kind for kind, of in parts if of == name}
            leaks += [f"{name} has no {kind}" for kind in sorted({*_KINDS} - kinds)]
        asking = {
            world.name_of(pull)
            for pull in world.pulls()
            if pull.state == "open" and world.settings.label in pull.labels
        }
        leaks += [f"note {name} is left over" for name in sorted(self.notes() - asking)]
        return leaks

    def parts(self) -> Iterator[tuple[str, str]]:
        """Yield every part but services: its kind, and the name of the environment that it is of."""
        aws, deployment = self.world.aws, self.world.settings.deployment
        for name, _rule in self._rules():
            yield "rule", name
        for group in aws.elbv2.target_groups.values():
            if self._is_ours(group.name):
                yield "target group", group.name
        for log_group in aws.logs.groups:
            key = key_of_log_group(deployment, log_group)
            if key is not None:
                yield "log group", resource_name(deployment, key)
        families = aws.ecs.list_task_definition_families(familyPrefix=deployment, status="ACTIVE")["families"]
        for family in families:
            if self._is_ours(family.rpartition("-")[0]):
                yield "task definition", family.rpartition("-")[0]

    def notes(self) -> set[str]:
        """Return the names of the environments of which something is remembered."""
        items: list[dict[str, Any]] = self.world.aws.dynamodb.scan(TableName="slipway")["Items"]
        keys = [item["key"]["S"] for item in items if item["sk"]["S"].startswith("NOTE#")]
        return {self._name(key) for key in keys if not key.endswith("#0")}

    def _name(self, text: str) -> str:
        repository, _, number = text.rpartition("#")
        return next(
            (
                self.world.name_of(pull)
                for pull in self.world.pulls()
                if (pull.repository.full_name.lower(), str(pull.number)) == (repository, number)
            ),
            text,
        )

    def _is_ours(self, name: str) -> bool:
        return is_resource_name(self.world.settings.deployment, name)

    def _note(self, pull: PullRequest, now: float) -> _Seen:
        """Keep since when the same is true of a pull request."""
        wanted = self._wanted(pull, now)
        seen = self._seen.get(pull.id)
        if seen is None:
            seen = self._seen[pull.id] = _Seen(wanted, now, pull.head_sha, now)
        if (seen.wanted, seen.commit) != (wanted, pull.head_sha):
            was_over = seen.wanted is Wanted.MUST_NOT
            asked_at = now if was_over or seen.commit != pull.head_sha else seen.asked_at
            seen = self._seen[pull.id] = _Seen(wanted, now, pull.head_sha, asked_at)
        return seen

    def wanted(self, pull: PullRequest) -> Wanted:
        """Say whether a pull request's environment should exist, were there room for all."""
        return self._wanted(pull, self.world.clock.now())

    def _wanted(self, pull: PullRequest, now: float) -> Wanted:
        settings, world = self.world.settings, self.world
        is_open = pull.state == "open" and settings.label in pull.labels and pull.source == "branch"
        if not is_open or (pull.draft and not settings.drafts):
            return Wanted.MUST_NOT
        seen = self._seen.get(pull.id)
        if seen and seen.commit == pull.head_sha and settings.keep_label not in pull.labels:
            age = now - seen.asked_at
            if age > settings.time_to_live_seconds - SETTLED_SECONDS:
                is_over = age > settings.time_to_live_seconds + SETTLED_SECONDS
                return Wanted.MUST_NOT if is_over else Wanted.MAY
        return Wanted.MUST if world.has_image(pull, that_can_be_pulled=True) else Wanted.MAY

    def _wrong(self, what: str) -> None:
        self.violations.append(f"at {self.world.clock.now():.0f}: {what}")


_KINDS = ("rule", "target group", "log group", "task definition")


def _shown(pull: PullRequest) -> str:
    about = [pull.state, pull.source, *(["draft"] if pull.draft else []), *pull.labels]
    return f"{pull.repository.full_name}#{pull.number} ({', '.join(about)})"
