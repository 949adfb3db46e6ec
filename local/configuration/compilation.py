"""The compact JSON which is bundled with every function, from a valid ``slipway.yaml``."""

from __future__ import annotations

import dataclasses
import json
from typing import Any
from urllib.parse import urlsplit

from local.catalogue import Catalogue, CatalogueEntry
from local.configuration.environments import compiled_environments
from local.configuration.model import GitHub, Pool, Profile, SlipwayFile
from slipway.config import CA_BUNDLE, COMPILED_VERSION
from slipway.domain.configuration import MAX_TASKS_ON_A_BRIDGE, Schedule


def compile_file(file: SlipwayFile) -> str:
    """Return the compiled configuration: one line, keys sorted, so that equal files give equal bytes."""
    return json.dumps(compiled_body(file), sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def compiled_body(file: SlipwayFile) -> dict[str, Any]:
    """Return the compiled configuration as ``slipway.config.decode_configuration`` reads it.

    CPU is in units, memory in MiB, durations in seconds; logins, repositories and labels are lower-case.
    """
    exclusive = {profile.pool for profile in file.profiles.values() if profile.isolation == "instance"}
    return {
        "version": COMPILED_VERSION,
        "deployment": file.deployment,
        "github": _github(file.github),
        "profiles": {name: _profile(profile) for name, profile in file.profiles.items()},
        "pools": {
            name: _pool(
                f"{file.deployment}-{name}", pool, _entries(file.catalogue, pool), exclusive=name in exclusive
            )
            for name, pool in file.pools.items()
        },
        "fairness": {
            "weights": {login.lower(): weight for login, weight in file.fairness.weights.items()},
            "max_queued_per_organization": file.fairness.max_queued_per_organization,
            "max_starting_per_repository": file.fairness.max_starting_per_repository,
        },
        "tags_tasks": file.accounting.task_tags,
        **_environments(file),
    }


def _environments(file: SlipwayFile) -> dict[str, Any]:
    """Return the optional section; without it nothing of it is compiled."""
    if file.environments is None:
        return {}
    return {"environments": compiled_environments(file.deployment, file.environments)}


def api_url(web_url: str) -> str:
    """Return the REST root of a GitHub: github.com, data residency (ghe.com) or a server [GH-API-ROOT]."""
    parts = urlsplit(web_url)
    host = (parts.hostname or "").lower()
    if host == "github.com":
        return "https://api.github.com"
    if host.endswith(".ghe.com"):
        return f"https://api.{host}"
    return f"{web_url}/api/v3"


def _github(github: GitHub) -> dict[str, Any]:
    return {
        "web_url": github.url,
        "api_url": api_url(github.url),
        "enterprise": github.enterprise or "",
        "registration": github.registration,
        "runner_group": None if github.runner_groups == "per-organization" else github.runner_groups,
        "allowed_organizations": _lowered(github.allow.organizations),
        "allowed_repositories": _lowered(github.allow.repositories),
        "allow_public_repositories": github.allow.public_repositories,
        "allowed_workflows": sorted(github.allow.workflows),
        "ca_bundle": CA_BUNDLE if github.ca_bundle else None,
        "webhook_secrets": [
            {"secret": secret.secret, "organizations": _lowered(secret.organizations)}
            for secret in github.secrets.webhook
        ],
        "app_secret": github.secrets.app,
        "runner_token_secrets": list(github.secrets.runner_tokens),
        "organization_hooks": {login.lower(): hook for login, hook in github.organization_hooks.items()},
        "sweep_calls_per_hour": github.sweep_calls_per_hour,
        "rerun_interrupted": github.rerun_interrupted,
    }


def _lowered(names: list[str]) -> list[str]:
    return sorted({name.lower() for name in names})


def _profile(profile: Profile) -> dict[str, Any]:
    bounds, slo = profile.bounds, profile.slo
    return {
        "labels": _lowered(profile.labels),
        "unlabelled_jobs_of": _lowered(profile.unlabelled_jobs_of),
        "size": [profile.cpu, profile.memory, profile.gpus],
        "image": profile.image,
        "pool": profile.pool,
        "isolation": profile.isolation,
        "docker": profile.docker,
        "kvm": profile.kvm,
        "worker_logs": profile.worker_logs,
        "bounds": [[*pair, profile.gpus] for pair in zip(bounds.cpu, bounds.memory, strict=True)]
        if bounds
        else None,
        "standby": profile.standby,
        "max_runners": profile.max_runners,
        "max_runners_per_repository": profile.max_runners_per_repository,
        "idle_timeout_seconds": profile.idle_timeout,
        "job_timeout_seconds": profile.job_timeout,
        "wait_target": {"p90_wait_seconds": slo.p90_wait, "hours": _schedule(slo.hours)} if slo else None,
    }


def _entries(catalogue: Catalogue, pool: Pool) -> list[CatalogueEntry]:
    """Return a pool's types as its region's list has them; that it has them was checked."""
    prices = catalogue.of(pool.region)
    return [prices.entries[name] for name in pool.instance_types] if prices else []


def _pool(
    resource_name: str, pool: Pool, entries: list[CatalogueEntry], *, exclusive: bool
) -> dict[str, Any]:
    headroom = pool.headroom
    return {
        "region": pool.region,
        "cluster": resource_name,
        # Role names are global to an account, clusters and launch templates are not.
        "task_role": f"{resource_name}-task-{pool.region}",
        "launch_template": resource_name,
        "subnets": list(pool.subnets),
        "security_groups": list(pool.security_groups),
        "architecture": pool.architecture,
        "instance_types": [_instance_type(entry, is_exclusive=exclusive) for entry in entries],
        "market": pool.market,
        "max_instances": pool.max_instances,
        "headroom": {"slots": headroom.slots, "schedule": _schedule(headroom.schedule)} if headroom else None,
        "stopped_instances": pool.stopped_instances,
        "idle_timeout_seconds": pool.idle_timeout,
        "max_age_seconds": pool.max_age,
        "exclusive": exclusive,
        "task_policy": pool.task_policy,
        "operating_system": pool.operating_system,
        "uid_ranges": pool.uid_ranges,
        "registry_mirror": pool.registry_mirror,
        "git_cache": pool.git_cache,
        "disk_quota_gib": pool.disk_quota,
        "disk_key": pool.disk_key,
    }


def _instance_type(entry: CatalogueEntry, *, is_exclusive: bool) -> list[Any]:
    """Return name, registered CPU, memory and GPUs, list price, and how many tasks the type takes."""
    size = entry.registered
    most = 1 if is_exclusive else MAX_TASKS_ON_A_BRIDGE
    return [
        entry.name,
        [size.cpu_units, size.memory_mib, size.gpus],
        entry.on_demand_usd_per_hour,
        most,
    ]


def _schedule(hours: Schedule | None) -> dict[str, Any] | None:
    return dataclasses.asdict(hours) if hours else None
