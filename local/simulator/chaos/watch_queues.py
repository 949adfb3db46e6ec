"""Messages, held against the ledger: none leaves its queue before what it says is written down."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from local.simulator.chaos.of_jobs import QueuedJobs
from local.simulator.chaos.storm import Storm
from local.simulator.surroundings import queue_url
from slipway.adapters.ledger.items import gone_key, record_key
from slipway.domain.jobs import JobKey, JobState

_TASK_CHANGE = "ECS Task State Change"


@dataclass(slots=True)
class WatchedQueues:
    """Looks at every message that a mapping deletes, for nobody sends it again."""

    storm: Storm
    jobs: QueuedJobs
    broken: Callable[[str, str], None]

    def begin(self) -> None:
        """Stand where messages are deleted."""
        sqs = self.storm.world.loop.aws.sqs
        delete = sqs.delete_message_batch

        def deleted(**request: Any) -> Any:
            name = request["QueueUrl"].rpartition("/")[2]
            for entry in request["Entries"]:
                body = sqs.body_of(name, entry["ReceiptHandle"])
                if body is not None and _may_matter(body) and not self._is_known(json.loads(body)):
                    self.broken(f"deleted/{body}", f"promise 1: deleted and not in the ledger: {body[:150]}")
            return delete(**request)

        sqs.delete_message_batch = deleted  # type: ignore[method-assign]

    def dead_letters(self) -> Iterator[str]:
        """Return the messages that were given up with what they alone know.

        One that was handed out too often, because SQS doubled it, has been folded all the same [SQS-AT-LEAST-ONCE].
        """
        for body in self.storm.world.loop.aws.sqs.bodies(queue_url("dead-letters").rpartition("/")[2]):
            if not self._is_known(json.loads(body)):
                yield body

    def _is_known(self, body: dict[str, Any]) -> bool:
        """Say whether the ledger has come as far as a message of a job of ours, or of a task that stopped, says."""
        store = self.storm.world.store
        if "job_id" in body:
            if body["job_id"] not in self.jobs.served_ids:
                return True
            key = JobKey(body["organization"].lower(), body["job_id"], body["run_attempt"])
            record = store.get(record_key(key))
            return record is not None and int(record["rank"]) >= JobState(body["action"]).rank
        if body.get("detail-type") == _TASK_CHANGE and body["detail"]["lastStatus"] == "STOPPED":
            return store.get(gone_key(body["detail"]["taskArn"].rpartition("/")[2])) is not None
        return True


def _may_matter(body: str) -> bool:
    """Say whether a message may tell what must be in the ledger: most do not, and need not be parsed."""
    return '"job_id"' in body or '"STOPPED"' in body
