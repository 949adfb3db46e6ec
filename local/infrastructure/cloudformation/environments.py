"""The cluster in which environments of pull requests run. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.infrastructure.cloudformation.pools import Resources


def environments_cluster(own: Mapping[str, Any]) -> Resources:
    """Return it: Fargate needs nothing of a cluster."""
    return {
        "EnvironmentsCluster": {
            "Type": "AWS::ECS::Cluster",
            "Properties": {
                "ClusterName": own["cluster"],
                "ClusterSettings": [{"Name": "containerInsights", "Value": {"Ref": "ContainerInsights"}}],
                "Tags": [{"Key": name, "Value": value} for name, value in own["tags"].items()],
            },
        }
    }
