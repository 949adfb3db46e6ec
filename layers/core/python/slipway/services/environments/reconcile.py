"""Make the environments of pull requests what they should be: one holder at a time, from what is true now."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from slipway.domain.environments.found import Note
from slipway.domain.environments.gates import Reading
from slipway.domain.environments.names import EnvironmentKey
from slipway.domain.environments.plan import Plan, Snapshot
from slipway.domain.environments.planner import plan, wanted_images
from slipway.domain.environments.reasons import UNDER_WAY, Why
from slipway.domain.environments.settings import Environments
from slipway.domain.errors import SlipwayError
from slipway.ports.clock import Clock
from slipway.ports.environments import (
    EnvironmentHost,
    EnvironmentNotes,
    EnvironmentQueue,
    Images,
    PullRequests,
)
from slipway.ports.ledger import PoolRows
from slipway.services.environments.announce import Announce

ROW = "*environments"
"""The row that is held: no pool can be called so."""
LOOK_AGAIN_SECONDS = 60
TOO_MANY_RULES = "TooManyRules"
_LOOK = "*look"
_ASKED_EVERY_TIME = UNDER_WAY | {Why.LIMIT, Why.RULE_LIMIT}
HasTime = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a reconciliation stands on."""

    host: EnvironmentHost
    images: Images
    pulls: PullRequests
    notes: EnvironmentNotes
    rows: PoolRows
    queue: EnvironmentQueue


@dataclass(slots=True)
class Reconciled:
    """What came of it: the reasons at the end, how many were made and removed, and what failed.

    ``is_unfinished`` when something is to be looked at again soon.
    """

    reasons: Mapping[EnvironmentKey, Why] = field(default_factory=dict)
    made: int = 0
    removed: int = 0
    errors: list[Exception] = field(default_factory=list)
    is_unfinished: bool = False


class Reconcile:
    """Gather, decide, apply, tell; what is asked for meanwhile is the next round of whoever holds the row."""

    def __init__(self, settings: Environments, parts: Parts, clock: Clock, *, lease_seconds: int) -> None:
        self._settings = settings
        self._parts = parts
        self._announce = Announce(settings, parts.pulls)
        self._clock = clock
        self._lease_seconds = lease_seconds

    def __call__(self, repositories: Iterable[str], token: str, has_time: HasTime) -> Reconciled:
        """Look at some repositories; ``token`` is this invocation's own.

        Raises:
            SlipwayError: what is true cannot be read. The repositories stay marked.
        """
        parts, done = self._parts, Reconciled()
        parts.notes.mark(repositories, token)
        parts.rows.want(ROW)
        now = self._clock.now()
        wanted = parts.rows.acquire(ROW, token, now=now, until=now + self._lease_seconds)
        try:
            while wanted is not None:
                self._round(done, has_time)
                if not has_time():
                    done.is_unfinished = True
                    parts.rows.abandon(ROW, token)
                    break
                wanted = parts.rows.release(ROW, token, seen=wanted)
        except Exception:
            parts.rows.abandon(ROW, token)
            raise
        return done

    def _round(self, done: Reconciled, has_time: HasTime) -> None:
        marks = dict(self._parts.notes.marks())
        looks_at = float(marks.pop(_LOOK, 0.0))
        before, removed = len(done.errors), done.removed
        decided, notes = self._decide(marks, done)
        changed = [note for key, note in decided.notes.items() if note != notes.get(key)]
        self._parts.notes.keep(changed)  # ahead: what is made must have a name that is remembered
        corrected = self._apply(decided, done, has_time)
        self._parts.notes.keep(corrected.values())
        now_known = {**decided.notes, **corrected}
        is_whole = len(done.errors) == before and has_time()
        self._tell(now_known, decided.done, done, has_time)
        done.reasons = {key: note.why for key, note in now_known.items() if key.number}
        if is_whole:
            self._parts.notes.unmark(marks)
        gives_places = decided.is_limited and done.removed > removed
        if not is_whole or gives_places or any(why in UNDER_WAY for why in done.reasons.values()):
            self._look_again(looks_at)

    def _decide(self, marks: Mapping[str, str], done: Reconciled) -> tuple[Plan, dict[EnvironmentKey, Note]]:
        """Read what is true and decide; who waits for a place is asked for wherever one may be given.

        Notes are read first: only who holds the row writes them.
        """
        notes = self._parts.notes.all()
        configured = self._settings.repositories.keys()
        again = {key.repository for key, note in notes.items() if note.why in _ASKED_EVERY_TIME}
        asked = (marks.keys() | again) & configured
        survey = self._parts.host.survey()
        at = Snapshot(self._clock.now(), self._readings(asked, done), survey, notes=notes)
        decided = plan(self._with_images(at), self._settings)
        if decided.is_limited and asked != configured:
            at = replace(at, readings={**at.readings, **self._readings(configured - asked, done)})
            decided = plan(self._with_images(at), self._settings)
        return decided, notes

    def _with_images(self, at: Snapshot) -> Snapshot:
        return replace(at, images=self._parts.images.that_exist(sorted(wanted_images(at, self._settings))))

    def _readings(self, repositories: Iterable[str], done: Reconciled) -> dict[str, Reading]:
        readings = {}
        for name in sorted(repositories):
            try:
                pulls = self._parts.pulls.open(name)
            except SlipwayError as fault:  # one that cannot be read keeps what it has, and holds up no other
                done.errors.append(fault)
                readings[name] = Reading(name)
            else:
                readings[name] = Reading(name, pulls, is_gone=pulls is None)
        return readings

    def _apply(self, decided: Plan, done: Reconciled, has_time: HasTime) -> dict[EnvironmentKey, Note]:
        """Remove, then make, each fails alone: what goes makes room for what comes, in a later round.

        Return the notes of those for which the load balancer had no room, whatever the plan thought of it.
        """
        for found in decided.removes:
            if has_time() and self._try(lambda found=found: self._parts.host.remove(found), done):  # type: ignore[misc]
                done.removed += 1
        makes = [make for make in decided.makes if make.is_needed]
        for number, make in enumerate(makes):
            before = len(done.errors)
            if has_time() and self._try(lambda make=make: self._parts.host.make(make), done):  # type: ignore[misc]
                done.made += 1
            elif any(getattr(fault, "code", "") == TOO_MANY_RULES for fault in done.errors[before:]):
                return {
                    left.spec.key: decided.notes[left.spec.key].about(Why.RULE_LIMIT)
                    for left in makes[number:]
                    if left.found.service is None
                }
        return {}

    def _try(self, act: Callable[[], None], done: Reconciled) -> bool:
        try:
            act()
        except SlipwayError as fault:
            done.errors.append(fault)
            return False
        return True

    def _tell(
        self,
        notes: Mapping[EnvironmentKey, Note],
        over: Collection[EnvironmentKey],
        done: Reconciled,
        has_time: HasTime,
    ) -> None:
        """Tell every pull request, and forget what is over and was told."""
        forgotten = [key for key in over if not key.number]
        for key, note in notes.items():
            if not key.number or not has_time():
                continue
            told, faults = self._announce(note)
            done.errors += faults
            if key in over and not faults:
                forgotten.append(key)
            elif told != note:
                self._parts.notes.keep([told])
        self._parts.notes.forget(forgotten)

    def _look_again(self, looks_at: float) -> None:
        """Ask for another look, unless one is asked for already: each would ask for the next."""
        now = self._clock.now()
        if looks_at <= now:
            self._parts.notes.mark([_LOOK], str(now + LOOK_AGAIN_SECONDS))
            self._parts.queue.look_again(LOOK_AGAIN_SECONDS)
