"""Notices: what an operator is told, under a code that stays the same, once for each time that it comes up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class NoticeCode(StrEnum):
    """The codes; alarms and dashboards rest on them."""

    UNKNOWN_RUNNER = "unknown_runner"  # a runner in a group of ours that nobody knows: somebody registered it
    ZOMBIE_JOB = "zombie_job"  # GitHub calls it queued and gives it none of its runners: set aside
    RUNNER_VERSION_ENDS = "runner_version_ends"  # GitHub will refuse the image's runner within 30 days
    RUNNER_VERSION_REFUSED = "runner_version_refused"  # it does
    TOKEN_REFUSED = "token_refused"  # GitHub no longer takes a personal access token  # noqa: S105 - a code
    TOKEN_SCOPE_MISSING = "token_scope_missing"  # it may not manage runners  # noqa: S105
    TOKEN_EXPIRES_SOON = "token_expires_soon"  # within 14 days  # noqa: S105
    HOST_IMAGE_RENEWED = "host_image_renewed"  # the launch template names a newer release of the hosts' AMI
    HOST_IMAGE_UNREAD = "host_image_unread"  # releases or launch template could not be read or written
    GITHUB_LIMIT = "github_limit"  # removals were left to the next run
    JOBS_UNCHECKED = "jobs_unchecked"  # without an App GitHub cannot be asked about jobs that wait long

    @property
    def level(self) -> str:
        """Return how loud it is: error, warning or info."""
        if self in (NoticeCode.UNKNOWN_RUNNER, NoticeCode.RUNNER_VERSION_REFUSED):
            return "error"
        is_info = self in (NoticeCode.JOBS_UNCHECKED, NoticeCode.HOST_IMAGE_RENEWED)
        return "info" if is_info else "warning"


_TOLD_AGAIN_SECONDS = 7 * 86_400  # what stays as it is for a week is told again
MOST_TOLD = 2_000  # they are one item of the ledger, 400 KB at most [DDB-LIMITS]
_SOONER: Mapping[str, int] = {NoticeCode.TOKEN_EXPIRES_SOON: 86_400}  # its days are counted


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


@dataclass(frozen=True, slots=True)
class Look:
    """What one source of notices found in a run, and the codes under which it would have found all there is."""

    notices: tuple[Notice, ...] = ()
    codes: frozenset[NoticeCode] = frozenset()


def untold(
    looks: Iterable[Look], told: Mapping[str, float], now: float
) -> tuple[list[Notice], dict[str, float]]:
    """Return the notices that are news, and what has been told by now, with the time of it.

    What is no longer there is forgotten, so that it is told anew when it comes back: but only what was looked at in
    this run can be seen to be gone. What there is no room to remember is told when there is: never each minute.
    """
    there: dict[str, Notice] = {}
    looked_at: set[str] = set()
    for look in looks:
        there |= {notice.key: notice for notice in look.notices}
        looked_at |= look.codes
    recent = {key: at for key, at in told.items() if now - at < _SOONER.get(_code(key), _TOLD_AGAIN_SECONDS)}
    kept = {key: at for key, at in recent.items() if key in there or _code(key) not in looked_at}
    news = [notice for key, notice in there.items() if key not in kept]
    news = news[: max(0, MOST_TOLD - len(kept))]
    return news, {**{notice.key: now for notice in news}, **kept}


def _code(key: str) -> str:
    return key.partition("/")[0]
