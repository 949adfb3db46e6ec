"""What is decided: environments to make and to remove, and what is to be remembered of each pull request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from slipway.domain.environments.found import Found, Note, Survey
from slipway.domain.environments.gates import Reading
from slipway.domain.environments.names import EnvironmentKey
from slipway.domain.environments.reasons import Why
from slipway.domain.environments.spec import Spec


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that a plan is made from. ``readings`` are those of this run; ``images`` those that exist."""

    now: float
    readings: Mapping[str, Reading]
    survey: Survey
    images: frozenset[str] = frozenset()
    notes: Mapping[EnvironmentKey, Note] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Make:
    """Make an environment what its spec says, from the parts that it has; without ``deploys`` its service stays.

    ``priority`` is that of the rule, where it has none for its host name yet.
    """

    spec: Spec
    found: Found
    deploys: bool
    priority: int | None = None

    @property
    def stale_families(self) -> tuple[str, ...]:
        """Return the families of task definitions that no service of it has or will have."""
        used = {self.spec.family} if self.deploys else set()
        used |= {self.found.service.family} if self.found.service else set()
        return tuple(sorted(self.found.families - used))

    @property
    def is_needed(self) -> bool:
        """Say whether there is anything to do."""
        group = self.found.target_group
        has_logs = self.found.log_group is not None and self.found.has_retention
        is_whole = has_logs and len(self.found.rules) == 1 and self.priority is None
        is_right = group is not None and group.health_path == self.spec.health_path
        return self.deploys or not is_whole or not is_right or bool(self.stale_families)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, removals first. ``notes`` are to be remembered, ``done`` may be forgotten.

    ``is_limited``: somebody was turned away because there are as many as there may be.
    """

    makes: tuple[Make, ...] = ()
    removes: tuple[Found, ...] = ()
    notes: Mapping[EnvironmentKey, Note] = field(default_factory=dict)
    done: tuple[EnvironmentKey, ...] = ()
    is_limited: bool = False

    @property
    def reasons(self) -> dict[EnvironmentKey, Why]:
        """Return why each pull request that asks has its environment or has none."""
        return {key: note.why for key, note in self.notes.items() if key.number}
