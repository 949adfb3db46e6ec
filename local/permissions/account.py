"""The account of a twin as policies know it, and what a call needs there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.twin.aws.account import AwsTwin

Facts = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """One permission: ``facts`` are the condition keys that AWS fills in for it, with their values."""

    action: str
    resource: str
    facts: Facts = ()


@dataclass(frozen=True, slots=True)
class Account:
    """The account of a twin: what its calls' resources are called, and how they are tagged.

    The twin's queues have short names, since functions are given addresses: ``deployment`` is put in front of them
    here, as in an account.
    """

    aws: AwsTwin
    deployment: str
    #: What rules of listeners were made with, by listener and priority: the twin keeps no tags of them.
    tags_of_rules: dict[tuple[str, int], Mapping[str, str]] = field(default_factory=dict)

    def arn(self, service: str, resource: str) -> str:
        context = self.aws.context
        return f"arn:aws:{service}:{context.region}:{context.account_id}:{resource}"

    def cluster(self, given: str) -> str:
        return given if given.startswith("arn:") else self.arn("ecs", f"cluster/{given}")

    def of_cluster(self, kind: str, cluster: str, given: str) -> str:
        return given if given.startswith("arn:") else self.arn("ecs", f"{kind}/{cluster}/{given}")

    def queue(self, url: str) -> str:
        return self.arn("sqs", f"{self.deployment}-{url.rpartition('/')[2]}")

    def region(self) -> Facts:
        return as_facts({"ec2:Region": self.aws.context.region})

    def instance(self, instance_id: str) -> tuple[str, Facts] | None:
        """Return an instance's ARN and tags; None for one that EC2 does not know and refuses as such."""
        instance = self.aws.ec2.lifecycle.instances.get(instance_id)
        if instance is None:
            return None
        return self.arn("ec2", f"instance/{instance_id}"), self._tags(instance.tags)

    def template(self, specification: Mapping[str, Any]) -> tuple[str, Facts, Mapping[str, Any]]:
        """Return a launch template's ARN, its tags, and the data of the version that is meant."""
        template, number = self.aws.ec2.template(specification)
        tags = {tag["Key"]: tag["Value"] for tag in template.tags}
        arn = self.arn("ec2", f"launch-template/{template.template_id}")
        return arn, self._tags(tags), template.versions[number - 1]

    def templates_of(self, instance_ids: Iterable[str]) -> Iterator[Mapping[str, Any]]:
        """Return what the launch templates' versions of known instances hold, which EC2 notes as tags."""
        for instance in map(self.aws.ec2.lifecycle.instances.get, instance_ids):
            if instance is not None and "aws:ec2launchtemplate:id" in instance.tags:
                tags = instance.tags
                named = {
                    "LaunchTemplateId": tags["aws:ec2launchtemplate:id"],
                    "Version": tags["aws:ec2launchtemplate:version"],
                }
                yield self.template(named)[2]

    def parameter(self, name: str) -> str:
        """AWS's own parameters belong to no account [SSM-PUBLIC]."""
        arn = self.arn("ssm", f"parameter/{name.lstrip('/')}")
        own = f":{self.aws.context.account_id}:"
        return arn.replace(own, "::") if name.startswith("/aws/service/") else arn

    def _tags(self, tags: Mapping[str, str]) -> Facts:
        return as_facts({f"aws:ResourceTag/{name}": value for name, value in tags.items()})


Parameters = Mapping[str, Any]
Rule = Callable[[Parameters, Account], Iterator[Need]]


def as_facts(values: Mapping[str, str | tuple[str, ...]]) -> Facts:
    """Return facts of a need, in order, from condition keys with their values."""
    return tuple(
        sorted((key, (value,) if isinstance(value, str) else value) for key, value in values.items())
    )
