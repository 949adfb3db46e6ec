"""Redeliver: ask GitHub to send again what never arrived. It never does so by itself [GH-HOOK-NO-RETRY]."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from slipway.domain.errors import RefusedError, SlipwayError, ThrottledError
from slipway.domain.jobs import LONGEST_WAIT_SECONDS
from slipway.domain.redelivery import ASK_SECONDS, FailedDelivery, Resent, is_worth_asking
from slipway.ports.clock import Clock
from slipway.ports.github import Deliveries
from slipway.ports.housekeeping import RedeliveryMemory

LOOK_BACK_SECONDS = 3_600
# So that what an outage left comes back as a stream and not as a flood, and within what an App may call in an hour
# [GH-LIMIT-PRIMARY].
MOST_A_RUN, MOST_PARTS_A_RUN = 75, 40
PROBES = 5  # that many a run while everything that is asked for fails again
# Where nothing failed for an hour every other run looks: a look is a call, failures or not.
QUIET_SECONDS = 100
MOST_FAILURES = 5  # in one run: then it is GitHub that fails, not a delivery
_FORGOTTEN = {"404", "422"}  # how GitHub refuses an attempt that it no longer has, or never will make


@dataclass(frozen=True, slots=True)
class Redelivered:
    """How many deliveries were sent again, and what failed."""

    resent: int
    errors: tuple[Exception, ...]


@dataclass(slots=True)
class _Run:
    """What came of one run so far; ``asked`` counts what was asked for in vain too."""

    has_time: Callable[[], bool]
    asked: int = 0
    resent: int = 0
    errors: list[Exception] = field(default_factory=list)


@dataclass(slots=True)
class _Look:
    """A look at what failed, the newest first: ``due`` is still to be asked for, ``parts`` still to be listed.

    ``known`` was asked for before. ``newest`` holds the newest attempt of each event that was listed so far.
    """

    began_at: float
    parts: Iterator[list[FailedDelivery]]
    known: Mapping[str, Resent]
    due: deque[FailedDelivery] = field(default_factory=deque)
    newest: dict[str, FailedDelivery] = field(default_factory=dict)
    oldest_at: float = float("inf")
    is_whole: bool = True  # until something is left out, or could not be asked for

    def turn_page(self, now: float) -> bool:
        """List one part more, jobs that wait before their later events; False when there is none."""
        part = next(self.parts, None)
        if part is None:
            return False
        newest = [item for item in part if self.newest.setdefault(item.guid, item) is item]
        worth = [item for item in newest if is_worth_asking(self.known.get(item.guid), item, now)]
        self.due.extend(sorted(worth, key=lambda item: (item.action != "queued", item.delivered_at)))
        self.oldest_at = part[-1].delivered_at if part else self.oldest_at
        return True

    def does_all_fail_again(self, now: float, has_time: Callable[[], bool]) -> bool:
        """Say whether nothing arrives of what was asked for last: then our side is still down.

        Where there is no time to find out, it may be.
        """
        asked_at = max((asked.last_at for asked in self.known.values()), default=None)
        if asked_at is None:
            return False
        while self.oldest_at > asked_at - 1:
            if not has_time():
                return True
            if not self.turn_page(now):
                break
        last = [(guid, asked) for guid, asked in self.known.items() if asked.last_at > asked_at - ASK_SECONDS]
        return all(
            guid in self.newest and self.newest[guid].delivery_id != asked.delivery_id for guid, asked in last
        )

    def only_probe(self, now: float, has_time: Callable[[], bool]) -> None:
        """Leave all but a few for when they can arrive: each that fails again only makes the list longer."""
        is_listed = False
        while not is_listed and len(self.due) <= PROBES and has_time():
            is_listed = not self.turn_page(now)
        self.is_whole = is_listed and len(self.due) <= PROBES
        self.due = deque(list(self.due)[:PROBES])
        self.parts = iter(())


class Redeliver:
    """Looks at each hook's deliveries since its last run; each hook has a cursor of its own.

    What is too much for one run is kept in memory, so that the next need not list it again; after a cold
    start it is listed anew, and the ledger knows what was asked for.
    """

    def __init__(self, hooks: Mapping[str, Deliveries], memory: RedeliveryMemory, clock: Clock) -> None:
        self._hooks = hooks
        self._order = deque(hooks)
        self._memory = memory
        self._clock = clock
        self._looks: dict[str, _Look] = {}
        self._paused_until: dict[str, float] = {}  # by a limit of GitHub's, or because all was quiet

    def __call__(self, has_time: Callable[[], bool] = lambda: True) -> Redelivered:
        """Make one run; a hook that fails hides no other. Each run begins with another hook.

        ``has_time`` says whether there is time for one call more, and for its token.
        """
        run = _Run(has_time)
        for hook in self._order:
            if self._paused_until.get(hook, 0.0) > self._clock.now():
                continue
            try:
                self._repair(hook, run)
            except ThrottledError as limit:
                self._paused_until[hook] = self._clock.now() + limit.retry_after_seconds
                run.errors.append(limit)
            except Exception as fault:  # noqa: BLE001 - the service loop: the other hooks are still looked after
                run.errors.append(fault)
        self._order.rotate(-1)
        return Redelivered(run.resent, tuple(run.errors))

    def _repair(self, hook: str, run: _Run) -> None:
        """Ask for what failed, as far as one run goes; the cursor moves once all of it was asked for."""
        if run.asked >= MOST_A_RUN or not run.has_time():
            return
        look = self._looks.pop(hook, None) or self._look(hook, run.has_time)
        parts = failures = 0
        while run.asked < MOST_A_RUN and parts < MOST_PARTS_A_RUN and run.has_time():
            if look.due:
                run.asked += 1
                failures += not self._ask(hook, look, run)
            elif look.turn_page(self._clock.now()):
                parts += 1
            else:
                break
            if failures == MOST_FAILURES:
                return
        if look.due or not run.has_time() or look.turn_page(self._clock.now()):
            self._looks[hook] = look
        elif look.is_whole:
            self._memory.move_cursor(_cursor(hook), look.began_at)
            if not look.newest:
                self._paused_until[hook] = look.began_at + QUIET_SECONDS

    def _look(self, hook: str, has_time: Callable[[], bool]) -> _Look:
        """Begin a look. Where nothing failed, one call to GitHub is all of it."""
        now = self._clock.now()
        # No job waits longer, and GitHub's own window is longer everywhere [GH-HOOK-WINDOW].
        since = max(now - LONGEST_WAIT_SECONDS, min(now - LOOK_BACK_SECONDS, self._checked_until(hook, now)))
        parts = self._hooks[hook].failed_since(since)
        first = next(parts, [])
        known = self._memory.resent(hook) if first else {}
        look = _Look(now, chain([first], parts), known)
        if look.does_all_fail_again(now, has_time):
            look.only_probe(now, has_time)
        return look

    def _checked_until(self, hook: str, now: float) -> float:
        """Return the hook's cursor. The first run sets it: what that cannot ask for is not to slip out of sight."""
        checked = self._memory.cursor(_cursor(hook))
        if checked is None:
            checked = now - LOOK_BACK_SECONDS
            self._memory.move_cursor(_cursor(hook), checked)
        return checked

    def _ask(self, hook: str, look: _Look, run: _Run) -> bool:
        """Ask for the next one; what GitHub no longer has is an error once, and then no more."""
        delivery, now = look.due[0], self._clock.now()
        before = look.known.get(delivery.guid)
        asked = Resent(before.first_at if before else now, now, delivery.delivery_id)
        try:
            self._hooks[hook].redeliver(delivery.delivery_id)
        except ThrottledError:
            self._looks[hook] = look
            raise
        except SlipwayError as fault:
            run.errors.append(fault)
            look.due.popleft()
            if isinstance(fault, RefusedError) and fault.code in _FORGOTTEN:
                self._memory.note_resent(hook, delivery.guid, asked)
            else:
                look.is_whole = False
            return False
        look.due.popleft()
        run.resent += 1
        self._memory.note_resent(hook, delivery.guid, asked)
        return True


def _cursor(hook: str) -> str:
    return f"redelivery/{hook}"
