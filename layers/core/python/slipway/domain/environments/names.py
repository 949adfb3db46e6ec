"""What the parts of an environment are called: from the pull request alone, so that nothing must be remembered."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

FIRST_PRIORITY: Final = 1
LAST_PRIORITY: Final = 40_000
"""Rules of ours have priorities up to here, of 50,000 [ELB-RULES]: those after them are free for a page that says
that there is no such environment."""


@dataclass(frozen=True, slots=True, order=True)
class EnvironmentKey:
    """A pull request: its repository (OWNER/NAME, lower-case) and number."""

    repository: str
    number: int

    def __str__(self) -> str:
        return f"{self.repository}#{self.number}"


def resource_name(deployment: str, key: EnvironmentKey) -> str:
    """Return the name of service, target group and task definitions.

    A target group's name has at most 32 characters [ELB-TARGET-GROUP-NAME]: 20 of the deployment, ``-pr`` and nine of a
    digest. A deployment's name has no hyphen, so that no other deployment's names begin with this one's.
    """
    digest = hashlib.sha256(f"{deployment}/{key}".encode()).hexdigest()
    return f"{deployment}-pr{digest[:9]}"


def is_resource_name(deployment: str, name: str) -> bool:
    """Say whether a name is one of this deployment's environments."""
    return re.fullmatch(rf"{re.escape(deployment)}-pr[0-9a-f]{{9}}", name) is not None


def family_name(name: str, digest: str) -> str:
    """Return the family of a task definition: it names what it was made from, so that a service's own tells it."""
    return f"{name}-{digest}"


def name_of_family(deployment: str, family: str) -> str | None:
    """Return the name of the environment that a family belongs to; None if it is none of this deployment's."""
    name = family.rpartition("-")[0]
    return name if is_resource_name(deployment, name) else None


def log_group_prefix(deployment: str) -> str:
    """Return how the names of all log groups begin."""
    return f"/slipway/{deployment}/environments/"


def log_group_name(deployment: str, key: EnvironmentKey) -> str:
    """Return the name of an environment's log group."""
    return f"{log_group_prefix(deployment)}{key.repository}/{key.number}"


def key_of_log_group(deployment: str, name: str) -> EnvironmentKey | None:
    """Return whose log group this is, None if its name is not of our making."""
    repository, _, number = name.removeprefix(log_group_prefix(deployment)).rpartition("/")
    if not name.startswith(log_group_prefix(deployment)) or not re.fullmatch("[1-9][0-9]{0,9}", number):
        return None
    return EnvironmentKey(repository, int(number))


def free_priority(key: EnvironmentKey, used: set[int]) -> int | None:
    """Return a rule's priority: by the pull request, the next free one where it is used, None if all are."""
    span = LAST_PRIORITY - FIRST_PRIORITY + 1
    first = int.from_bytes(hashlib.sha256(str(key).encode()).digest()[:8]) % span
    for step in range(span):
        priority = FIRST_PRIORITY + (first + step) % span
        if priority not in used:
            return priority
    return None
