"""Notices: what an operator is told, under a code that stays the same, once for each time that it comes up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

TOLD_AGAIN_SECONDS = 7 * 86_400  # what stays as it is for a week is told again


class NoticeCode(StrEnum):
    """The codes; alarms and dashboards rest on them."""

    UNKNOWN_RUNNER = "unknown_runner"  # a runner in a group of ours that nobody knows: somebody registered it
    ZOMBIE_JOB = "zombie_job"  # GitHub calls it queued and gives it none of its runners: set aside
    RUNNER_VERSION_ENDS = "runner_version_ends"  # GitHub will refuse the image's runner within 30 days
    RUNNER_VERSION_REFUSED = "runner_version_refused"  # it does
    GITHUB_LIMIT = "github_limit"  # removals were left to the next run
    JOBS_UNCHECKED = "jobs_unchecked"  # without an App GitHub cannot be asked about jobs that wait long

    @property
    def level(self) -> str:
        """Return how loud it is: error, warning or info."""
        if self in (NoticeCode.UNKNOWN_RUNNER, NoticeCode.RUNNER_VERSION_REFUSED):
            return "error"
        return "info" if self is NoticeCode.JOBS_UNCHECKED else "warning"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell: the code, what it is about, why, and the pool where there is one."""

    code: NoticeCode
    id: str
    why: str
    pool: str = ""

    @property
    def key(self) -> str:
        """Return what tells it from every other notice."""
        return f"{self.code}/{self.id}"


def untold(
    notices: Iterable[Notice], told: Mapping[str, float], now: float, *, is_whole: bool
) -> tuple[list[Notice], dict[str, float]]:
    """Return the notices that are news, and what has been told now, with the time of it.

    What is no longer there is forgotten, so that it is told anew when it comes back, but only after a run that saw
    everything (``is_whole``): what was not looked at is not gone.
    """
    recent = {key: at for key, at in told.items() if now - at < TOLD_AGAIN_SECONDS}
    there = {notice.key: notice for notice in notices}
    news = [notice for key, notice in there.items() if key not in recent]
    kept = {key: at for key, at in recent.items() if key in there or not is_whole}
    return news, {**dict.fromkeys(there, now), **kept}
