"""Offers and claims: late binding, as the ledger does it. Every write is conditional and may run twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from slipway.domain.jobs import JobKey
from slipway.domain.matching import Shape
from slipway.domain.runners import Runner
from slipway.domain.snapshot import Offer, WaitingJob


class Published(Protocol):
    """What was on offer in a pool when it was read."""

    @property
    def jobs(self) -> frozenset[tuple[JobKey, str | None]]:
        """Return the jobs that claims may be given, each with its ``offered_to`` of then."""

    def replace(
        self,
        offers: Mapping[Shape, Sequence[WaitingJob]],
        reserved: Mapping[tuple[Shape, str], Sequence[WaitingJob]] | None = None,
    ) -> None:
        """Offer this instead; shapes and reaches not named have none. What is unchanged is not written.

        What is on offer no more can be bound no more, though a claim has drawn it before.
        """


class Offers(Protocol):
    """The offers that claims draw from. Only who holds the pool reads and replaces them."""

    def read(self, pool: str) -> Published:
        """Return what is on offer, also what claims have drawn and not bound."""


class Claims(Protocol):
    """Late binding: from a task that knows nothing to a runner for one waiting job."""

    def next_offer(self, pool: str, shape: Shape, reach: str | None = None) -> Offer | None:
        """Draw the next offer of the shape, or of those ``reserved`` for a turn in a reach; None: nothing to serve.

        No other claim draws the same one.
        """

    def bind(self, runner: Runner, offer: Offer, *, reach: str, at: float) -> str:
        """Give the job to the runner in one transaction, before anything is minted.

        Return ``bound``, or ``job_moved`` (it is no longer waiting as offered, or the offer is withdrawn) or
        ``runner_spent`` (the task may already have a JIT config, has been dismissed or has ended).
        """

    def unbind(
        self, runner: Runner, job: WaitingJob, *, waits_for: str | None = None, until: float | None = None
    ) -> None:
        """Undo a binding after a definite refusal: nothing was minted, both wait again.

        Where the task has a turn to register in a reach, ``until`` is when.
        """

    def registered(self, pool: str, task_id: str, runner_id: int) -> None:
        """Note the id under which GitHub knows the runner."""
