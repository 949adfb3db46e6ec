"""Where RunTask puts a task, and why it puts it nowhere: pure over the records."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.twin.aws.ecs.query import Matches, compile_query
from local.twin.aws.ecs.records import ContainerInstance
from local.twin.aws.errors import AwsFault

MEMBER_OF_UNSATISFIED = "MemberOf placement constraint unsatisfied."


@dataclass(frozen=True, slots=True)
class Placement:
    """What one RunTask asks of an instance; `gpus` by the name of the container that needs them."""

    cpu: int
    memory: int
    gpus: Mapping[str, int]
    group: str
    cpu_architecture: str | None
    members: tuple[Matches, ...]
    is_distinct: bool
    strategies: tuple[tuple[str, str], ...]

    def fits(self, instance: ContainerInstance) -> bool:
        """Whether the task fits; room is looked at first, for most instances of a busy cluster have none left."""
        has_room = instance.cpu_free >= self.cpu and instance.memory_free >= self.memory
        return has_room and self.refusal(instance) is None

    def refusal(self, instance: ContainerInstance) -> str | None:
        """The failure reason for this instance, or None when the task fits [ECS-FAILURE-REASONS] [ECS-GPU]."""
        for matches in self.members:
            if not matches(instance):
                return MEMBER_OF_UNSATISFIED
        if not self._has_attributes(instance):
            return "ATTRIBUTE"
        if not instance.agent_connected:
            return "AGENT"
        if not self._is_free_of_group(instance):
            return "DistinctInstance placement constraint unsatisfied."
        if instance.cpu_free < self.cpu:
            return "RESOURCE:CPU"
        if instance.memory_free < self.memory:
            return "RESOURCE:MEMORY"
        if self.gpus and len(instance.gpus_free) < sum(self.gpus.values()):
            return "RESOURCE:GPU"
        return None

    def choose(self, fitting: Sequence[ContainerInstance], rng: random.Random) -> ContainerInstance:
        """Apply the strategies in order; what they leave equal is chosen at random [ECS-STRATEGIES]."""
        left = list(fitting)
        for kind, attribute in self.strategies:
            if kind == "binpack":
                left = _least(left, lambda i, a=attribute: _remaining(i, a))  # type: ignore[misc]
            elif kind == "spread":
                crowd = self._crowds(fitting, attribute)
                left = _least(left, lambda i, a=attribute, c=crowd: c[_spread_value(i, a)])  # type: ignore[misc]
        return left[0] if len(left) == 1 else rng.choice(sorted(left, key=lambda i: i.arn))

    def pinned_gpus(self, instance: ContainerInstance) -> dict[str, tuple[str, ...]]:
        """Which free GPUs of the instance each container gets."""
        free = iter(instance.gpus_free)
        return {container: tuple(itertools.islice(free, count)) for container, count in self.gpus.items()}

    def _has_attributes(self, instance: ContainerInstance) -> bool:
        wanted = self.cpu_architecture
        return wanted is None or instance.attributes.get("ecs.cpu-architecture") == wanted

    def _is_free_of_group(self, instance: ContainerInstance) -> bool:
        return not self.is_distinct or all(task.group != self.group for task in instance.tasks.values())

    def _crowds(self, instances: Sequence[ContainerInstance], attribute: str) -> dict[str, int]:
        crowds: dict[str, int] = {}
        for instance in instances:
            value = _spread_value(instance, attribute)
            mates = sum(1 for task in instance.tasks.values() if task.group == self.group)
            crowds[value] = crowds.get(value, 0) + mates
        return crowds


def _least(
    instances: list[ContainerInstance], key: Callable[[ContainerInstance], int]
) -> list[ContainerInstance]:
    smallest = min(key(instance) for instance in instances)
    return [instance for instance in instances if key(instance) == smallest]


def _remaining(instance: ContainerInstance, attribute: str) -> int:
    return instance.cpu_free if attribute.lower() == "cpu" else instance.memory_free


def _spread_value(instance: ContainerInstance, attribute: str) -> str:
    if attribute in {"instanceId", "host", ""}:
        return instance.ec2_instance_id
    return instance.attributes.get(attribute.removeprefix("attribute:"), "")


def parse_constraints(constraints: Sequence[dict[str, Any]]) -> tuple[tuple[Matches, ...], bool]:
    """The memberOf predicates, and whether distinctInstance is asked for [ECS-LIMITS-RUNTASK]."""
    if len(constraints) > 10:
        raise AwsFault("InvalidParameterException", "At most 10 placement constraints may be specified.")
    members = []
    for constraint in constraints:
        if constraint.get("type") == "distinctInstance":
            continue
        expression = constraint.get("expression", "")
        if constraint.get("type") != "memberOf" or not expression or len(expression) > 2000:
            raise AwsFault(
                "InvalidParameterException",
                "Invalid placement constraint: memberOf needs 1 to 2000 characters.",
            )
        members.append(compile_query(expression))
    return tuple(members), any(c.get("type") == "distinctInstance" for c in constraints)


def parse_strategies(strategies: Sequence[dict[str, Any]]) -> tuple[tuple[str, str], ...]:
    """(type, field) pairs in the order given."""
    if len(strategies) > 5:
        raise AwsFault("InvalidParameterException", "At most 5 placement strategies may be specified.")
    for strategy in strategies:
        kind, attribute = strategy.get("type"), str(strategy.get("field", "")).lower()
        if kind not in {"binpack", "spread", "random"} or (
            kind == "binpack" and attribute not in {"cpu", "memory"}
        ):
            raise AwsFault("InvalidParameterException", f"Invalid placement strategy: {kind} {attribute}")
    return tuple((s["type"], str(s.get("field", ""))) for s in strategies)
