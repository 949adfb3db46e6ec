"""The webhook function in its own process' place: real handler, real adapters, a loopback AWS."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from functions.webhook import handler
from slipway import bootstrap
from slipway.adapters.json_log import JsonLog
from tests.deliveries import NOW, SECRETS, compiled
from tests.fakes.aws_stub import AwsStub
from tests.fakes.clock import ManualClock
from tests.support.emf import values_told


@dataclass
class Webhook:
    """The function, what AWS saw of it, what it logged."""

    aws: AwsStub
    clock: ManualClock
    log: io.StringIO

    def __call__(self, event: Any) -> tuple[int, dict[str, str]]:
        reply = handler.lambda_handler(event, None)
        json.dumps(reply)
        return reply["statusCode"], json.loads(reply["body"])

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines that say something to a reader."""
        return [line for line in self._logged if "_aws" not in line]

    @property
    def metrics(self) -> dict[str, list[float]]:
        """The values of each metric, as CloudWatch reads them from the log [LAMBDA-EMF]."""
        return values_told(self._logged)

    @property
    def _logged(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]

    @property
    def events(self) -> list[dict[str, Any]]:
        """The job events on the queue."""
        return [json.loads(message["MessageBody"]) for message in self.aws.messages]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the function what its deployment gives it, all but the endpoints; returns the configuration's path."""
    path = tmp_path / "slipway.json"
    path.write_text(json.dumps(compiled()), "utf-8")
    for name, value in {
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "canary-aws-secret-key",
        "AWS_SESSION_TOKEN": "canary-session-token",
        "SLIPWAY_CONFIG": str(path),
        "SLIPWAY_JOBS_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/111122223333/jobs",
    }.items():
        monkeypatch.setenv(name, value)
    return path


@pytest.fixture
def webhook(settings: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    """Serve deliveries; time stands still at ``NOW``."""
    clock, log = ManualClock(NOW), io.StringIO()
    monkeypatch.setattr(bootstrap, "model_clock", lambda _settings: clock)
    monkeypatch.setattr(handler, "webhook_log", lambda: JsonLog("webhook", clock, log))
    with AwsStub(dict(SECRETS)) as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        handler.ingest_webhook.cache_clear()
        yield Webhook(aws, clock, log)
        handler.ingest_webhook.cache_clear()
