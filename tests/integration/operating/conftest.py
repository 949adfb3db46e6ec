"""A deployment's table behind HTTP, where the operator's boto3 looks for it."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest

from local.twin.http.aws import AwsServer
from tests.contract.aws_faces import create_table, new_twin

REGION = "ap-northeast-1"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsServer]:
    """Serve the twin with an empty table, to somebody with credentials."""
    with AwsServer(new_twin()) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOPERATOROPERATOR")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of an operator")
        monkeypatch.setenv("AWS_REGION", REGION)
        create_table(boto3.client("dynamodb", region_name=REGION), "slipway")
        yield server
