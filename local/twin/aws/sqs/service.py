"""The face of the SQS twin: boto3-shaped operations on standard queues.

Answers come at once: WaitTimeSeconds is accepted and ignored, because waiting is the business of
whoever advances the clock. `watch` tells when a message becomes visible.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar, Final

from local.twin.aws.errors import AwsFault
from local.twin.aws.service import Context, Response, Service, operation
from local.twin.aws.sqs.digests import digest_of_attributes, digest_of_body
from local.twin.aws.sqs.queue import DEFAULTS, IN_FLIGHT_LIMIT, Message, Queue

_LEGACY: Final = "AWS.SimpleQueueService."
#: One message, and one batch in all [SQS-LIMITS].
LARGEST_BYTES: Final = 1_048_576
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BATCH_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")


class Sqs(Service):
    """Amazon SQS."""

    name: ClassVar[str] = "sqs"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._queues: dict[str, Queue] = {}
        #: Where queue URLs point; a loopback server sets its own address.
        self.url_base = f"https://sqs.{context.region}.amazonaws.com"
        #: Off where nobody checks them: answers then have no MD5 digests.
        self.has_digests = True

    # What stands on the other side of the wire.

    def watch(self, queue_name: str, callback: Callable[[], None]) -> None:
        """Call `callback` whenever a message sent from now on becomes visible, also again."""
        self._queues[queue_name].watchers.append(callback)

    def may_have(self, queue_name: str) -> bool:
        """Say whether a receive might return something: a poller on the clock need not ask in vain."""
        return self._queues[queue_name].may_have(self.context.now())

    def deliver(self, queue_name: str, body: str) -> None:
        """Another AWS service sends: not counted as a call of ours. An unknown queue loses the message."""
        queue = self._queues.get(queue_name)
        if queue is not None:
            self._put(queue, body, int(queue.attributes["DelaySeconds"]))

    def bodies(self, queue_name: str) -> list[str]:
        """Everything in the queue, visible or not, oldest first: for checks, never for code under test."""
        return [m.body for m in sorted(self._queues[queue_name].messages.values(), key=lambda m: m.sent_at)]

    def body_of(self, queue_name: str, receipt: str) -> str | None:
        """The message that a handle deletes, None for an older handle: for checks, never for code under test."""
        message = self._queues[queue_name].holder_of(receipt)
        return message.body if message else None

    # Operations.

    @operation
    def create_queue(self, **request: Any) -> Response:
        name, attributes = request["QueueName"], request.get("Attributes", {})
        known = self._queues.get(name)
        if known is None:
            arn = f"arn:aws:sqs:{self.context.region}:{self.context.account_id}:{name}"
            self._queues[name] = Queue(name, arn, {**DEFAULTS, **attributes}, self.context.now())
        elif any(known.attributes.get(k) != v for k, v in attributes.items()):
            message = "A queue already exists with the same name and a different value for attributes."
            raise AwsFault("QueueNameExists", message, query_code="QueueAlreadyExists")
        return {"QueueUrl": self._url(name)}

    @operation
    def get_queue_url(self, **request: Any) -> Response:
        return {"QueueUrl": self._url(self._queue(request["QueueName"]).name)}

    @operation
    def get_queue_attributes(self, **request: Any) -> Response:
        queue = self._queue(request["QueueUrl"])
        counts = {name: str(n) for name, n in queue.counts(self.context.now()).items()}
        created = str(int(queue.created_at))
        moments = {"CreatedTimestamp": created, "LastModifiedTimestamp": created}
        everything = {**queue.attributes, **counts, **moments, "QueueArn": queue.arn}
        wanted = request.get("AttributeNames", [])
        return {"Attributes": {k: v for k, v in everything.items() if "All" in wanted or k in wanted}}

    @operation
    def set_queue_attributes(self, **request: Any) -> Response:
        self._queue(request["QueueUrl"]).attributes.update(request["Attributes"])
        return {}

    @operation
    def send_message(self, **request: Any) -> Response:
        queue = self._queue(request["QueueUrl"])
        if _size(request) > LARGEST_BYTES:
            raise _invalid(
                "One or more parameters are invalid. "
                f"Reason: Message must be shorter than {LARGEST_BYTES} bytes."
            )
        return self._send(queue, request)

    @operation
    def send_message_batch(self, **request: Any) -> Response:
        queue, entries = self._queue(request["QueueUrl"]), request["Entries"]
        _check_batch(entries, "SendMessageBatchRequestEntry")
        if sum(_size(entry) for entry in entries) > LARGEST_BYTES:
            message = f"Batch requests cannot be longer than {LARGEST_BYTES} bytes."
            raise AwsFault("BatchRequestTooLong", message, query_code=_LEGACY + "BatchRequestTooLong")
        return _each(entries, lambda entry: self._send(queue, entry))

    @operation
    def receive_message(self, **request: Any) -> Response:
        queue, now = self._queue(request["QueueUrl"]), self.context.now()
        wanted = int(request.get("MaxNumberOfMessages", 1))
        if not 1 <= wanted <= 10:
            raise _invalid(
                f"Value {wanted} for parameter MaxNumberOfMessages is invalid. "
                "Reason: must be between 1 and 10, if provided."
            )
        timeout = request.get("VisibilityTimeout")
        hidden_seconds = float(queue.attributes["VisibilityTimeout"] if timeout is None else timeout)
        system = {*request.get("AttributeNames", ()), *request.get("MessageSystemAttributeNames", ())}
        names = set(request.get("MessageAttributeNames", ()))
        received: list[dict[str, Any]] = []
        while len(received) < wanted and (message := self._next(queue, now)) is not None:
            self._hand_out(queue, message, hidden_seconds)
            received.append(self._shown(message, system, names))
        return {"Messages": received} if received else {}

    @operation
    def delete_message(self, **request: Any) -> Response:
        self._delete(self._queue(request["QueueUrl"]), request)
        return {}

    @operation
    def delete_message_batch(self, **request: Any) -> Response:
        queue, entries = self._queue(request["QueueUrl"]), request["Entries"]
        _check_batch(entries, "DeleteMessageBatchRequestEntry")
        return _each(entries, lambda entry: self._delete(queue, entry))

    @operation
    def change_message_visibility(self, **request: Any) -> Response:
        queue, seconds = self._queue(request["QueueUrl"]), int(request["VisibilityTimeout"])
        if not 0 <= seconds <= 43200:
            raise _invalid(f"Value {seconds} for parameter VisibilityTimeout is invalid.")
        message = queue.holder_of(request["ReceiptHandle"])
        if message is None or message.visible_at <= self.context.now():
            raise AwsFault(
                "MessageNotInflight",
                f"Value {request['ReceiptHandle']} for parameter ReceiptHandle is invalid. "
                "Reason: Message does not exist or is not available for visibility timeout change.",
                query_code=_LEGACY + "MessageNotInflight",
            )
        message.visible_at = self.context.now() + seconds
        queue.put(message, self.context.clock)
        return {}

    def _url(self, name: str) -> str:
        return f"{self.url_base}/{self.context.account_id}/{name}"

    def _queue(self, reference: str) -> Queue:
        queue = self._queues.get(_name_in(reference))
        if queue is None:
            message = "The specified queue does not exist."
            raise AwsFault("QueueDoesNotExist", message, query_code=_LEGACY + "NonExistentQueue")
        return queue

    def _send(self, queue: Queue, request: Mapping[str, Any]) -> dict[str, Any]:
        attributes, delay = request.get("MessageAttributes", {}), self._checked_delay(queue, request)
        group_id = request.get("MessageGroupId")
        message = self._put(queue, request["MessageBody"], delay, dict(attributes), group_id)
        answer = {"MessageId": message.message_id}
        if self.has_digests:
            answer["MD5OfMessageBody"] = digest_of_body(message.body)
            if attributes:
                answer["MD5OfMessageAttributes"] = digest_of_attributes(attributes)
        return answer

    def _put(
        self,
        queue: Queue,
        body: str,
        delay: int,
        attributes: dict[str, Any] | None = None,
        group_id: str | None = None,
    ) -> Message:
        now = self.context.now()
        message = Message(self.context.ids.uuid(), body, attributes or {}, group_id, now, now + delay)
        queue.put(message, self.context.clock)
        return message

    def _checked_delay(self, queue: Queue, request: Mapping[str, Any]) -> int:
        body = request["MessageBody"]
        if not body:
            raise AwsFault("MissingParameter", "The request must contain the parameter MessageBody.")
        if not body.isprintable() and _FORBIDDEN.search(
            body
        ):  # what is printable is allowed, and told sooner
            raise AwsFault("InvalidMessageContents", "Invalid characters found.")
        if "MessageDeduplicationId" in request:
            raise _invalid("The request includes a parameter that is not valid for this queue type")
        delay = int(request.get("DelaySeconds", queue.attributes["DelaySeconds"]))
        if not 0 <= delay <= 900:
            raise _invalid(
                f"Value {delay} for parameter DelaySeconds is invalid. "
                "Reason: DelaySeconds must be >= 0 and <= 900."
            )
        return delay

    def _next(self, queue: Queue, now: float) -> Message | None:
        """The next message to hand out; what was received too often goes to the dead-letter queue."""
        if len(queue.receipts) >= IN_FLIGHT_LIMIT:
            return None
        while (message := queue.pop_visible(now)) is not None:
            if not message.receive_count:
                return message
            redrive = queue.redrive
            if redrive is None or message.receive_count < redrive[1]:
                return message
            queue.remove(message)
            message.receipt = None
            self._queue(redrive[0]).put(message, self.context.clock)
        return None

    def _hand_out(self, queue: Queue, message: Message, hidden_seconds: float) -> None:
        context, now = self.context, self.context.now()
        if message.receipt is not None:
            queue.receipts.pop(message.receipt, None)
        message.receipt = f"receipt-{context.ids.hex(32)}"
        queue.receipts[message.receipt] = message
        message.receive_count += 1
        message.first_received_at = message.first_received_at or now
        # A standard queue may deliver a message again at any time [SQS-AT-LEAST-ONCE].
        is_doubled = context.happens("doubled_message_rate")
        message.visible_at = now + (0.0 if is_doubled else hidden_seconds)
        queue.put(message, context.clock)

    def _shown(self, message: Message, system: set[str], names: set[str]) -> dict[str, Any]:
        """A message as it is handed out, with the system attributes and the attributes that were asked for."""
        answer: dict[str, Any] = {"MessageId": message.message_id, "ReceiptHandle": message.receipt}
        if self.has_digests:
            answer["MD5OfBody"] = digest_of_body(message.body)
        answer["Body"] = message.body
        if system and (
            shown := {k: v for k, v in _system(message).items() if "All" in system or k in system}
        ):
            answer["Attributes"] = shown
        if names and (
            attributes := {k: v for k, v in message.attributes.items() if {"All", ".*", k} & names}
        ):
            answer["MessageAttributes"] = attributes
            if self.has_digests:
                answer["MD5OfMessageAttributes"] = digest_of_attributes(attributes)
        return answer

    def _delete(self, queue: Queue, request: Mapping[str, Any]) -> dict[str, Any]:
        """Only the newest handle deletes; an older one is accepted and does nothing [SQS-RECEIPT]."""
        message = queue.holder_of(request["ReceiptHandle"])
        if message is not None:
            queue.remove(message)
        return {}


@lru_cache(maxsize=100)
def _name_in(reference: str) -> str:
    """The name of a queue by name, URL or ARN; the host of a URL does not matter."""
    return reference.rpartition("/")[2].rpartition(":")[2]


def _size(request: Mapping[str, Any]) -> int:
    """Bytes that count towards the limit: body, and each attribute's name, type and value."""
    size = len(request["MessageBody"].encode())
    for name, attribute in request.get("MessageAttributes", {}).items():
        value = attribute.get("StringValue", "").encode() or attribute.get("BinaryValue", b"")
        size += len(name.encode()) + len(attribute["DataType"].encode()) + len(value)
    return size


