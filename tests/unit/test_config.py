"""Settings and the compiled configuration: faults at once, secrets out of sight."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from slipway.config import COMPILED_VERSION, AwsAccess, Settings, load_configuration
from slipway.domain.errors import ConfigurationError
from tests.deliveries import compiled


def test_what_is_not_set_is_empty_and_the_configuration_lies_beside_the_code() -> None:
    settings = Settings.from_environment({"LAMBDA_TASK_ROOT": "/var/task"})
    assert settings.configuration_path == Path("/var/task/slipway.json")
    assert (settings.table, settings.region, settings.account_id) == ("", "", "")
    assert (settings.lease_seconds, settings.clock_origin, settings.clock_scale) == (120, None, 1.0)


def test_every_unreadable_variable_is_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_environment({"SLIPWAY_CLOCK": "noon", "SLIPWAY_LEASE_SECONDS": "1.5"})
    assert [fault.split()[0] for fault in caught.value.faults] == ["SLIPWAY_CLOCK", "SLIPWAY_LEASE_SECONDS"]


@pytest.mark.parametrize("lease", ["", "-1", "1e3", "١٢", " 5", "two"])
def test_a_lease_is_a_whole_number(lease: str) -> None:
    with pytest.raises(ConfigurationError, match="SLIPWAY_LEASE_SECONDS"):
        Settings.from_environment({"SLIPWAY_LEASE_SECONDS": lease})


@pytest.mark.parametrize("clock", ["5", "1,2,3", "a,b", ","])
def test_a_clock_is_an_origin_and_a_scale(clock: str) -> None:
    with pytest.raises(ConfigurationError, match="SLIPWAY_CLOCK"):
        Settings.from_environment({"SLIPWAY_CLOCK": clock})


def test_credentials_show_in_no_repr() -> None:
    access = AwsAccess.from_environment(
        {
            "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "canary-key", "AWS_SESSION_TOKEN": "canary-token",
        }
    )  # fmt: skip
    assert (access.secret_access_key, access.session_token) == ("canary-key", "canary-token")
    assert "canary" not in f"{access!r}{access}"


def test_endpoints_are_read_as_boto3_reads_them() -> None:
    access = AwsAccess.from_environment({"AWS_ENDPOINT_URL": "a", "AWS_ENDPOINT_URL_SQS": "b", "AWS_X": "c"})
    assert access.endpoints == {"": "a", "sqs": "b"}


def test_a_compiled_configuration_is_read(tmp_path: Path) -> None:
    path = tmp_path / "slipway.json"
    path.write_text(json.dumps(compiled()), "utf-8")
    assert set(load_configuration(path).profiles) == {"medium", "sized"}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in compiled().items() if key != name}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        "\ufeff{}",
        json.dumps({**compiled(), "version": COMPILED_VERSION + 1}),
        json.dumps(without("version")),
        json.dumps(without("pools")),
        json.dumps({**compiled(), "pools": {"general": {}}}),
        json.dumps({**compiled(), "fairness": {"unknown": 1}}),
        json.dumps(compiled(registration="nowhere")),
    ],
)
def test_a_file_that_is_no_compiled_configuration_says_how_to_make_one(tmp_path: Path, content: str) -> None:
    path = tmp_path / "slipway.json"
    path.write_text(content, "utf-8")
    with pytest.raises(ConfigurationError, match="compile") as caught:
        load_configuration(path)
    assert str(path) in str(caught.value)
