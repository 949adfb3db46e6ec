"""Webhooks as GitHub sent them: of which jobs we have learned, and whether what we said yes to is in the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from local.simulator.chaos.of_jobs import QueuedJobs
from local.simulator.chaos.storm import Storm
from local.twin.github.deliveries import Delivery
from local.twin.github.model import WorkflowJob
from slipway.adapters.ledger.items import record_key
from slipway.adapters.ledger.table import Key
from slipway.domain.jobs import JobKey, JobState


@dataclass(slots=True)
class Deliveries:
    """Every webhook, so that it is known of which jobs we have learned."""

    by_job: dict[int, list[Delivery]] = field(default_factory=dict)
    by_guid: dict[str, list[Delivery]] = field(default_factory=dict)

    def watch(self, storm: Storm) -> None:
        """Note every delivery on its way to us."""
        deliver = storm.world.github.deliveries.deliver

        def delivered(delivery: Delivery) -> int | None:
            job_id = delivery.job_id or 0
            storm.log.tell("github", f"tells that job {job_id} is {delivery.action}")
            self.by_guid.setdefault(delivery.guid, []).append(delivery)
            self.by_job.setdefault(job_id, []).append(delivery)
            return deliver(delivery)

        storm.world.github.deliveries.deliver = delivered

    def heard_at(self, job: WorkflowJob) -> float | None:
        """Return when we first said yes to the webhook of a queued job; None: never."""
        return min((one.delivered_at for one in self._yes(job) if one.action == "queued"), default=None)

    def unrecorded(self, storm: Storm, jobs: QueuedJobs) -> Iterator[tuple[WorkflowJob, JobState]]:
        """Return the jobs of which the ledger knows less than a webhook that we said yes to, and what that said.

        Such a yes is the last that GitHub tells of it: no delivery has failed, so none is sent again.
        """
        for job in jobs.served:
            told = max((JobState(one.action or "") for one in self._yes(job)), default=None, key=_rank)
            if told is not None and _rank(told) > rank_in_ledger(storm, job):
                yield job, told

    def resend(self, storm: Storm) -> None:
        """Send again what failed, as the operator does by hand where no program can [GH-HOOK-NO-DELIVERIES]."""
        for sent in list(self.by_guid.values()):
            if not any(_is_yes(one) for one in sent):
                storm.world.github.deliveries.redeliver(sent[0])

    def _yes(self, job: WorkflowJob) -> Iterable[Delivery]:
        return (one for one in self.by_job.get(job.id, ()) if _is_yes(one))


def rank_in_ledger(storm: Storm, job: WorkflowJob) -> int:
    """Return how far a job has come by the ledger: the rank of its state, -1 where it is not known."""
    record = storm.world.store.get(_record_key(job.repository.organization.login, job.id, job.run_attempt))
    return -1 if record is None else int(record["rank"])


@lru_cache(maxsize=1_000)  # every job is looked at again and again
def _record_key(organization: str, job_id: int, run_attempt: int) -> Key:
    return record_key(JobKey(organization.lower(), job_id, run_attempt))


def _rank(state: JobState) -> int:
    return state.rank


def _is_yes(delivery: Delivery) -> bool:
    return 200 <= (delivery.status_code or 0) < 300
