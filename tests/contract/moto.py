"""moto on loopback, its own thread, a free port."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

from slipway.config import AwsAccess

REGION = "eu-west-1"


@contextmanager
def moto_url() -> Iterator[str]:
    """Serve while the block lasts; yields the address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def access(url: str) -> AwsAccess:
    """Return what an adapter of ours needs to speak to it."""
    return AwsAccess(REGION, "AKIDEXAMPLE", "made-up", "made-up-token", {"": url})


def client(service: Any, url: str) -> Any:
    """Return a boto3 client, to arrange and to look."""
    return boto3.client(
        service, endpoint_url=url, region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x"
    )
