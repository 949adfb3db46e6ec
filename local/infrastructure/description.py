"""The deployment as data: everything in both infrastructure trees that follows from ``slipway.yaml``. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.infrastructure.alarms import alarms
from local.infrastructure.dashboards import cloudwatch
from local.infrastructure.event_rules import environment_rules, event_rules
from local.infrastructure.function_policies import function_policies, readers_of
from local.infrastructure.host_settings import user_data_files
from local.infrastructure.places import Places, functions_of, log_group
from local.infrastructure.roles import pool_roles
from local.infrastructure.statements import DEPLOYMENT_TAG
from local.infrastructure.task_definitions import task_definitions
from slipway.domain.configuration import Configuration, Pool, Registration
from slipway.domain.environments.settings import Environments
from slipway.domain.host_images import kind_of_image

VERSION = 1


def describe(
    configuration: Configuration,
    places: Places,
    scripts: Mapping[str, str],
    sha256: str,
    environments: Environments | None = None,
) -> dict[str, Any]:
    """Return the description of a deployment, as JSON.

    Args:
        configuration: of a valid ``slipway.yaml``.
        places: what only a deployment knows, or its placeholders.
        scripts: ``infra/hosts`` by path within it, as ``host_scripts.read`` gives them.
        sha256: of the ``slipway.yaml``, so that a description which is older than it can be told.
        environments: the optional section; without it the description has nothing of it.

    Raises:
        DescriptionError: a pool's user data is more than EC2 takes, or a function's policy more than IAM does.
    """
    pools = dict(sorted(configuration.pools.items()))
    policies = function_policies(configuration, places, environments)
    called_for = alarms(configuration, places, environments)
    return {
        "version": VERSION,
        "configuration_sha256": sha256,
        "deployment": configuration.deployment,
        "secrets": {
            name: {"readers": readers_of(name, policies, places)} for name in secrets_to_create(configuration)
        },
        "functions": {name: {"policy": policy} for name, policy in policies.items()},
        "alarms": called_for,
        "dashboard": cloudwatch.dashboard(
            configuration, places, called_for, functions_of(configuration, environments)
        ),
        # Of the home region, where other regions' events arrive too; and of each region, for what it sends there.
        "event_rules": event_rules(pools.values(), places),
        "regional_event_rules": {
            region: event_rules([pool for pool in pools.values() if pool.region == region], places)
            for region in sorted({pool.region for pool in pools.values()})
        },
        "pools": {name: _pool(configuration, pool, places, scripts) for name, pool in pools.items()},
        "task_definitions": {
            name: {"region": pools[configuration.profiles[name].pool].region, **definition}
            for name, definition in task_definitions(configuration, places).items()
        },
        **_environments(environments),
    }


def secrets_to_create(configuration: Configuration) -> list[str]:
    """Return the secrets that the configuration names but does not bring: those given without an ARN.

    Runner tokens are read at enterprise level alone: elsewhere nobody could, so none is made.
    """
    github = configuration.github
    named = {secret.secret_id for secret in github.webhook_secrets}
    if github.registration is Registration.ENTERPRISE:
        named |= {*github.runner_token_secrets}
    if github.app_secret:
        named.add(github.app_secret)
    return sorted(name for name in named if not name.startswith("arn:"))


def pool_tags(configuration: Configuration, pool: Pool) -> dict[str, str]:
    """Return the tags of a pool's resources, those of its launch template above all."""
    return {DEPLOYMENT_TAG: configuration.deployment, "slipway:pool": pool.name}


def _environments(settings: Environments | None) -> dict[str, Any]:
    """Return what environments have of their own; nothing where nobody configured them."""
    if settings is None:
        return {}
    own = {
        "region": settings.region,
        "cluster": settings.cluster,
        "tags": {DEPLOYMENT_TAG: settings.deployment},
        "event_rules": environment_rules(settings),
    }
    return {"environments": own}


def _pool(
    configuration: Configuration, pool: Pool, places: Places, scripts: Mapping[str, str]
) -> dict[str, Any]:
    profiles = [profile for profile in configuration.profiles.values() if profile.pool == pool.name]
    return {
        "region": pool.region,
        "cluster": pool.cluster,
        "launch_template": pool.launch_template,
        # Of all that a pool has. By the deployment's the functions' policies know the launch template.
        "tags": pool_tags(configuration, pool),
        "log_group": log_group(pool),
        "needs_data_volume": pool.disk_quota_gib is not None,
        "disk_key": pool.disk_key,
        "security_groups": list(pool.security_groups),
        "image_parameter": kind_of_image(
            pool, has_gpus=any(profile.size.gpus for profile in profiles)
        ).parameter,
        "user_data": user_data_files(configuration, pool, scripts)[f"{pool.name}.txt"].strip(),
        "roles": pool_roles(configuration, pool, places),
    }
