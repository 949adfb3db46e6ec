"""What one environment is made of: its template with everything of its pull request put in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from slipway.domain.environments.names import EnvironmentKey, family_name, log_group_name, resource_name
from slipway.domain.environments.pulls import PullRequest
from slipway.domain.environments.settings import Environments, Template
from slipway.domain.environments.templates import rendered
from slipway.domain.text import inert

SHORT_COMMIT = 7


@dataclass(frozen=True, slots=True)
class Spec:
    """One environment as it should be."""

    key: EnvironmentKey
    name: str
    host: str
    commit: str
    image: str
    port: int
    cpu_units: int
    memory_mib: int
    execution_role: str
    task_role: str | None
    architecture: str
    log_group: str
    health_path: str
    environment: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    public_ip: bool = False

    @property
    def family(self) -> str:
        """Return the family of its task definition: a digest of everything that a task is made of."""
        made_of = {name: value for name, value in asdict(self).items() if name not in ("host", "health_path")}
        digest = hashlib.sha256(json.dumps(made_of, sort_keys=True, default=str).encode()).hexdigest()
        return family_name(self.name, digest[:12])


def spec_of(pull: PullRequest, settings: Environments) -> Spec:
    """Return the environment of a pull request of a configured repository."""
    template = settings.repositories[pull.key.repository]
    host = host_of(pull.key, settings)
    values = {
        "PR_NUMBER": str(pull.key.number),
        "COMMIT_REF": pull.commit,
        "COMMIT_REF_SHORT": pull.commit[:SHORT_COMMIT],
        "REPOSITORY": pull.key.repository,
        "BRANCH": inert(pull.branch),
        "ACTOR": inert(pull.actor),
        "HOST": host,
    }
    return _filled(pull, template, settings, host, values)


def host_of(key: EnvironmentKey, settings: Environments) -> str:
    """Return the host name of a pull request's environment.

    A prefix ends with no digit, and no two repositories have the same one: so no two host names are equal.
    """
    return f"{settings.repositories[key.repository].host_prefix}{key.number}.{settings.domain}"


def _filled(
    pull: PullRequest, template: Template, settings: Environments, host: str, values: Mapping[str, str]
) -> Spec:
    return Spec(
        key=pull.key,
        name=resource_name(settings.deployment, pull.key),
        host=host,
        commit=pull.commit,
        image=rendered(template.image, values),
        port=template.port,
        cpu_units=template.cpu_units,
        memory_mib=template.memory_mib,
        execution_role=template.execution_role,
        task_role=template.task_role,
        architecture=template.architecture,
        log_group=log_group_name(settings.deployment, pull.key),
        health_path=rendered(template.health_path, values),
        environment={name: rendered(text, values) for name, text in template.environment.items()},
        command=tuple(rendered(text, values) for text in template.command),
        subnets=settings.subnets,
        security_groups=settings.security_groups,
        public_ip=settings.public_ip,
    )
