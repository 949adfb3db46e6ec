"""The policies by name, in the order in which they are compared; each is imported when it is asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from local.simulator.policies.policy import Policy

DEFAULT: Final = "slipway"
#: Name -> module and function.
_PLACES: Final = {
    "slipway": ("local.simulator.policies.slipway", "run_slipway"),
    "slipway-without-headroom": ("local.simulator.policies.slipway", "run_without_headroom"),
    "slipway-without-standby": ("local.simulator.policies.slipway", "run_without_standby"),
    "slipway-without-stopped": ("local.simulator.policies.slipway", "run_without_stopped"),
    "ecs-managed-scaling": ("local.simulator.policies.managed_scaling", "run_managed_scaling"),
    "ecs-managed-instances": ("local.simulator.policies.managed_instances", "run_managed_instances"),
    "instance-per-job": ("local.simulator.policies.instance_per_job", "run_instance_per_job"),
    "clairvoyant": ("local.simulator.policies.clairvoyant", "run_clairvoyant"),
}
NAMES: Final = tuple(_PLACES)


def policy(name: str) -> Policy:
    """Return a policy; KeyError for a name that is none."""
    place, function = _PLACES[name]
    found: Policy = getattr(importlib.import_module(place), function)
    return found
