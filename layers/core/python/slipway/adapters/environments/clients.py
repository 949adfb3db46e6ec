"""botocore clients of the services that only environments use, and of ECS with what only they do there.

The function's package brings botocore's models of them along: the layer that all functions share has none of it, so
that no other function reads more than it needs.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.session import Session

SERVICES = ("ecs", "elbv2", "ecr", "logs")
MODELS = Path(__file__).parents[3] / "botocore_models"
"""In the function's package, beside our own code; a checkout has none, and botocore's own serve there."""

# Each call is made once: what came of one that was not answered, the next survey shows.
_CONFIG = Config(
    connect_timeout=3,
    read_timeout=15,
    retries={"mode": "standard", "total_max_attempts": 1},
    max_pool_connections=8,
)


@cache
def client(service: str, region: str) -> Any:
    """Return the client of one of the services in a region."""
    return _session().create_client(service, region_name=region, config=_CONFIG)


@cache
def _session() -> Session:
    session = Session()
    session.get_component("data_loader").search_paths.insert(0, str(MODELS))
    return session
