"""What a check says: ok, a warning, a fault, or that it could not look, each with what mends it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.doctor.surroundings import Surroundings


class Status(StrEnum):
    """How a look ended. What could not be looked at has not passed."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One thing that a look found, in a sentence, and how to mend it; what is ok has no id."""

    status: Status
    message: str
    mend: str = ""
    id: str = ""


def ok(message: str) -> Verdict:
    """Return a verdict that asks for nothing."""
    return Verdict(Status.OK, message)


def warning(name: str, message: str, mend: str) -> Verdict:
    """Return a verdict on what works, and may surprise."""
    return Verdict(Status.WARNING, message, mend, name)


def failed(name: str, message: str, mend: str) -> Verdict:
    """Return a verdict on what keeps jobs from running."""
    return Verdict(Status.FAILED, message, mend, name)


def unknown(name: str, message: str, mend: str) -> Verdict:
    """Return a verdict on what could not be looked at."""
    return Verdict(Status.UNKNOWN, message, mend, name)


@dataclass(frozen=True, slots=True)
class Look:
    """One look of a check: at what, and how. ``judge`` may raise what boto3 raises; other looks go on."""

    at: str
    judge: Callable[[], Iterable[Verdict]]


@dataclass(frozen=True, slots=True)
class Check:
    """A check of the doctor.

    ``permissions`` are the IAM actions that it needs of the operator, all of them reading. ``looks`` makes no call
    itself: a look that fails must not take the others along.
    """

    name: str
    about: str
    permissions: tuple[str, ...]
    looks: Callable[[Surroundings], Iterable[Look]]


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict with the check and what it looked at, as it is shown."""

    check: str
    looked_at: str
    status: Status
    message: str
    mend: str = ""
    id: str = ""

    @property
    def is_passed(self) -> bool:
        """Say whether nothing has to be done about it before the first job."""
        return self.status in (Status.OK, Status.WARNING)
