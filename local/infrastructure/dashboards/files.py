"""The committed dashboards: Grafana's, which serves every deployment, and CloudWatch's of an example, to read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local.configuration.check import check_file
from local.configuration.compilation import compiled_body
from local.infrastructure.alarms import alarms
from local.infrastructure.dashboards import cloudwatch, grafana
from local.infrastructure.places import Places, functions_of
from slipway.config import decode_configuration
from slipway.domain.configuration import Configuration

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "infra" / "dashboards"
EXAMPLE = ROOT / "docs" / "examples" / "slipway.yaml"
# Of no account of anybody's.
PLACES = Places(account_id="111122223333", claim_region="ap-northeast-1")


def dashboard_files() -> Iterator[tuple[str, str]]:
    """Yield each file's name and text."""
    configuration = _example()
    functions = functions_of(configuration, None)
    body = cloudwatch.dashboard(configuration, PLACES, alarms(configuration, PLACES), functions)
    yield "cloudwatch.json", _text(body)
    yield "grafana.json", _text(grafana.dashboard())


def _example() -> Configuration:
    file = check_file(EXAMPLE).file
    if file is None:
        raise ValueError(f"{EXAMPLE} is not valid")
    return decode_configuration(compiled_body(file))


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2) + "\n"
