"""What invokes functions besides requests: queues with their partial failures, and schedules."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from local.demo.lambda_host import FunctionError, LambdaFunction
from local.demo.scaled_time import Lock
from local.twin.clock import VirtualClock

_IDLE_SECONDS = 0.03


class QueueMapping:
    """An SQS event source mapping: batches of at most ten, at most ``concurrency`` at once, partial failures.

    What the function names in ``batchItemFailures`` stays in the queue and comes again; the rest is deleted
    [LAMBDA-SQS-PARTIAL].
    """

    def __init__(
        self, sqs: Any, lock: Lock, queue_url: str, function: LambdaFunction, *, concurrency: int
    ) -> None:
        self._sqs = sqs
        self._lock = lock
        self._queue_url = queue_url
        self._function = function
        self._free = threading.Semaphore(concurrency)
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="mapping")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="poller", daemon=True)
        self.failures: list[str] = []

    def __enter__(self) -> QueueMapping:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._pool.shutdown()

    def _poll(self) -> None:
        while not self._stopping.is_set():
            self._free.acquire()
            messages = self._receive()
            if messages:
                self._pool.submit(self._invoke, messages)
            else:
                self._free.release()
                self._stopping.wait(_IDLE_SECONDS)

    def _receive(self) -> list[dict[str, Any]]:
        with self._lock:
            reply = self._sqs.receive_message(
                QueueUrl=self._queue_url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
            )
        return list(reply.get("Messages", []))

    def _invoke(self, messages: list[dict[str, Any]]) -> None:
        try:
            event = {"Records": [self._record(message) for message in messages]}
            reply = self._function.invoke(event) or {}
            kept = {item["itemIdentifier"] for item in reply.get("batchItemFailures", [])}
            done = [message for message in messages if message["MessageId"] not in kept]
            with self._lock:
                for message in done:
                    self._sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"])
        except FunctionError as fault:
            self.failures.append(str(fault))
        finally:
            self._free.release()

    def _record(self, message: dict[str, Any]) -> dict[str, Any]:
        name = self._queue_url.rpartition("/")[2]
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": {},
            "md5OfBody": message.get("MD5OfBody", ""),
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:ap-northeast-1:123456789012:{name}",
            "awsRegion": "ap-northeast-1",
        }


class Schedules:
    """EventBridge Scheduler on the model clock: each job runs on a thread of its own, never twice at once."""

    def __init__(self, clock: VirtualClock, lock: Lock) -> None:
        self._clock = clock
        self._lock = lock
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="schedule")
        self._stopped = False
        self.failures: list[str] = []

    def every(self, model_seconds: float, work: Callable[[], object]) -> None:
        """Run ``work`` again and again; the caller holds the lock."""
        busy = threading.Lock()

        def due() -> None:
            if self._stopped:
                return
            if busy.acquire(blocking=False):
                self._pool.submit(self._run, work, busy)
            self._clock.schedule(model_seconds, due)

        self._clock.schedule(model_seconds, due)

    def close(self) -> None:
        """Start nothing more and wait for what runs."""
        self._stopped = True
        self._pool.shutdown()

    def _run(self, work: Callable[[], object], busy: threading.Lock) -> None:
        try:
            work()
        except FunctionError as fault:
            self.failures.append(str(fault))
        finally:
            busy.release()
