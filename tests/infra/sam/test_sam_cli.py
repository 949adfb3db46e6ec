"""What an operator runs: AWS's own command on the assembled template, without an account."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from local.infrastructure.cloudformation.template_text import read_template
from tests.support.deployments import PACKAGES
from tests.support.infra_tools import run, tool

REGION = "eu-west-1"
SETTINGS = {
    "SAM_CLI_TELEMETRY": "0",
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}

pytestmark = [pytest.mark.toolchain, pytest.mark.slow]


@pytest.fixture
def storage() -> Iterator[tuple[str, Any]]:
    """A place for packages on loopback: its address, and what asks it."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    client = boto3.client(
        "s3",
        endpoint_url=address,
        region_name=REGION,
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )
    client.create_bucket(Bucket="deployments", CreateBucketConfiguration={"LocationConstraint": REGION})
    yield address, client
    server.stop()


def test_sam_validates_the_template_and_lints_it(two_regions: Path, tmp_path: Path) -> None:
    sam = tool("sam", ".venv-infra")
    done = run(
        sam,
        "validate",
        "--lint",
        "--template-file",
        two_regions,
        cwd=two_regions.parent,
        environment={**SETTINGS, "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "valid SAM Template" in done.stdout + done.stderr


def test_sam_finds_every_package_where_the_build_puts_it_and_uploads_it(
    two_regions: Path, tmp_path: Path, storage: tuple[str, Any]
) -> None:
    sam = tool("sam", ".venv-infra")
    address, client = storage
    packaged = tmp_path / "packaged.yaml"
    # From another folder than the build: its paths are relative to the template.
    done = run(
        sam,
        "package",
        "--template-file",
        two_regions,
        "--s3-bucket",
        "deployments",
        "--output-template-file",
        packaged,
        cwd=tmp_path,
        environment={**SETTINGS, "HOME": str(tmp_path), "AWS_ENDPOINT_URL": address},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    resources = read_template(packaged.read_text("utf-8"))["Resources"]
    places = [
        one["Properties"][key]
        for one in resources.values()
        for key in ("CodeUri", "ContentUri")
        if key in one.get("Properties", {})
    ]
    assert len(places) == len(PACKAGES)
    assert all(place.startswith("s3://deployments/") for place in places)
    assert client.list_objects_v2(Bucket="deployments")["KeyCount"] >= 1
