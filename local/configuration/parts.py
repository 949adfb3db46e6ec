"""The parts of a ``slipway.yaml`` that cross checks look at, each only where it is in form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.catalogue import Catalogue
from local.configuration.environments import Environments
from local.configuration.model import GitHub, Pool, Profile


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a file that are in form, so that one fault does not hide another.

    ``wanted_pools`` is what every profile says under ``pool``, in form or not; ``pool_names`` likewise. Without a
    ``catalogue`` nothing can be said of instance types.
    """

    deployment: str
    github: GitHub | None
    profiles: Mapping[str, Profile]
    pools: Mapping[str, Pool]
    wanted_pools: Mapping[str, Any]
    pool_names: frozenset[str]
    environments: Environments | None = None
    catalogue: Catalogue | None = None
