"""What exists of environments in AWS, by name, and what is remembered of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from slipway.domain.environments.names import EnvironmentKey
from slipway.domain.environments.reasons import Why


@dataclass(frozen=True, slots=True)
class FoundService:
    """An ECS service; ``family`` is that of its task definition. ``is_draining`` until a deleted one is gone.

    ``has_failures`` when tasks of its newest deployment failed, ``is_steady`` when that deployment is over.
    """

    family: str
    running: int
    is_draining: bool = False
    is_steady: bool = False
    has_failures: bool = False


@dataclass(frozen=True, slots=True)
class FoundRule:
    """A rule of the listener that forwards to a target group of ours."""

    arn: str
    host: str
    priority: int


@dataclass(frozen=True, slots=True)
class FoundTargetGroup:
    """A target group of ours."""

    arn: str
    health_path: str


@dataclass(frozen=True, slots=True)
class Found:
    """The parts of one environment that are there. ``families`` are those with an active task definition.

    ``has_retention`` when the log group keeps its lines for as long as configured.
    """

    name: str
    key: EnvironmentKey | None = None
    service: FoundService | None = None
    rules: tuple[FoundRule, ...] = ()
    target_group: FoundTargetGroup | None = None
    log_group: str | None = None
    has_retention: bool = True
    families: frozenset[str] = frozenset()

    @property
    def is_empty(self) -> bool:
        """Say whether nothing is left of it."""
        return not (self.service or self.rules or self.target_group or self.log_group or self.families)

    @property
    def is_on_its_way_out(self) -> bool:
        """Say whether nothing is left of it but a service that was deleted."""
        return self.service is not None and replace(self, service=None).is_empty and not self.is_served

    @property
    def is_served(self) -> bool:
        """Say whether it takes a place: it has a service that is not on its way out."""
        return self.service is not None and not self.service.is_draining


@dataclass(frozen=True, slots=True)
class ForeignRule:
    """A rule of the listener that is none of ours: its host patterns, and where it stands."""

    hosts: tuple[str, ...]
    priority: int


@dataclass(frozen=True, slots=True)
class Survey:
    """Everything of ours that AWS shows, and the listener's other rules."""

    found: Mapping[str, Found] = field(default_factory=dict)
    foreign: tuple[ForeignRule, ...] = ()

    @property
    def priorities(self) -> set[int]:
        """Return the priorities that are used."""
        ours = {rule.priority for found in self.found.values() for rule in found.rules}
        return ours | {rule.priority for rule in self.foreign}


@dataclass(frozen=True, slots=True)
class Note:
    """What is remembered of a pull request that asks for an environment: what AWS and GitHub cannot tell.

    ``since`` is when its ``commit`` was first wanted, ``failing_since`` when none of its tasks was seen to run.
    Number 0 is the repository itself, ``failing_since`` then when GitHub first knew it no more.
    """

    key: EnvironmentKey
    commit: str
    since: float
    why: Why
    failing_since: float | None = None
    comment_id: int | None = None
    told: str = ""
    deployment_id: int | None = None
    deployed: str = ""

    def about(self, why: Why) -> Note:
        """Return it with another reason."""
        return replace(self, why=why)
