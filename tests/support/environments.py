"""Environments of pull requests for tests: settings, pull requests, and a world that plans are carried out in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from slipway.domain.environments.found import (
    ForeignRule,
    Found,
    FoundRule,
    FoundService,
    FoundTargetGroup,
    Note,
    Survey,
)
from slipway.domain.environments.gates import Reading
from slipway.domain.environments.names import EnvironmentKey
from slipway.domain.environments.plan import Make, Plan, Snapshot
from slipway.domain.environments.planner import plan
from slipway.domain.environments.pulls import PullRequest
from slipway.domain.environments.settings import Environments, Template
from slipway.domain.environments.spec import spec_of

NOW = 1_800_000_000.0
MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


def a_template(repository: str, **changes: Any) -> Template:
    """Return a template whose host prefix is the repository's own."""
    name = repository.partition("/")[2]
    facts: dict[str, Any] = {
        "repository": repository,
        "host_prefix": f"{name}-pr",
        "image": f"{REGISTRY}/{name}:{{{{COMMIT_REF}}}}",
        "port": 8080,
        "cpu_units": 256,
        "memory_mib": 512,
        "execution_role": "arn:aws:iam::123456789012:role/execution",
        "environment": {"URL": "https://{{HOST}}", "PR": "{{PR_NUMBER}}"},
    }
    return Template(**{**facts, **changes})


def settings(*repositories: str, **changes: Any) -> Environments:
    """Return settings of these repositories, acme/web and acme/api without any."""
    facts: dict[str, Any] = {
        "deployment": "slipway",
        "region": "eu-west-1",
        "cluster": "slipway-environments",
        "domain": "pr-env.example.com",
        "listener": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/previews/0123456789abcdef/0123456789abcdef",
        "vpc": "vpc-0123456789abcdef0",
        "subnets": ("subnet-0123456789abcdef0",),
        "security_groups": ("sg-0123456789abcdef0",),
        "repositories": {name: a_template(name) for name in repositories or ("acme/web", "acme/api")},
    }
    return Environments(**{**facts, **changes})


def compiled_settings(*repositories: str, **changes: Any) -> dict[str, Any]:
    """Return them as they are compiled."""
    body = asdict(settings(*repositories, **changes))
    del body["deployment"]
    for template in body["repositories"].values():
        del template["repository"]
    return body


def a_pull(number: int = 1, repository: str = "acme/web", **changes: Any) -> PullRequest:
    """Return a pull request that asks for an environment."""
    facts: dict[str, Any] = {
        "key": EnvironmentKey(repository, number),
        "commit": f"{number:040x}",
        "branch": f"feature/{number}",
        "actor": "octocat",
        "labels": frozenset({"preview"}),
    }
    return PullRequest(**{**facts, **changes})


@dataclass
class World:
    """What is true, and what plans have made of it; pulls always succeed unless an image is in ``broken``."""

    settings: Environments = field(default_factory=settings)
    now: float = NOW
    pulls: dict[EnvironmentKey, PullRequest] = field(default_factory=dict)
    images: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    found: dict[str, Found] = field(default_factory=dict)
    foreign: tuple[ForeignRule, ...] = ()
    notes: dict[EnvironmentKey, Note] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    unreadable: set[str] = field(default_factory=set)

    def open(self, *pulls: PullRequest, image: bool = True) -> None:
        """Open pull requests, or change them; their images exist unless it is said otherwise."""
        for pull in pulls:
            self.pulls[pull.key] = pull
            if image and pull.key.repository in self.settings.repositories:
                self.images.add(spec_of(pull, self.settings).image)

    def snapshot(self, *repositories: str) -> Snapshot:
        """Return what a run that looks at these repositories reads, at all without any."""
        names = set(repositories) or {*self.settings.repositories}
        return Snapshot(
            now=self.now,
            readings={name: self._reading(name) for name in names},
            survey=Survey(dict(self.found), self.foreign),
            images=frozenset(self.images),
            notes=dict(self.notes),
        )

    def run(self, *repositories: str) -> Plan:
        """Decide and carry out."""
        decided = plan(self.snapshot(*repositories), self.settings)
        self.notes = {**self.notes, **decided.notes}
        for found in decided.removes:
            self._remove(found)
        for make in decided.makes:
            self._make(make)
        for key in decided.done:
            self.notes.pop(key, None)
        return decided

    def settle(self, runs: int = 6) -> Plan:
        """Let services start and drain, and run until nothing changes."""
        decided = Plan()
        for _ in range(runs):
            self.wait()
            decided = self.run()
        return decided

    def wait(self, seconds: float = MINUTE) -> None:
        """Let time pass: what starts runs then if its image can be pulled, what drains is gone."""
        self.now += seconds
        for name, found in list(self.found.items()):
            if found.service is None:
                continue
            if found.service.is_draining:
                self._put(replace(found, service=None))
            else:
                is_broken = found.service.family in self.broken
                running = 0 if is_broken else 1
                service = replace(
                    found.service, running=running, is_steady=not is_broken, has_failures=is_broken
                )
                self.found[name] = replace(found, service=service)

    def served(self) -> set[EnvironmentKey]:
        """Return whose environments exist."""
        return {one.key for one in self.found.values() if one.is_served and one.key}

    def _reading(self, name: str) -> Reading:
        if name in self.unreadable:
            return Reading(name)
        if name in self.gone:
            return Reading(name, None, is_gone=True)
        return Reading(name, tuple(pull for pull in self.pulls.values() if pull.key.repository == name))

    def _put(self, found: Found) -> None:
        if found.is_empty:
            self.found.pop(found.name, None)
        else:
            self.found[found.name] = found

    def _remove(self, found: Found) -> None:
        draining = replace(found.service, is_draining=True, running=0) if found.service else None
        self._put(Found(found.name, found.key, draining))

    def _make(self, make: Make) -> None:
        spec, before = make.spec, make.found
        rules = tuple(rule for rule in before.rules if rule.host == spec.host)[:1]
        if make.priority is not None:
            rules = (FoundRule(f"rule/{spec.name}", spec.host, make.priority),)
        service, families = before.service, before.families - set(make.stale_families)
        if make.deploys:
            families |= {spec.family}
            service = FoundService(spec.family, running=service.running if service else 0)
        group = FoundTargetGroup(f"group/{spec.name}", spec.health_path)
        self._put(Found(spec.name, spec.key, service, rules, group, spec.log_group, True, families))


def reasons(decided: Plan) -> Mapping[int, str]:
    """Return the reasons by number."""
    return {key.number: why.value for key, why in decided.reasons.items()}