def _invalid(message: str) -> AwsFault:
    return AwsFault("InvalidParameterValue", message, query_code="InvalidParameterValue")


def _check_batch(entries: Sequence[Mapping[str, Any]], entry_name: str) -> None:
    ids = [entry["Id"] for entry in entries]
    if 0 < len(ids) == len(set(ids)) <= 10 and all(map(_BATCH_ID.fullmatch, ids)):
        return
    repeated = next((i for i in ids if ids.count(i) > 1), None)
    faults = (
        (not ids, "EmptyBatchRequest", f"There should be at least one {entry_name} in the request."),
        (
            len(ids) > 10,
            "TooManyEntriesInBatchRequest",
            f"Maximum number of entries per request are 10. You have sent {len(ids)}.",
        ),
        (repeated is not None, "BatchEntryIdsNotDistinct", f"Id {repeated} repeated."),
        (
            any(not _BATCH_ID.fullmatch(i) for i in ids),
            "InvalidBatchEntryId",
            "A batch entry id has 1 to 80 letters, digits, hyphens and underscores.",
        ),
    )
    for holds, code, message in faults:
        if holds:
            raise AwsFault(code, message, query_code=_LEGACY + code)


def _each(
    entries: Sequence[Mapping[str, Any]], act: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> Response:
    """One bad entry fails alone."""
    successful: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for entry in entries:
        try:
            successful.append({"Id": entry["Id"], **act(entry)})
        except AwsFault as fault:
            code = fault.query_code or fault.code
            failed.append({"Id": entry["Id"], "SenderFault": True, "Code": code, "Message": fault.message})
    return {"Successful": successful, **({"Failed": failed} if failed else {})}


def _system(message: Message) -> dict[str, str]:
    return {
        "SenderId": "AIDATWIN",
        "SentTimestamp": str(int(message.sent_at * 1000)),
        "ApproximateReceiveCount": str(message.receive_count),
        "ApproximateFirstReceiveTimestamp": str(int((message.first_received_at or 0.0) * 1000)),
        **({"MessageGroupId": message.group_id} if message.group_id is not None else {}),
    }
