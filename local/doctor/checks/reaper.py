"""Does the reaper run, and what did it find that is still so?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from local.doctor.deployment import absence, ago, is_deployed, is_young, reading
from local.doctor.findings import Check, Look, Verdict, failed, ok, warning
from local.doctor.surroundings import Surroundings
from slipway.domain.configuration import Registration
from slipway.domain.notices import NoticeCode
from slipway.services import list_registrations, renew_hosts

LATE_SECONDS = 3_600  # beyond what a check is due anyway


def _unknown_runner(about: str) -> Verdict:
    message = f"runner {about} is in a runner group of ours, and nobody here made it"
    return failed(
        "unknown-runner", message, "find out who registered it, rotate the tokens, remove it at GitHub"
    )


def _zombie(about: str) -> Verdict:
    message = f"GitHub calls job {about} queued, and gives it none of its runners"
    return warning("zombie-job", message, "look at it at GitHub; if it is stuck there, cancel its run")


def _version_ends(about: str) -> Verdict:
    message = f"GitHub will refuse runner version {about} within 30 days"
    return warning("runner-version-ends", message, "build the image with the newest runner: docs/currency.md")


def _version_refused(about: str) -> Verdict:
    message = f"GitHub refuses runner version {about}: jobs get no runner"
    mend = "build the image with the newest runner at once: docs/currency.md"
    return failed("runner-version-refused", message, mend)


def _image_unread(about: str) -> Verdict:
    message = f"the hosts' image of pool {about} could not be read or renewed"
    mend = "give the reaper the permission that its log names (host_image_unread)"
    return warning("host-image-unread", message, mend)


# What tokens lack is told by another check; the others ask for nothing.
_TOLD: Mapping[str, Callable[[str], Verdict]] = {
    NoticeCode.UNKNOWN_RUNNER: _unknown_runner,
    NoticeCode.ZOMBIE_JOB: _zombie,
    NoticeCode.RUNNER_VERSION_ENDS: _version_ends,
    NoticeCode.RUNNER_VERSION_REFUSED: _version_refused,
    NoticeCode.HOST_IMAGE_UNREAD: _image_unread,
}


def _looks(surroundings: Surroundings) -> Iterator[Look]:
    yield Look("when it last ran", partial(_runs, surroundings))
    yield Look("what it told last", partial(_notices, surroundings))


def _due(surroundings: Surroundings) -> dict[str, int]:
    """Return the cursors that the reaper moves, and how often it does."""
    due = {renew_hosts.CURSOR: renew_hosts.ASK_EVERY_SECONDS}
    if surroundings.configuration.github.registration is Registration.ENTERPRISE:
        due[list_registrations.LISTED] = list_registrations.LIST_EVERY_SECONDS
    return due


def _runs(surroundings: Surroundings) -> Iterator[Verdict]:
    if not is_deployed(surroundings) or is_young(surroundings, "reaper"):
        return
    now = time.time()
    for name, seconds in _due(surroundings).items():
        with absence() as found, reading(surroundings) as ledger:
            found.append(ledger.housekeeping.cursor(name))
        at = found[0] if found else None
        if at is None or now - at > seconds + LATE_SECONDS:
            when = "never" if at is None else f"last {ago(now - at)}"
            message = f"it looked at {name} {when}: what is stale is not removed, and nobody is told"
            mend = "see its schedule and its log: it is missing, disabled, refused, or fails before it gets there"
            yield failed("reaper-silent", message, mend)
        else:
            yield ok(f"it looked at {name} {ago(now - at)}")


def _notices(surroundings: Surroundings) -> Iterator[Verdict]:
    with absence() as found, reading(surroundings) as ledger:
        found.append(ledger.housekeeping.told())
    for key in sorted(found[0] if found else ()):
        code, _, about = key.partition("/")
        if code in _TOLD:
            yield _TOLD[code](about)


CHECK = Check(
    name="reaper",
    about="the reaper runs, and what it told last: unknown runners, runner versions, zombie jobs, hosts' images",
    permissions=("lambda:GetFunctionConfiguration", "dynamodb:GetItem"),
    looks=_looks,
)
