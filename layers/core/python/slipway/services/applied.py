"""What came of applying one step of a plan, and of all of them together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from slipway.domain.errors import SlipwayError, UnavailableError, UnknownOutcomeError
from slipway.domain.intents import Intent
from slipway.domain.launches import FailedLaunch, Launch


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying brought: errors that were met, whether to try again soon.

    ``is_cut_short`` says that AWS's limits leave the rest of the plan to the next second: no failure, so no back-off.
    ``failed_launches`` are counted when all is done: steps that run at once must not count over each other.
    ``launches`` are what calls to EC2 brought, for the log. ``is_published``: what is on offer is what the plan offers.
    ``asked`` are written down and to be carried out when the pool is let go.
    """

    errors: tuple[Exception, ...] = ()
    should_retry: bool = False
    is_cut_short: bool = False
    failed_launches: tuple[FailedLaunch, ...] = ()
    launches: tuple[Launch, ...] = ()
    is_published: bool = True
    asked: tuple[Intent, ...] = ()

    def merged(self, other: Applied) -> Applied:
        """Return both outcomes as one."""
        if other is _NOTHING:  # most steps have nothing to tell
            return self
        return Applied(
            self.errors + other.errors,
            self.should_retry or other.should_retry,
            self.is_cut_short or other.is_cut_short,
            self.failed_launches + other.failed_launches,
            self.launches + other.launches,
            self.is_published and other.is_published,
            self.asked + other.asked,
        )


_NOTHING = Applied()
Step = Callable[[], Applied | None]
T = TypeVar("T")


class Together(Protocol):
    """Does steps that do not depend on each other, at once or in turn."""

    def __call__(self, steps: Sequence[Callable[[], T]], /) -> Sequence[T]:
        """Do them, and return their results in the same order.

        Raises:
            Exception: what the first step raised that raised anything, when all are done.
        """


def attempt(step: Step) -> Applied:
    """Do one step; an error is kept with the others and stops nothing.

    Not even one that no table of ours translates: an intent that AWS answers so would otherwise be the first thing
    each convergence of its pool meets, and the last.
    """
    try:
        return step() or _NOTHING
    except SlipwayError as fault:
        should_retry = isinstance(fault, UnavailableError | UnknownOutcomeError)
        return Applied(errors=(fault,), should_retry=should_retry)
    except Exception as fault:  # noqa: BLE001 - kept whole, and logged by the handler
        return Applied(errors=(fault,))


def in_turn(steps: Sequence[Callable[[], T]], /) -> list[T]:
    """Do steps one after another, the others too where one raises."""
    results: list[T] = []
    faults: list[Exception] = []
    for step in steps:
        try:
            results.append(step())
        except Exception as fault:  # noqa: BLE001 - raised below, when all are done
            faults.append(fault)
    if faults:
        raise faults[0]
    return results
