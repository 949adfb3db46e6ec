"""What held a job up, chapter by chapter: the plan's reasons as they are remembered with the job. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from slipway.domain.reasons import Reason, Why

MOST_CHAPTERS = 20
LASTING_SECONDS = (
    60.0  # so long a full story's last chapter stands at least: else each change would be a write
)
MAX_TEXT = 100


@dataclass(frozen=True, slots=True)
class Held:
    """One chapter: from ``since`` (epoch seconds) until the next one, or until a container had the job.

    ``parameters`` are those with which it began.
    """

    why: Why
    since: float
    parameters: Mapping[str, str | int | float] = field(default_factory=dict, hash=False)


Story = tuple[Held, ...]


def goes_on(story: Story, reason: Reason, now: float) -> Story | None:
    """Return the story with a new chapter, None where the last one goes on.

    A story is of at most 20 chapters. A full one begins a new chapter only when the last has lasted a minute; the
    shortest then gives way, and its time counts to the one before it.
    """
    if story and story[-1].why is reason.code:
        return None
    if len(story) >= MOST_CHAPTERS:
        if now - story[-1].since < LASTING_SECONDS:
            return None
        story = _without_the_shortest(story)
    parameters = {name: _short(value) for name, value in reason.parameters.items()}
    return (*story, Held(reason.code, now, parameters))


def _without_the_shortest(story: Story) -> Story:
    """Leave one out that is neither the first, which nothing goes before, nor the last, whose end is not known."""
    lasted = {number: after.since - one.since for number, (one, after) in enumerate(pairwise(story))}
    shortest = min(range(1, len(story) - 1), key=lambda number: (lasted[number], number))
    kept: list[Held] = []
    for number, chapter in enumerate(story):
        if number != shortest and not (kept and kept[-1].why is chapter.why):
            kept.append(chapter)
    return tuple(kept)


def _short(value: str | float) -> str | int | float:
    return value[:MAX_TEXT] if isinstance(value, str) else value
