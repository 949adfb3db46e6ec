"""The ledger on one of AWS's faces, for the suites of its nine parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from local.memory_ledger import MemoryStore, memory_ledger
from local.twin.http.aws import AwsServer
from slipway.adapters.ledger import dynamo_ledger
from slipway.adapters.ledger.patience import Patience
from slipway.adapters.ledger.table import Key, from_wire, to_wire
from slipway.domain.jobs import JobEvent, JobState
from slipway.domain.matching import Route, Shape
from slipway.domain.snapshot import Offer, Snapshot, WaitingJob
from slipway.ports.ledger import Ledger
from tests.builders import LABELS, NOW, POOL, SHAPE
from tests.contract.aws_faces import Face, aws_face, create_table

TABLE = "ledger"
ROUTE = Route(SHAPE, POOL, LABELS)


@dataclass
class Case:
    """A new ledger, and the AWS beneath it."""

    ledger: Ledger
    aws: Face
    client: Any

    def overtaken(self, happens: Callable[[], object]) -> Ledger:
        """The ledger of a process that another overtakes, once, between its first reading and its writing."""
        return dynamo_ledger(cast("Any", Meanwhile(self.client, happens)), TABLE)

    def snapshot(self, now: float = NOW) -> Snapshot:
        return self.ledger.snapshots.read(POOL, now)

    def another(self) -> Ledger:
        """The ledger as another process sees it."""
        return dynamo_ledger(self.client, TABLE)

    def items(self) -> list[dict[str, Any]]:
        """Everything in the table."""
        found: list[dict[str, Any]] = self.client.scan(TableName=TABLE, ConsistentRead=True)["Items"]
        return found

    def item(self, pk: str, sk: str) -> dict[str, Any]:
        return next((item for item in self.items() if (item["pk"]["S"], item["sk"]["S"]) == (pk, sk)), {})

    def put(self, item: dict[str, Any]) -> None:
        """Write an item as another version of the code might."""
        self.client.put_item(TableName=TABLE, Item=item)


@dataclass
class Meanwhile:
    """DynamoDB's client of a process that another overtakes, once, between its first reading and its writing."""

    client: Any
    happens: Callable[[], object] | None

    def get_item(self, **parameters: Any) -> Any:
        reply = self.client.get_item(**parameters)
        happens, self.happens = self.happens, None
        if happens:
            happens()
        return reply

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


@dataclass
class MemoryCase(Case):
    """The same on the simulator's table, without any AWS."""

    store: MemoryStore = field(default_factory=MemoryStore)

    def overtaken(self, happens: Callable[[], object]) -> Ledger:
        left = [happens]

        def make(operation: str, call: Callable[[], Any]) -> Any:
            reply = call()
            if operation == "GetItem" and left:
                left.pop()()
            return reply

        return memory_ledger(self.store, make)

    def another(self) -> Ledger:
        return memory_ledger(self.store)

    def items(self) -> list[dict[str, Any]]:
        return [to_wire(item) for item in self.store.items()]

    def put(self, item: dict[str, Any]) -> None:
        plain = from_wire(item)
        self.store.put(Key(plain["pk"], plain["sk"]), plain)


def memory_case() -> MemoryCase:
    """Make an empty table in memory."""
    store = MemoryStore()
    return MemoryCase(memory_ledger(store), cast("Face", None), None, store)


@contextmanager
def ledger_case(face: str, serve: Callable[[], AwsServer]) -> Iterator[Case]:
    """Make the table on the AWS behind that face."""
    with aws_face(face, serve) as aws:
        client = aws.client("dynamodb")
        create_table(client, TABLE)
        yield Case(dynamo_ledger(client, TABLE, Patience(pause=lambda _seconds: None)), aws, client)


def drawn(ledger: Ledger, shape: Shape = SHAPE) -> list[WaitingJob]:
    """Draw offers until nothing is left."""
    return [offer.job for offer in iter(lambda: ledger.claims.next_offer(POOL, shape), None)]


def offered(case: Case) -> list[Offer]:
    """Offer the jobs that wait in place of what is on offer, and draw each."""
    jobs = sorted(case.snapshot().jobs, key=lambda job: job.key)
    case.ledger.offers.read(POOL).replace({SHAPE: jobs})
    return list(iter(lambda: case.ledger.claims.next_offer(POOL, SHAPE), None))


def an_event(action: JobState = JobState.QUEUED, number: int = 1, **changes: Any) -> JobEvent:
    """Return an event of a job of acme/one; later actions carry what GitHub adds to them."""
    facts: dict[str, Any] = {
        "action": action,
        "job_id": number,
        "run_id": 100 + number,
        "run_attempt": 1,
        "organization": "acme",
        "organization_id": 7,
        "repository": "acme/one",
        "repository_id": 70,
        "public": False,
        "labels": ("self-hosted", "linux", "x64", "medium"),
        "received_at": NOW,
        "created_at": NOW - 5,
    }
    if action is not JobState.QUEUED:
        facts |= {"started_at": NOW + 10, "runner_name": f"slipway-medium-{number:032x}"}
    if action is JobState.COMPLETED:
        facts |= {"completed_at": NOW + 60, "conclusion": "success"}
    return JobEvent(**{**facts, **changes})
