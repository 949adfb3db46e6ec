"""Runner versions: how long GitHub lets the one in our image register and run [GH-RUNNER-DEPRECATIONS]."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from slipway.domain.notices import Notice, NoticeCode
from slipway.domain.runners import Registration

AHEAD_SECONDS = 30 * 86_400  # a release must be installed within 30 days anyway [GH-RUNNER-30D]
MOST_VERSIONS = 3  # a job can have its listener say anything: none of it may cost many calls
_VERSION = re.compile(r"[0-9]{1,4}(\.[0-9]{1,6}){1,3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Deprecation:
    """From when a version may not register and may not run jobs, in epoch seconds; None where no date is set."""

    version: str
    registration_at: float | None = None
    runtime_at: float | None = None


def versions_in_use(registrations: Iterable[Registration]) -> dict[str, str]:
    """Return the versions that most of our runners say they are, at most three, each with a place that has one.

    The version ends up in a URL and comes from a machine on which jobs run: nothing but numbers and dots passes.
    """
    places: dict[str, str] = {}
    count: Counter[str] = Counter()
    for registration in registrations:
        if registration.version and _VERSION.fullmatch(registration.version):
            count[registration.version] += 1
            places.setdefault(registration.version, registration.reach)
    most = sorted(count, key=lambda version: (-count[version], version))
    return {version: places[version] for version in most[:MOST_VERSIONS]}


def verdict(found: Deprecation, now: float) -> Notice | None:
    """Return what an operator must know of a version: that it is refused, or will be within 30 days."""
    ends = [at for at in (found.registration_at, found.runtime_at) if at is not None]
    if not ends or min(ends) - now > AHEAD_SECONDS:
        return None
    days = (min(ends) - now) / 86_400
    cure = "build the runner image with the newest runner"
    if days <= 0:
        return Notice(
            NoticeCode.RUNNER_VERSION_REFUSED,
            found.version,
            f"GitHub no longer lets it register or run; {cure}",
        )
    why = f"GitHub lets it register or run for {int(days)} more days; {cure}"
    return Notice(NoticeCode.RUNNER_VERSION_ENDS, found.version, why)
