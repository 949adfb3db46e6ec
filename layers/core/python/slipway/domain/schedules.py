"""Schedules: whether a moment lies within the working hours that an operator named."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from slipway.domain.configuration import Schedule

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


def is_within(schedule: Schedule | None, now: float) -> bool:
    """Say whether ``now`` (epoch seconds) lies within the schedule; no schedule means always.

    The hours are those that a clock on the wall shows there, so that summer time moves them along.
    """
    if schedule is None:
        return True
    local = datetime.fromtimestamp(now, _zone(schedule.timezone))
    minute = local.hour * 60 + local.minute
    return local.weekday() in schedule.weekdays and schedule.start_minute <= minute < schedule.end_minute


@cache  # reading a zone takes longer than a plan for a quiet pool
def _zone(name: str) -> ZoneInfo:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - importing it looks for zones; most pools have no schedule

    return ZoneInfo(name)
