"""One standard queue: delays, visibility, redrive, retention [SQS-VISIBILITY] [SQS-REDRIVE]."""

from __future__ import annotations

import heapq
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from local.twin.aws.errors import AwsFault
from local.twin.clock import Scheduled, VirtualClock

#: What CreateQueue defaults to; numbers travel as text.
DEFAULTS: Final = {
    "VisibilityTimeout": "30",
    "DelaySeconds": "0",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
}
IN_FLIGHT_LIMIT: Final = 120_000


@dataclass(slots=True, eq=False)
class Message:
    """One message. `visible_at` and `sent_at` are epoch seconds; `receipt` is the newest handle."""

    message_id: str
    body: str
    attributes: dict[str, Any]
    group_id: str | None
    sent_at: float
    visible_at: float
    receive_count: int = 0
    first_received_at: float | None = None
    receipt: str | None = None
    waker: Scheduled | None = None


@dataclass(slots=True)
class Queue:
    """Messages in a heap by the moment they become visible."""

    name: str
    arn: str
    attributes: dict[str, str]
    created_at: float
    messages: dict[str, Message] = field(default_factory=dict)
    receipts: dict[str, Message] = field(default_factory=dict)
    watchers: list[Callable[[], None]] = field(default_factory=list)
    _heap: list[tuple[float, int, Message]] = field(default_factory=list)
    _sequence: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def redrive(self) -> tuple[str, int] | None:
        """ARN of the dead-letter queue and how many receives it takes, or None."""
        return _redrive(self.attributes.get("RedrivePolicy") or "{}")

    def put(self, message: Message, clock: VirtualClock) -> None:
        """Queue the message for when it is visible, and wake the watchers then."""
        self.messages[message.message_id] = message
        heapq.heappush(self._heap, (message.visible_at, next(self._sequence), message))
        if message.waker is not None:
            message.waker.cancel()
            message.waker = None
        if self.watchers:
            message.waker = clock.schedule(max(0.0, message.visible_at - clock.now()), self._wake)

    def pop_visible(self, now: float) -> Message | None:
        """The message that has been visible longest; it is not yet hidden."""
        heap, messages = self._heap, self.messages
        while heap and heap[0][0] <= now:
            visible_at, _, message = heapq.heappop(heap)
            if message.visible_at != visible_at or message.message_id not in messages:
                continue
            if message.sent_at + float(self.attributes["MessageRetentionPeriod"]) <= now:
                self.remove(message)
                continue
            return message
        return None

    def may_have(self, now: float) -> bool:
        """Say whether anything might be visible; what was deleted meanwhile is not looked for."""
        return bool(self._heap) and self._heap[0][0] <= now

    def remove(self, message: Message) -> None:
        """Take the message out of the queue, whoever holds it."""
        self.messages.pop(message.message_id, None)
        if message.receipt is not None:
            self.receipts.pop(message.receipt, None)
        if message.waker is not None:
            message.waker.cancel()

    def holder_of(self, receipt: str) -> Message | None:
        """The message a handle was given for; None when it is deleted, or the handle an older one."""
        if not receipt.startswith("receipt-"):
            raise AwsFault("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
        return self.receipts.get(receipt)

    def counts(self, now: float) -> dict[str, int]:
        """The three approximate counts of GetQueueAttributes, here exact."""
        waiting = [m for m in self.messages.values() if m.visible_at > now]
        hidden = sum(1 for m in waiting if m.receive_count)
        return {
            "ApproximateNumberOfMessages": len(self.messages) - len(waiting),
            "ApproximateNumberOfMessagesNotVisible": hidden,
            "ApproximateNumberOfMessagesDelayed": len(waiting) - hidden,
        }

    def _wake(self) -> None:
        for watcher in self.watchers:
            watcher()


@cache
def _redrive(text: str) -> tuple[str, int] | None:
    policy = json.loads(text)
    return (policy["deadLetterTargetArn"], int(policy["maxReceiveCount"])) if policy else None
