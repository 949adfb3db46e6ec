"""Reap: compare GitHub, ECS, EC2 and the ledger both ways, and remove what is stale."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from slipway.domain.configuration import Configuration
from slipway.domain.findings import Reap
from slipway.domain.notices import Notice
from slipway.domain.reaping import find_stale
from slipway.ports.ledger import Ledger
from slipway.ports.queue import Wakeups
from slipway.services.removals import Remove, Removed
from slipway.services.survey import Survey, Surveyed
from slipway.services.tell import Tell


@dataclass(frozen=True, slots=True)
class Reaped:
    """What a run found and removed, what it left because it was busy after all or for want of time, and what failed.

    ``found`` is all that is stale; a dry run removes none of it. ``notices`` are news to an operator.
    """

    found: tuple[Reap, ...] = ()
    done: tuple[Reap, ...] = ()
    busy: tuple[Reap, ...] = ()
    left: tuple[Reap, ...] = ()
    notices: tuple[Notice, ...] = ()
    errors: tuple[Exception, ...] = ()


class ReapStale:
    """Gathers, decides, removes, tells; one failure stops nothing."""

    def __init__(
        self,
        configuration: Configuration,
        ledger: Ledger,
        wakeups: Wakeups,
        *,
        survey: Survey,
        remove: Remove,
        tell: Tell,
    ) -> None:
        self._configuration = configuration
        self._ledger = ledger
        self._wakeups = wakeups
        self._survey = survey
        self._remove = remove
        self._tell = tell

    def __call__(self, *, is_dry_run: bool = False, has_time: Callable[[], bool] = lambda: True) -> Reaped:
        """Make one run; a dry one reads and decides, and changes and remembers nothing.

        ``has_time`` says whether there is time for one more listing or removal before the invocation's deadline.
        """
        suspected = self._ledger.housekeeping.suspects()
        surveyed = self._survey(suspected, has_time, is_dry_run=is_dry_run)
        reaps, suspects = find_stale(surveyed.facts, self._configuration, suspected)
        errors = list(surveyed.errors)
        if not is_dry_run:
            # Before the removals: a run that is cut short must not make what is doubtful wait anew.
            self._remember(suspects, errors)
        removed = Removed() if is_dry_run else self._remove(reaps, has_time)
        errors += removed.errors
        self._wake({reap.pool for reap in removed.done + removed.busy}, errors)
        notices = self._news(surveyed, removed, errors, is_dry_run=is_dry_run)
        return Reaped(
            found=tuple(reaps),
            done=removed.done,
            busy=removed.busy,
            left=removed.left,
            notices=tuple(notices),
            errors=tuple(errors),
        )

    def _remember(self, suspects: Mapping[str, float], errors: list[Exception]) -> None:
        try:
            self._ledger.housekeeping.keep_suspects(suspects)
        except Exception as fault:  # noqa: BLE001 - the service loop: what is stale is removed all the same
            errors.append(fault)

    def _wake(self, pools: Iterable[str], errors: list[Exception]) -> None:
        for pool in sorted(set(pools) & set(self._configuration.pools)):
            try:
                self._ledger.rows.want(pool)
                self._wakeups.wake(pool)
            except Exception as fault:  # noqa: BLE001 - the service loop: the other pools are still woken
                errors.append(fault)

    def _news(
        self, surveyed: Surveyed, removed: Removed, errors: list[Exception], *, is_dry_run: bool
    ) -> list[Notice]:
        """Return what is new to an operator, and remember that it is told now: the very last step."""
        try:
            return self._tell(surveyed, removed.look, is_dry_run=is_dry_run)
        except Exception as fault:  # noqa: BLE001 - the service loop: what was removed is told all the same
            errors.append(fault)
            return []
