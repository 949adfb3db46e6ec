"""Every check of the doctor, in the order in which they are run and told. A new one is a module and a line here."""

from __future__ import annotations

from local.doctor.checks import (
    claim_endpoint,
    credentials,
    github,
    images,
    instance_types,
    quotas,
    reach,
    secrets,
    service_roles,
    subnets,
    ways_out,
    webhook,
)
from local.doctor.findings import Check

CONFIGURATION = (
    "configuration"  # looked at first, by itself: without a valid file there is nothing to look for
)
CHECKS: tuple[Check, ...] = (
    credentials.CHECK,
    github.CHECK,
    instance_types.CHECK,
    subnets.CHECK,
    ways_out.CHECK,
    claim_endpoint.CHECK,
    quotas.CHECK,
    service_roles.CHECK,
    secrets.CHECK,
    images.CHECK,
    webhook.CHECK,
    reach.CHECK,
)
