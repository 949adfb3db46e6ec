"""The composition root: every builder builds, and says what it was not given."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from slipway import bootstrap
from slipway.adapters import aws_clients
from slipway.adapters.clock import ScaledClock, SystemClock
from slipway.config import Settings
from slipway.domain.errors import ConfigurationError
from slipway.services.claim import Claim, Release
from slipway.services.environments.receive import Receive
from slipway.services.ingest import Ingest
from slipway.services.reap import ReapStale
from slipway.services.repair import Repair
from slipway.services.scale import Scale
from tests.builders import a_configuration
from tests.deliveries import compiled
from tests.support.environments import compiled_settings

COMMON = ("AWS_REGION", "SLIPWAY_TABLE")
NEEDS: dict[str, tuple[str, ...]] = {
    "ingest_webhook": ("SLIPWAY_JOBS_QUEUE_URL",),  # and that of environments, where they are configured
    "scale": (
        *COMMON, "SLIPWAY_JOBS_QUEUE_URL", "SLIPWAY_EVENTS_QUEUE_URL", "SLIPWAY_DEAD_LETTERS_QUEUE_URL",
    ),
    "runner_api": (*COMMON, "SLIPWAY_ACCOUNT_ID", "SLIPWAY_EVENTS_QUEUE_URL"),
    "reap": (*COMMON, "SLIPWAY_EVENTS_QUEUE_URL"),
    "repair": (*COMMON, "SLIPWAY_JOBS_QUEUE_URL"),
    "reconcile_environments": (
        *COMMON, "SLIPWAY_ENVIRONMENTS_QUEUE_URL", "SLIPWAY_DEAD_LETTERS_QUEUE_URL",
    ),
}  # fmt: skip


@pytest.fixture(params=["enterprise", "organization", "repository"])
def environment(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a function all that its deployment gives, at each of GitHub's levels."""
    path = tmp_path / "slipway.json"
    secrets = {"app_secret": "arn:app", "runner_token_secrets": ["arn:token"]}
    body = compiled(registration=request.param, **secrets)
    path.write_text(json.dumps({**body, "environments": compiled_settings()}), "utf-8")
    values = {
        "SLIPWAY_CONFIG": str(path), "AWS_REGION": "eu-west-1", "SLIPWAY_TABLE": "slipway",
        "SLIPWAY_ACCOUNT_ID": "111122223333",
        **{f"SLIPWAY_{name}_QUEUE_URL": f"https://sqs.example/1/{name.lower()}"
           for name in ("JOBS", "EVENTS", "DEAD_LETTERS", "ENVIRONMENTS")},
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "made-up",
    }  # fmt: skip
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def build(name: str) -> object:
    builder: Callable[[], object] = getattr(bootstrap, name)
    return builder()


@pytest.mark.usefixtures("environment")
def test_every_builder_builds_its_service() -> None:
    assert isinstance(bootstrap.ingest_webhook(), Ingest)
    assert isinstance(bootstrap.scale(), Scale)
    claim, release = bootstrap.runner_api()
    assert isinstance(claim, Claim)
    assert isinstance(release, Release)
    assert isinstance(bootstrap.reap(), ReapStale)
    assert isinstance(bootstrap.repair(), Repair)
    assert isinstance(bootstrap.reconcile_environments(), Receive)
    assert bootstrap.scale().jobs_queue == "jobs"


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(("name", "variable"), [(n, v) for n, needed in NEEDS.items() for v in needed])
def test_a_missing_setting_is_named(name: str, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(variable)
    with pytest.raises(ConfigurationError) as caught:
        build(name)
    assert [fault.split()[0] for fault in caught.value.faults] == [variable]


@pytest.mark.parametrize("name", NEEDS)
def test_all_that_is_missing_is_named_at_once(name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        build(name)
    assert tuple(fault.split()[0] for fault in caught.value.faults) == NEEDS[name]


@pytest.mark.usefixtures("environment")
def test_the_webhook_needs_the_queue_of_environments_where_they_are_configured_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLIPWAY_ENVIRONMENTS_QUEUE_URL")
    with pytest.raises(ConfigurationError, match="SLIPWAY_ENVIRONMENTS_QUEUE_URL"):
        bootstrap.ingest_webhook()
    (tmp_path / "slipway.json").write_text(json.dumps(compiled()), "utf-8")
    assert isinstance(bootstrap.ingest_webhook(), Ingest)
    monkeypatch.setenv("SLIPWAY_ENVIRONMENTS_QUEUE_URL", "https://sqs.example/1/environments")
    with pytest.raises(ConfigurationError, match="environments is not set"):
        bootstrap.reconcile_environments()


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("name", NEEDS)
def test_no_builder_asks_for_a_setting_that_it_does_not_need(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The webhook needs the queue of environments here, where they are configured: the test above is about that.
    needed = {*NEEDS[name], *(["SLIPWAY_ENVIRONMENTS_QUEUE_URL"] if name == "ingest_webhook" else [])}
    for variable in {one for all_of in NEEDS.values() for one in all_of} - needed:
        monkeypatch.delenv(variable)
    assert build(name)


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("name", NEEDS)
def test_a_missing_configuration_says_how_to_make_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLIPWAY_CONFIG", str(tmp_path / "nowhere.json"))
    with pytest.raises(ConfigurationError, match="slipway config compile"):
        build(name)


def test_without_an_app_redelivery_says_what_it_needs(
    environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slipway.json").write_text(json.dumps(compiled()), "utf-8")
    with pytest.raises(ConfigurationError, match="GitHub App"):
        bootstrap.repair()


def test_decisions_are_made_by_the_machine_s_clock_unless_the_demo_says_otherwise() -> None:
    assert isinstance(bootstrap.model_clock(Settings.from_environment({})), SystemClock)
    scaled = Settings.from_environment({"SLIPWAY_CLOCK": "0,60"})
    assert isinstance(bootstrap.model_clock(scaled), ScaledClock)


@pytest.mark.parametrize(("clock", "slept"), [("", 0.4), ("0,8", 0.05)])
def test_a_pause_is_as_long_as_the_clock_s_seconds_are(
    clock: str, slept: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("slipway.bootstrap.time.sleep", pauses.append)
    settings = Settings.from_environment({"SLIPWAY_CLOCK": clock})
    bootstrap.Deployed(settings, a_configuration()).pause(0.4)
    assert pauses == [slept]


def test_the_webhook_s_log_tells_the_time_of_the_ledger_and_needs_no_setting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for clock, is_scaled in (("0,1e-9", True), ("noon", False), ("", False)):
        monkeypatch.setenv("SLIPWAY_CLOCK", clock)
        bootstrap.webhook_log().write("INFO", "heard", {})
        line = json.loads(capsys.readouterr().out)
        assert line["timestamp"].startswith("1970-01-01") is is_scaled


@pytest.mark.usefixtures("environment")
def test_a_client_is_made_once_a_service_and_region() -> None:
    services = (aws_clients.ecs, aws_clients.ec2, aws_clients.sqs, aws_clients.dynamodb)
    for service in services:
        assert service("eu-west-1") is service("eu-west-1")
        assert service("eu-west-1") is not service("us-east-1")
        assert service("us-east-1").meta.region_name == "us-east-1"
