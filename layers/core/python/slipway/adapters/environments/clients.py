"""botocore clients of the services that only environments use, and of ECS with what only they do there.

The function's package brings botocore's models of them along: the layer that all functions share has none of it, so
that no other function reads more than it needs.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from botocore.session import Session

from slipway.adapters.aws_clients import Endurance

SERVICES = ("ecs", "elbv2", "ecr", "logs")
MODELS = Path(__file__).parents[3] / "botocore_models"
"""In the function's package, beside our own code; a checkout has none, and botocore's own serve there."""

# Each call is made once: what came of one that was not answered, the next survey shows.
ONCE = Endurance(connect_seconds=1, read_seconds=15, tries=1)


@cache
def client(service: str, region: str) -> Any:
    """Return the client of one of the services in a region."""
    return _session().create_client(service, region_name=region, config=ONCE.told)


@cache
def _session() -> Session:
    session = Session()
    session.get_component("data_loader").search_paths.insert(0, str(MODELS))
    return session
