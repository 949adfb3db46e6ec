"""Which events of AWS reach the functions: EventBridge's patterns, one rule a kind of event. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from local.infrastructure.places import Places
from slipway.domain.configuration import Pool
from slipway.domain.environments.images import ecr_image
from slipway.domain.environments.settings import Environments

Pattern = dict[str, Any]


def event_rules(pools: Iterable[Pool], places: Places) -> dict[str, Pattern]:
    """Return the event patterns of some pools by rule name: what can change a plan, and no more.

    ECS's events name their cluster, so that other clusters' never cost anything; EC2's name only an instance.
    """
    clusters = sorted(places.arn("ecs", f"cluster/{pool.cluster}", pool.region) for pool in pools)
    return {
        "tasks": _pattern(
            "ecs", ["ECS Task State Change"], {"clusterArn": clusters, "lastStatus": ["RUNNING", "STOPPED"]}
        ),
        "container-instances": _pattern(
            "ecs", ["ECS Container Instance State Change"], {"clusterArn": clusters}
        ),
        "instances": _pattern(
            "ec2", ["EC2 Instance State-change Notification"], {"state": ["stopped", "terminated"]}
        ),
        "spot": _pattern(
            "ec2", ["EC2 Instance Rebalance Recommendation", "EC2 Spot Instance Interruption Warning"], {}
        ),
    }


def environment_rules(settings: Environments) -> dict[str, Pattern]:
    """Return what wakes the environments function besides webhooks: a push of an image that it may wait for."""
    images = (ecr_image(template.image) for template in settings.repositories.values())
    pushed = {
        "action-type": ["PUSH"],
        "result": ["SUCCESS"],
        "repository-name": sorted({image.repository for image in images if image}),
    }
    return {"images": _pattern("ecr", ["ECR Image Action"], pushed)}


def _pattern(source: str, kinds: list[str], detail: dict[str, Any]) -> Pattern:
    pattern: Pattern = {"source": [f"aws.{source}"], "detail-type": kinds}
    return {**pattern, "detail": detail} if detail else pattern
