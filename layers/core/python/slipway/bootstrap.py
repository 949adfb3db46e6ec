"""The composition root: builds the services of each function from its settings.

What a function needs is imported inside its builder, so that no function pays for another's imports.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.adapters.clock import ScaledClock, SystemClock
from slipway.config import AwsAccess, Settings, load_configuration
from slipway.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from slipway.adapters.json_log import JsonLog
    from slipway.ports.clock import Clock
    from slipway.services.ingest import Ingest


def model_clock(settings: Settings) -> Clock:
    """Return the clock by which decisions are made: the machine's, or the demo's faster one."""
    if settings.clock_origin is None:
        return SystemClock()
    return ScaledClock(settings.clock_origin, settings.clock_scale)


def ingest_webhook() -> Ingest:
    """Build the webhook's service.

    Raises:
        ConfigurationError: the compiled configuration or a setting is missing.
    """
    from slipway.adapters.secrets_http import SecretsManager
    from slipway.adapters.sqs_http import SqsJobQueue
    from slipway.services.ingest import Ingest

    settings, access = Settings.from_environment(), AwsAccess.from_environment()
    if not settings.jobs_queue_url:
        raise ConfigurationError(
            "SLIPWAY_JOBS_QUEUE_URL is not set: give the function the URL of the jobs queue"
        )
    wall_clock = SystemClock()  # signatures are checked against real time
    return Ingest(
        load_configuration(settings.configuration_path),
        SecretsManager(access, wall_clock),
        SqsJobQueue(settings.jobs_queue_url, access, wall_clock),
        model_clock(settings),
    )


def webhook_log() -> JsonLog:
    """Build the webhook's log; needs no setting, so that a missing one can be logged."""
    from slipway.adapters.json_log import JsonLog

    return JsonLog("webhook", SystemClock())
