"""Claims in the table: a ticket for each draw, then one transaction that binds job and runner."""

from __future__ import annotations

from slipway.adapters.ledger.items import runner_key, waiting_from, waiting_key
from slipway.adapters.ledger.offers import head_key, line_of, offer_key, offers_pk
from slipway.adapters.ledger.table import ConditionFailedError, Delete, Key, Table, Update
from slipway.domain.matching import Shape
from slipway.domain.runners import Runner, RunnerState
from slipway.domain.snapshot import Offer, WaitingJob

_DRAWS = 3  # an offer can vanish between ticket and reading only when a new set is being published
_RUNNER = 0  # its position in the binding's transaction
_WAIT_FIELDS = ("waits_for", "waits_until")
# Not claimed_at: that its container claims is known, whatever GitHub said.
_BOUND_FIELDS = ("reach", "label_key", "organization", "repository", "job", "made_for")


class DynamoClaims:
    """Implements ``ports.offers.Claims``."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def next_offer(self, pool: str, shape: Shape, reach: str | None = None) -> Offer | None:
        """Draw the next offer of the shape, or of those kept for a turn in a reach; no other claim draws the same one.

        A write and a reading whatever the number of offers and claimants: a counter hands out positions, so that
        claims arriving together never fight for the first offer. The offer lies there until it is bound or withdrawn:
        a plan that is made meanwhile must see that its job may still be given a runner.
        """
        line = line_of(shape, reach)
        is_left = "attribute_exists(#pk) AND #next < #count"
        for _ in range(_DRAWS):
            ticket = Update(head_key(pool, line), add={"next": 1}, condition=is_left)
            try:
                head = self._table.write(ticket, want="ALL_NEW")
            except ConditionFailedError:
                return None
            item = self._table.get(offer_key(pool, line, head["generation"], head["next"] - 1))
            if item:
                return Offer(waiting_from(item), item["sk"])
        return None

    def bind(self, runner: Runner, offer: Offer, *, reach: str, at: float) -> str:
        """Give the job to the runner in one transaction, before anything is minted."""
        job = offer.job
        taken = Delete(Key(offers_pk(job.pool), offer.place), condition="attribute_exists(#pk)")
        try:
            self._table.transact(
                [self._claimed(runner, job, reach, at), self._offered(runner, job, at), taken]
            )
        except ConditionFailedError as fault:
            return "runner_spent" if _RUNNER in fault.failed else "job_moved"
        return "bound"

    def unbind(
        self, runner: Runner, job: WaitingJob, *, waits_for: str | None = None, until: float | None = None
    ) -> None:
        """Undo a binding after a definite refusal: nothing was minted, both wait again."""
        waits = {} if waits_for is None else {"waits_for": waits_for, "waits_until": until}
        never_minted = "#state = :registered AND attribute_not_exists(#runner_id)"
        self._try(
            Update(
                runner_key(runner.pool, runner.task_id),
                set={"state": RunnerState.STARTING.value, **waits},
                remove=_BOUND_FIELDS,
                condition=never_minted,
                values={"registered": RunnerState.REGISTERED.value},
            )
        )
        self._try(
            Update(
                waiting_key(job.pool, job.key),
                remove=("offered_to", "offered_at"),
                condition="#offered_to = :task",
                values={"task": runner.task_id},
            )
        )

    def registered(self, pool: str, task_id: str, runner_id: int) -> None:
        """Note the id under which GitHub knows the runner."""
        self._try(
            Update(
                runner_key(pool, task_id),
                set={"runner_id": runner_id},
                # Of a runner that is bound: an id without a reach could never be asked after.
                condition="attribute_exists(#reach)",
            )
        )

    def _offered(self, runner: Runner, job: WaitingJob, at: float) -> Update:
        is_as_offered = (
            "attribute_not_exists(#offered_to)" if job.offered_to is None else "#offered_to = :previous"
        )
        return Update(
            waiting_key(job.pool, job.key),
            set={"offered_to": runner.task_id, "offered_at": at},
            condition=f"attribute_exists(#pk) AND {is_as_offered}",
            values={} if job.offered_to is None else {"previous": job.offered_to},
        )

    def _claimed(self, runner: Runner, job: WaitingJob, reach: str, at: float) -> Update:
        claim = {
            "state": RunnerState.REGISTERED.value,
            "claimed_at": at,
            "reach": reach,
            "label_key": job.label_key,
            "organization": job.organization,
            "repository": job.repository,
            "job": str(job.key),
            "made_for": str(job.key),
        }
        return Update(
            runner_key(runner.pool, runner.task_id),
            set=claim,
            remove=_WAIT_FIELDS,
            condition="#state = :starting",
            values={"starting": RunnerState.STARTING.value},
        )

    def _try(self, write: Update) -> None:
        try:
            self._table.write(write)
        except ConditionFailedError:
            return  # it moved on meanwhile: what this write would have undone is no longer there
