"""SQS event source mappings on the virtual clock: batches, concurrency, partial failures."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from local.twin.clock import VirtualClock
from local.twin.latency import LatencyModel, Phase

Messages = list[dict[str, Any]]
#: Handles a batch and tells the positions that failed, or None when the invocation failed as a whole.
Handle = Callable[[Messages, Callable[[set[int] | None], None]], None]

_DISPATCH_SECONDS = 0.05  # SQS to a running function where no latency model says otherwise


class QueueMapping:
    """Invokes a function with at most ten messages, at most ``concurrency`` times at once.

    What failed stays in the queue and comes again when it is visible; the rest is deleted [LAMBDA-SQS-PARTIAL].
    """

    def __init__(  # noqa: PLR0913 - a mapping's own settings and the world around it
        self,
        clock: VirtualClock,
        sqs: Any,
        queue_url: str,
        handle: Handle,
        *,
        concurrency: int,
        latency: LatencyModel | None,
        rng: random.Random,
    ) -> None:
        self._clock = clock
        self._sqs = sqs
        self._queue_url = queue_url
        self._handle = handle
        self._concurrency = concurrency
        self._latency = latency
        self._rng = rng
        self._running = 0
        self._is_due = False
        self._name = queue_url.rpartition("/")[2]
        sqs.watch(self._name, self.soon)

    def soon(self) -> None:
        """Poll in a moment: a message has become visible."""
        if self._is_due:
            return
        self._is_due = True
        latency = self._latency
        delay = latency.draw(Phase.QUEUE_TO_FUNCTION, self._rng) if latency else _DISPATCH_SECONDS
        self._clock.schedule(delay, self.poll)

    def poll(self) -> None:
        """Hand out what is visible, as far as concurrency goes."""
        self._is_due = False
        while self._running < self._concurrency and self._sqs.may_have(self._name):
            messages = self._receive()
            if not messages:
                return
            self._running += 1
            self._handle(messages, lambda failed, batch=messages: self._done(batch, failed))  # type: ignore[misc]

    def _receive(self) -> Messages:
        reply = self._sqs.receive_message(QueueUrl=self._queue_url, MaxNumberOfMessages=10)
        received: Messages = reply.get("Messages", [])
        return received

    def _done(self, messages: Messages, failed: set[int] | None) -> None:
        self._running -= 1
        if failed is not None:
            self._delete([m for number, m in enumerate(messages) if number not in failed])
        self.soon()

    def _delete(self, messages: Messages) -> None:
        if messages:
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages)
            ]
            self._sqs.delete_message_batch(QueueUrl=self._queue_url, Entries=entries)
