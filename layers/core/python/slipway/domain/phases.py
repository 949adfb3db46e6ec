"""What the wait of a job was made of: GitHub's part and ours, from what each clock recorded. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# In the order in which they follow each other; whose doing each is.
PHASES: Mapping[str, str] = {
    "webhook": "GitHub",  # from queued until we heard of it: the delivery, or its repair
    "room": "Slipway",  # until a container was placed: caps, fairness, and instances that boot
    "start": "AWS",  # until the container ran: image and network
    "claim": "Slipway",  # until it claimed and was given a registration
    "pickup": "GitHub",  # until GitHub gave it the job
}


@dataclass(frozen=True, slots=True)
class Marks:
    """When each phase of a job's wait ended, as far as that is known, each by the clock of who saw it."""

    queued_at: float
    heard_at: float | None
    placed_at: float | None
    running_at: float | None
    claimed_at: float | None
    started_at: float


def phases(marks: Marks) -> dict[str, float]:
    """Return the seconds of each phase of a wait.

    The clocks are GitHub's (whole seconds), the webhook's, ECS's and the registrar's: a phase that seems to end before
    it began is 0, and the next is shorter, so that phases add up to the wait.
    """
    # A container that waited already when the job was queued cost it nothing.
    ends = (marks.heard_at, marks.placed_at, marks.running_at, marks.claimed_at, marks.started_at)
    found: dict[str, float] = {}
    at = marks.queued_at
    for phase, end in zip(PHASES, ends, strict=True):
        until = min(max(at, end if end is not None else at), max(marks.started_at, marks.queued_at))
        found[phase] = until - at
        at = until
    return found
