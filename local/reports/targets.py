"""Whether the wait that was aimed at was kept, for whom, and what it was lost to. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from local.reports.accounts import quantile
from local.reports.waits import Wait
from slipway.domain.configuration import Profile, WaitTarget
from slipway.domain.schedules import is_within

KEPT = 0.9  # of the jobs: the target is a p90
FEWEST_JOBS = 10  # of fewer, nine in ten says nothing


@dataclass(frozen=True, slots=True)
class Target:
    """How a profile's target was kept for one organization, in the hours in which it counts.

    ``without_top`` is the p90 without the workflow that missed it most often: one workflow must not decide. ``lost_to``
    are minutes over the target by phase of the wait, ``held_by`` by the plan's reasons, the most first.
    """

    profile: str
    organization: str
    target_seconds: int
    jobs: int
    p90: float
    top: str | None
    without_top: float | None
    lost_to: tuple[tuple[str, float], ...]
    held_by: tuple[tuple[str, float], ...] = ()

    @property
    def is_met(self) -> bool:
        """Say whether nine in ten jobs waited no longer than the target."""
        return self.p90 <= self.target_seconds

    @property
    def is_met_without_top(self) -> bool:
        """Say whether it was, but for one workflow."""
        return self.is_met or (self.without_top is not None and self.without_top <= self.target_seconds)


def targets(waits: Iterable[Wait], profiles: Mapping[str, Profile]) -> list[Target]:
    """Judge each profile that has a target, for all together (``*``) and for each organization."""
    groups: dict[tuple[str, str], list[Wait]] = defaultdict(list)
    for wait in waits:
        profile = profiles.get(wait.job.profile)
        if profile is None or profile.wait_target is None:
            continue
        if is_within(profile.wait_target.hours, wait.job.queued_at):
            groups[profile.name, "*"].append(wait)
            groups[profile.name, wait.job.job.organization].append(wait)
    found = []
    for (name, organization), group in sorted(groups.items()):
        target = profiles[name].wait_target
        if target is not None:
            found.append(_judged(name, organization, target, group))
    return found


def _judged(profile: str, organization: str, target: WaitTarget, group: list[Wait]) -> Target:
    limit = target.p90_wait_seconds
    missed = Counter(_workflow(wait) for wait in group if wait.seconds > limit)
    top = min(missed, key=lambda name: (-missed[name], name), default=None)
    rest = [wait.seconds for wait in group if _workflow(wait) != top] if top else []
    return Target(
        profile=profile,
        organization=organization,
        target_seconds=limit,
        jobs=len(group),
        p90=quantile((wait.seconds for wait in group), KEPT) or 0.0,
        top=top,
        without_top=quantile(rest, KEPT),
        lost_to=_most_first(_lost_to(wait, limit) for wait in group),
        held_by=_most_first(_over(wait, wait.held_by, limit) for wait in group),
    )


def _lost_to(wait: Wait, limit: int) -> Mapping[str, float]:
    return _over(wait, wait.phases or {"unknown": wait.seconds}, limit)


def _over(wait: Wait, parts: Mapping[str, float], limit: int) -> Mapping[str, float]:
    """Split what a wait was over the target by its parts, in proportion."""
    over = wait.seconds - limit
    return {name: over * part / wait.seconds for name, part in parts.items()} if over > 0 else {}


def _most_first(lost: Iterable[Mapping[str, float]]) -> tuple[tuple[str, float], ...]:
    """Add up seconds by name; return minutes."""
    seconds: dict[str, float] = defaultdict(float)
    for parts in lost:
        for name, part in parts.items():
            seconds[name] += part
    found = [(name, part / 60) for name, part in seconds.items() if part > 0]
    return tuple(sorted(found, key=lambda item: (-item[1], item[0])))


def _workflow(wait: Wait) -> str:
    return f"{wait.job.repository} {wait.job.workflow}".rstrip()
