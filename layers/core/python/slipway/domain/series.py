"""Which organizations have a series of their own in the metrics: each costs, and an enterprise has hundreds. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Named:
    """The organizations that have one, lower-case, chosen for ``day`` (UTC; none yet: ""); each change is a version."""

    names: tuple[str, ...] = ()
    day: str = ""
    version: int = 0

    @property
    def has_room(self) -> bool:
        """Say whether one more may have one."""
        return len(self.names) < MOST_NAMED

    def with_name(self, name: str) -> Named:
        """Return them with one more."""
        return replace(self, names=(*self.names, name), version=self.version + 1)

    def for_day(self, day: str, names: tuple[str, ...]) -> Named:
        """Return those of a new day; where there are none to choose from, those of before."""
        return Named(names or self.names, day, self.version + 1)


def busiest(organizations: Iterable[str]) -> tuple[str, ...]:
    """Return the organizations that are named most often, by name among equals."""
    counted = Counter(organizations)
    ordered = sorted(counted, key=lambda name: (-counted[name], name))
    return tuple(sorted(ordered[:MOST_NAMED]))
