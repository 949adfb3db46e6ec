"""AWS as an adapter can meet it: the twin in process, the twin behind boto3 and HTTP, and moto in process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import boto3
from botocore.config import Config
from moto import mock_aws

from local.twin.aws.account import AwsTwin
from local.twin.clock import VirtualClock
from local.twin.http.aws import AwsServer
from local.twin.latency import LatencyModel
from tests.builders import NOW

REGION: Final = "ap-northeast-1"
ACCOUNT: Final = "123456789012"
TWIN_FACES: Final = ("twin", "boto3")
EVERY_FACE: Final = (*TWIN_FACES, "moto")
#: boto3 would repeat a planned fault away; a contract is about what one failed call becomes.
_ONE_TRY: Final = Config(retries={"total_max_attempts": 1}, max_pool_connections=50)


@dataclass
class Face:
    """One AWS. ``twin`` is its state machine, which moto has not; touch it only with ``lock`` held."""

    name: str
    twin: AwsTwin | None
    url: str
    lock: threading.RLock

    def client(self, service: Any) -> Any:
        """Return what the adapter is given as its boto3 client."""
        return self.twin.client(service) if self.twin and not self.url else _client(service, self.url)

    @property
    def account(self) -> AwsTwin:
        """The twin, to order faults and to look; moto has none."""
        assert self.twin is not None
        return self.twin


@cache
def _session() -> boto3.Session:
    """One session a process: it keeps the service models that it has read."""
    return boto3.Session("AKIDEXAMPLE", "made-up", region_name=REGION)


@cache
def _client(service: Any, url: str) -> Any:
    return _session().client(service, endpoint_url=url or None, config=_ONE_TRY)


def new_twin() -> AwsTwin:
    """Return an empty account without latency, strict about what is asked of it."""
    return AwsTwin(VirtualClock(NOW), latency=LatencyModel.none(), seed=1, check_wire=True)


@contextmanager
def aws_face(name: str, serve: Callable[[], AwsServer]) -> Iterator[Face]:
    """Give a fresh account behind the face of that name; ``serve`` answers with the server of all tests."""
    lock = threading.RLock()
    if name == "moto":
        with mock_aws():
            yield Face(name, None, "", lock)
    elif name == "twin":
        yield Face(name, new_twin(), "", lock)
    else:
        server = serve()
        with server.lock:
            server.twin = new_twin()
            server.twin.sqs.url_base = server.url
        yield Face(name, server.twin, server.url, server.lock)


def create_table(client: Any, name: str) -> None:
    """Make the ledger's table as the deployment makes it."""
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
    )
