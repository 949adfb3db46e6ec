"""Redeliver: ask GitHub to send again what never arrived. It never does so by itself [GH-HOOK-NO-RETRY]."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from slipway.domain.errors import RefusedError, SlipwayError, ThrottledError
from slipway.ports.clock import Clock
from slipway.ports.github import Deliveries, FailedDelivery
from slipway.ports.ledger import Housekeeping, Resent

LOOK_BACK_SECONDS = 3_600
# So that what an outage left comes back as a stream and not as a flood, and within what an App may call in an hour
# [GH-LIMIT-PRIMARY].
MOST_A_RUN = 75
# GitHub itself gives up a job that was queued for so long [GH-JOB-24H]; its own window is longer everywhere
# [GH-HOOK-WINDOW].
GIVE_UP_SECONDS = 24 * 3_600
ASK_SECONDS, ASK_AT_LEAST_EVERY_SECONDS = 60, 1_800  # the latter well within LOOK_BACK_SECONDS
_FORGOTTEN = {"404", "422"}  # how GitHub refuses an attempt that it no longer has, or never will make
MOST_FAILURES = 5  # in one run: then it is GitHub that fails, not a delivery


@dataclass(frozen=True, slots=True)
class Redelivered:
    """How many deliveries were sent again, and what failed."""

    resent: int
    errors: tuple[Exception, ...]


@dataclass(slots=True)
class _Run:
    """What came of one run so far."""

    resent: int = 0
    errors: list[Exception] = field(default_factory=list)


@dataclass(slots=True)
class _Backlog:
    """What one look at a hook found worth asking for, and is still to be asked for; ``known`` was asked before."""

    listed_at: float
    left: deque[FailedDelivery]
    known: Mapping[str, Resent]
    is_whole: bool = True  # until one of it could not be asked for


class Redeliver:
    """Looks at each hook's deliveries since its last run; each hook has a cursor of its own.

    What is too much for one run is kept in memory, so that the next need not list it again; after a cold
    start it is listed anew, and the ledger knows what was asked for.
    """

    def __init__(self, hooks: Mapping[str, Deliveries], housekeeping: Housekeeping, clock: Clock) -> None:
        self._hooks = hooks
        self._housekeeping = housekeeping
        self._clock = clock
        self._backlogs: dict[str, _Backlog] = {}
        self._paused_until: dict[str, float] = {}

    def __call__(self) -> Redelivered:
        """Make one run; a hook that fails hides no other."""
        run = _Run()
        for hook in self._hooks:
            if self._paused_until.get(hook, 0.0) > self._clock.now():
                continue
            try:
                self._repair(hook, run)
            except ThrottledError as limit:
                self._paused_until[hook] = self._clock.now() + limit.retry_after_seconds
                run.errors.append(limit)
            except SlipwayError as fault:
                run.errors.append(fault)
        return Redelivered(run.resent, tuple(run.errors))

    def _repair(self, hook: str, run: _Run) -> None:
        """Ask for what failed, as far as one run goes; the cursor moves once all of it was asked for."""
        backlog = self._backlogs.pop(hook, None) or self._look(hook)
        failures = 0
        for _ in range(min(MOST_A_RUN, len(backlog.left))):
            try:
                self._ask(hook, backlog)
                run.resent += 1
            except ThrottledError:
                self._backlogs[hook] = backlog
                raise
            except SlipwayError as fault:
                run.errors.append(fault)
                backlog.is_whole, failures = False, failures + 1
                if failures == MOST_FAILURES:
                    return
            backlog.left.popleft()
        if backlog.left:
            self._backlogs[hook] = backlog
        elif backlog.is_whole:
            self._housekeeping.move_cursor(_cursor(hook), backlog.listed_at)

    def _look(self, hook: str) -> _Backlog:
        """List what failed and is worth asking for: jobs that wait first, then the oldest."""
        now = self._clock.now()
        since = max(now - GIVE_UP_SECONDS, min(now - LOOK_BACK_SECONDS, self._checked_until(hook, now)))
        failed = self._hooks[hook].failed_since(since)
        known = self._housekeeping.resent(hook) if failed else {}
        worth = [item for item in failed if _is_worth_asking(known.get(item.guid), item, now)]
        worth.sort(key=lambda item: (item.action != "queued", item.delivered_at, item.delivery_id))
        return _Backlog(now, deque(worth), known)

    def _checked_until(self, hook: str, now: float) -> float:
        """Return the hook's cursor. The first run sets it: what that cannot ask for is not to slip out of sight."""
        checked = self._housekeeping.cursor(_cursor(hook))
        if checked is None:
            checked = now - LOOK_BACK_SECONDS
            self._housekeeping.move_cursor(_cursor(hook), checked)
        return checked

    def _ask(self, hook: str, backlog: _Backlog) -> None:
        """Ask for the first one; what GitHub no longer has is an error once, and then no more."""
        delivery, now = backlog.left[0], self._clock.now()
        before = backlog.known.get(delivery.guid)
        asked = Resent(before.first_at if before else now, now, delivery.delivery_id)
        try:
            self._hooks[hook].redeliver(delivery.delivery_id)
        except RefusedError as fault:
            if fault.code in _FORGOTTEN:
                self._housekeeping.note_resent(hook, delivery.guid, asked)
            raise
        self._housekeeping.note_resent(hook, delivery.guid, asked)


def _cursor(hook: str) -> str:
    return f"redelivery/{hook}"


def _is_worth_asking(known: Resent | None, delivery: FailedDelivery, now: float) -> bool:
    """Say whether a delivery was never asked for, or failed anew since and is due again.

    Another failure is another attempt with an id of its own: GitHub's times, in whole seconds, cannot tell it
    from the one before. What goes on failing is asked for less and less often, because only an outage of ours
    cures itself.
    """
    if known is None:
        return True
    tried_for = now - known.first_at
    pause = min(ASK_AT_LEAST_EVERY_SECONDS, max(ASK_SECONDS, tried_for / 4))
    has_failed_anew = delivery.delivery_id != known.delivery_id
    return has_failed_anew and now - known.last_at >= pause and tried_for < GIVE_UP_SECONDS
