"""The form of the optional section ``environments``, and what ties it together."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from local.configuration import fields as f
from local.configuration.faults import Fault, Path, nearest, printable
from local.configuration.section import Section
from slipway.domain.environments.images import ecr_image
from slipway.domain.environments.planner import RULES_OF_A_LOAD_BALANCER
from slipway.domain.environments.templates import IN_IMAGES, OF_A_COMMIT, VARIABLES, variables_of

_MOST = RULES_OF_A_LOAD_BALANCER - 5  # others have rules of the load balancer too
PullRequestLabel = Annotated[str, Field(min_length=1, max_length=50)]
TemplateText = Annotated[str, Field(max_length=4_096)]

# Memory in MiB that Fargate has for each size in CPU units [ECS-FARGATE-SIZES].
_FARGATE: Mapping[int, Collection[int]] = {
    256: (512, 1_024, 2_048),
    512: range(1_024, 4_097, 1_024),
    1_024: range(2_048, 8_193, 1_024),
    2_048: range(4_096, 16_385, 1_024),
    4_096: range(8_192, 30_721, 1_024),
    8_192: range(16_384, 61_441, 4_096),
    16_384: range(32_768, 122_881, 8_192),
}


class EnvironmentTemplate(Section):
    """What the environments of one repository are made of."""

    image: Annotated[str, Field(min_length=1, max_length=500)]
    port: Annotated[int, Field(ge=1, le=65_535)]
    execution_role: f.RoleArn
    task_role: f.RoleArn | None = None
    host_prefix: f.HostPrefix = "pr"
    cpu: f.Cpu = Field(0.25)
    memory: f.Memory = Field("512MiB")
    architecture: Literal["x64", "arm64"] = "x64"
    environment: dict[f.VariableName, TemplateText] = Field(default_factory=dict)
    command: list[TemplateText] = Field(default_factory=list, max_length=100)
    health_path: f.HealthPath = "/"


class Environments(Section):
    """Environments of pull requests: none without this section."""

    domain: f.Domain
    listener: f.Listener
    vpc: f.Vpc
    subnets: list[f.Subnet] = Field(min_length=1, max_length=16)
    security_groups: list[f.SecurityGroup] = Field(min_length=1, max_length=5)
    public_ip: bool = False
    cluster: f.ClusterName | None = Field(None, description="none: DEPLOYMENT-environments")
    label: PullRequestLabel = "preview"
    keep_label: PullRequestLabel = "preview-keep"
    drafts: bool = False
    time_to_live: f.Duration = Field("3d")
    unhealthy_after: f.Duration = Field("30m")
    max: Annotated[int, Field(ge=1, le=_MOST)] = 20
    max_per_repository: Annotated[int, Field(ge=1, le=_MOST)] = 10
    log_retention_days: Literal[1, 3, 5, 7, 14, 30, 60, 90] = 7
    repositories: dict[f.Repository, EnvironmentTemplate] = Field(min_length=1)


def environment_checks(
    deployment: str, section: Environments, pools: Collection[str], *, has_app: bool
) -> Iterator[Fault]:
    """Yield every fault between the keys of the section."""
    here: Path = ("environments",)
    if not has_app:
        yield Fault(here, "needs a GitHub App: name its secret in github.secrets.app")
    if section.label.lower() == section.keep_label.lower():
        yield Fault(
            (*here, "keep_label"), "is the label that asks for an environment: one of them must be another"
        )
    if cluster_of(deployment, section) in {f"{deployment}-{pool}" for pool in pools}:
        message = "is the cluster of a pool: nothing of a pool may run beside environments"
        yield Fault((*here, "cluster"), message)
    yield from _names(section)
    for name, template in section.repositories.items():
        yield from _template((*here, "repositories", name), template)


def cluster_of(deployment: str, section: Environments) -> str:
    """Return the name of the cluster."""
    return section.cluster or f"{deployment}-environments"


def _names(section: Environments) -> Iterator[Fault]:
    owners: dict[str, str] = {}
    seen: dict[str, str] = {}
    for name, template in section.repositories.items():
        here: Path = ("environments", "repositories", name)
        if seen.setdefault(name.lower(), name) != name:
            yield Fault(here, f"is '{seen[name.lower()]}' once more: case is ignored")
            continue
        owner = owners.setdefault(template.host_prefix, name)
        if owner != name:
            message = f"'{template.host_prefix}' is that of {owner} too: their host names would be the same"
            yield Fault((*here, "host_prefix"), message)


def _template(here: Path, template: EnvironmentTemplate) -> Iterator[Fault]:
    yield from _unknown_variables(here, template)
    yield from _image((*here, "image"), template.image)
    sizes = _FARGATE.get(template.cpu)
    if sizes is None:
        known = ", ".join(f"{units / 1024:g}" for units in _FARGATE)
        yield Fault((*here, "cpu"), f"Fargate has no {template.cpu / 1024:g} vCPU, but {known}")
    elif template.memory not in sizes:
        near = min(sizes, key=lambda size: (abs(size - template.memory), size))
        message = f"with {template.cpu / 1024:g} vCPU Fargate has no {template.memory} MiB; the nearest is {near}MiB"
        yield Fault((*here, "memory"), message)


def _unknown_variables(here: Path, template: EnvironmentTemplate) -> Iterator[Fault]:
    for path, text in _texts(here, template):
        for variable in variables_of(text):
            if variable not in VARIABLES:
                message = f"'{{{{{printable(variable)}}}}}' is no variable"
                yield Fault(path, message, nearest(variable, VARIABLES))
        if re.search(r"\{\{(?![^{}]*\}\})", text):
            yield Fault(path, "has a '{{' that is never closed")


def _texts(here: Path, template: EnvironmentTemplate) -> Iterator[tuple[Path, str]]:
    yield (*here, "image"), template.image
    yield (*here, "health_path"), template.health_path
    for name, text in template.environment.items():
        yield (*here, "environment", name), text
    for number, text in enumerate(template.command):
        yield (*here, "command", number), text


def _image(here: Path, text: str) -> Iterator[Fault]:
    image, variables = ecr_image(text), variables_of(text)
    if image is None:
        message = "is not an image of ECR by its tag: ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME:TAG"
        yield Fault(here, message)
    elif not set(OF_A_COMMIT) & set(variables_of(image.tag)):
        yield Fault(
            here, "the tag must hold {{COMMIT_REF}} or {{COMMIT_REF_SHORT}}: by it a commit's image is known"
        )
    for variable in variables:
        if variable in VARIABLES and variable not in IN_IMAGES:
            message = f"'{{{{{variable}}}}}' must not choose which image runs; {', '.join(IN_IMAGES)} may"
            yield Fault(here, message)


def compiled_environments(deployment: str, section: Environments) -> dict[str, Any]:
    """Return the section as ``slipway.domain.environments.settings`` reads it."""
    return {
        "region": section.listener.split(":")[3],
        "cluster": cluster_of(deployment, section),
        "domain": section.domain,
        "listener": section.listener,
        "vpc": section.vpc,
        "subnets": list(section.subnets),
        "security_groups": list(section.security_groups),
        "public_ip": section.public_ip,
        "label": section.label,
        "keep_label": section.keep_label,
        "drafts": section.drafts,
        "time_to_live_seconds": section.time_to_live,
        "unhealthy_after_seconds": section.unhealthy_after,
        "most": section.max,
        "most_per_repository": section.max_per_repository,
        "log_retention_days": section.log_retention_days,
        "repositories": {name.lower(): _compiled(one) for name, one in section.repositories.items()},
    }


def _compiled(template: EnvironmentTemplate) -> dict[str, Any]:
    return {
        "host_prefix": template.host_prefix,
        "image": template.image,
        "port": template.port,
        "cpu_units": template.cpu,
        "memory_mib": template.memory,
        "execution_role": template.execution_role,
        "task_role": template.task_role,
        "architecture": template.architecture,
        "environment": dict(template.environment),
        "command": list(template.command),
        "health_path": template.health_path,
    }
