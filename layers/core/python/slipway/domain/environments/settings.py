"""The configuration's optional section: where environments live, and what each repository's are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Template:
    """What the environments of one repository (lower-case) are made of.

    Texts may hold ``{{VARIABLE}}``, but for the roles and the prefix of the host name.
    """

    repository: str
    host_prefix: str
    image: str
    port: int
    cpu_units: int
    memory_mib: int
    execution_role: str
    task_role: str | None = None
    architecture: str = "x64"
    environment: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    health_path: str = "/"


@dataclass(frozen=True, slots=True)
class Environments:
    """Where environments live, who gets one, for how long, and how many there may be."""

    deployment: str
    region: str
    cluster: str
    domain: str
    listener: str
    vpc: str
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    repositories: Mapping[str, Template]
    label: str = "preview"
    keep_label: str = "preview-keep"
    drafts: bool = False
    public_ip: bool = False
    time_to_live_seconds: int = 259_200
    unhealthy_after_seconds: int = 1_800
    most: int = 20
    most_per_repository: int = 10
    log_retention_days: int = 7


def decode_environments(body: Mapping[str, Any], deployment: str) -> Environments:
    """Build the section from its compiled form: the dataclasses' own names, nested."""
    return Environments(
        **{
            **body,
            "deployment": deployment,
            "subnets": tuple(body["subnets"]),
            "security_groups": tuple(body["security_groups"]),
            "repositories": {
                name: Template(**{**one, "repository": name, "command": tuple(one["command"])})
                for name, one in body["repositories"].items()
            },
        }
    )
