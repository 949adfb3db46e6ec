"""Messages, held against the ledger: none leaves its queue before what it says is written down."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from local.simulator.chaos.of_jobs import QueuedJobs
from local.simulator.chaos.storm import Storm
from local.simulator.surroundings import queue_url
from local.twin.aws.events import TASK_CHANGE, Published
from slipway.adapters.ledger.items import gone_key, record_key
from slipway.domain.jobs import JobKey, JobState


@dataclass(slots=True)
class WatchedQueues:
    """Looks at every message that a mapping deletes, for nobody sends it again."""

    storm: Storm
    jobs: QueuedJobs
    broken: Callable[[str, str], None]
    _stopped: dict[str, str] = field(default_factory=dict)
    """The task of each event that tells of one that stopped, by the event's text: most messages are no such event."""

    def begin(self) -> None:
        """Stand where messages are deleted."""
        sqs = self.storm.world.loop.aws.sqs
        delete = sqs.delete_message_batch

        def deleted(**request: Any) -> Any:
            name = request["QueueUrl"].rpartition("/")[2]
            for entry in request["Entries"]:
                body = sqs.body_of(name, entry["ReceiptHandle"])
                if body is not None and not self._is_written(body):
                    self.broken(f"deleted/{body}", f"promise 1: deleted and not in the ledger: {body[:150]}")
            return delete(**request)

        sqs.delete_message_batch = deleted  # type: ignore[method-assign]

    def see(self, published: Published) -> None:
        """Remember an event that tells of a task that stopped."""
        event = published.event
        if event["detail-type"] == TASK_CHANGE and event["detail"]["lastStatus"] == "STOPPED":
            self._stopped[published.text] = event["detail"]["taskArn"].rpartition("/")[2]

    def dead_letters(self) -> Iterator[str]:
        """Return the messages that were given up with what they alone know.

        One that was handed out too often, because SQS doubled it, has been folded all the same [SQS-AT-LEAST-ONCE].
        """
        for body in self.storm.world.loop.aws.sqs.bodies(queue_url("dead-letters").rpartition("/")[2]):
            if not self._is_written(body):
                yield body

    def _is_written(self, body: str) -> bool:
        """Say whether the ledger has come as far as a message of a job of ours, or of a task that stopped, says."""
        store, stopped = self.storm.world.store, self._stopped.get(body)
        if stopped is not None:
            return store.get(gone_key(stopped)) is not None
        told = json.loads(body) if '"job_id"' in body else {}
        if told.get("job_id") not in self.jobs.served_ids:
            return True
        key = JobKey(told["organization"].lower(), told["job_id"], told["run_attempt"])
        record = store.get(record_key(key))
        return record is not None and int(record["rank"]) >= JobState(told["action"]).rank
