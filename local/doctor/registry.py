"""Every check of the doctor, in the order in which they are run and told. A new one is a module and a line here."""

from __future__ import annotations

from local.doctor.checks import (
    alarms,
    ca_bundle,
    claim_endpoint,
    clock,
    credentials,
    deliveries,
    disk_keys,
    functions,
    github,
    hosts,
    images,
    instance_types,
    logs,
    pools,
    quotas,
    reach,
    reaper,
    role_policies,
    runner_groups,
    secrets,
    service_roles,
    subnets,
    table,
    tokens,
    wake_ups,
    ways_out,
    webhook,
)
from local.doctor.findings import Check

CONFIGURATION = (
    "configuration"  # looked at first, by itself: without a valid file there is nothing to look for
)
CHECKS: tuple[Check, ...] = (
    clock.CHECK,
    credentials.CHECK,
    github.CHECK,
    ca_bundle.CHECK,
    instance_types.CHECK,
    subnets.CHECK,
    ways_out.CHECK,
    claim_endpoint.CHECK,
    quotas.CHECK,
    service_roles.CHECK,
    disk_keys.CHECK,
    secrets.CHECK,
    images.CHECK,
    webhook.CHECK,
    reach.CHECK,
    functions.CHECK,
    wake_ups.CHECK,
    table.CHECK,
    logs.CHECK,
    hosts.CHECK,
    role_policies.CHECK,
    alarms.CHECK,
    reaper.CHECK,
    tokens.CHECK,
    deliveries.CHECK,
    runner_groups.CHECK,
    pools.CHECK,
)
