"""A pool's EC2 instances over botocore."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from slipway.adapters.aws_errors import aws_errors
from slipway.domain.configuration import Market, Pool
from slipway.domain.errors import RefusedError
from slipway.domain.intents import Intent, LaunchInstances, Offering
from slipway.domain.snapshot import ANY
from slipway.ports.clock import Clock
from slipway.ports.fleet import LaunchedInstance, LaunchResult

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

# What CreateFleet answers for an offering that has no capacity now, and how far that reaches: the type in the
# subnet, the subnet whatever the type, or all of the account's market [EC2-CAPACITY-ERRORS].
_NO_CAPACITY = {
    "InsufficientInstanceCapacity": "offering",
    "UnfulfillableCapacity": "offering",
    "Unsupported": "offering",
    "ReservationCapacityExceeded": "offering",
    "InsufficientFreeAddressesInSubnet": "subnet",
    "MaxSpotInstanceCountExceeded": "market",
    "VcpuLimitExceeded": "market",
}
# The host reads this tag and powers off before its agent starts.
_TIER_TAG, _STOPPED_TIER = "slipway:tier", "stopped"
_STOPPED = ("stopping", "stopped")
_LIFECYCLES = {"spot": Market.SPOT, "on-demand": Market.ON_DEMAND}


class Ec2Fleet:
    """Implements ``ports.fleet.Fleet``."""

    def __init__(self, client: EC2Client, pool: Pool, deployment: str, clock: Clock) -> None:
        self._client = client
        self._pool = pool
        self._deployment = deployment
        self._clock = clock

    def launch(self, intent: Intent) -> LaunchResult:
        """Ask EC2 for the instances of a ``LaunchInstances`` intent; the same intent again launches nothing new.

        No weights: the target is counted in instances, because weights round up and price per unit, and
        that breaks packing by instance [EC2-FLEET-WEIGHTS].
        """
        request = intent.request
        if not isinstance(request, LaunchInstances):
            raise TypeError(f"not a LaunchInstances intent: {intent}")
        with aws_errors(f"launching {request.count} instances for pool {self._pool.name}"):
            reply = self._client.create_fleet(**self._fleet_parameters(intent, request))
        now = self._clock.now()
        launched = tuple(
            LaunchedInstance(
                instance_id=instance_id,
                instance_type=item["InstanceType"],
                market=request.market,
                launched_at=now,
                intent=intent.token,
                subnet=_overrides(item).get("SubnetId"),
                template_version=_version(
                    item.get("LaunchTemplateAndOverrides", {})
                    .get("LaunchTemplateSpecification", {})
                    .get("Version")
                ),
            )
            for item in reply.get("Instances", [])
            for instance_id in item["InstanceIds"]
        )
        errors = reply.get("Errors", [])
        return LaunchResult(
            launched,
            refused=_refused(errors) if len(launched) < request.count else (),
            errors=tuple(sorted({error.get("ErrorCode", "") for error in errors})),
            faults=tuple(sorted({error.get("ErrorCode", "") for error in errors} - set(_NO_CAPACITY))),
        )

    def start(self, instance_ids: Sequence[str]) -> None:
        """Start stopped instances, all or none; those that run already are no error."""
        what = f"starting {len(instance_ids)} instances of pool {self._pool.name}"
        try:
            with aws_errors(what):
                self._client.start_instances(InstanceIds=list(instance_ids))
        except ClientError as fault:
            code = fault.response["Error"]["Code"]
            raise RefusedError(f"{what}: {code}", code=code) from fault

    def template_version(self) -> int | None:
        """Return the newest version of the pool's launch template; None where there is no such template."""
        try:
            with aws_errors(f"reading launch template {self._pool.launch_template}"):
                reply = self._client.describe_launch_templates(
                    LaunchTemplateNames=[self._pool.launch_template]
                )
        except RefusedError as fault:
            if fault.code == "InvalidLaunchTemplateName.NotFoundException":
                return None
            raise
        return max((item["LatestVersionNumber"] for item in reply["LaunchTemplates"]), default=None)

    def terminate(self, instance_ids: Sequence[str]) -> None:
        """Terminate instances; those already gone are no error."""
        for instance_id in instance_ids:
            try:
                with aws_errors(f"terminating {instance_id}"):
                    self._client.terminate_instances(InstanceIds=[instance_id])
            except ClientError as fault:
                if fault.response["Error"]["Code"] != "InvalidInstanceID.NotFound":
                    raise

    def instances(self) -> list[LaunchedInstance]:
        """List the instances of the pool that are not terminated; a stopped one keeps its disk."""
        filters: Any = [
            {"Name": "tag:slipway:deployment", "Values": [self._deployment]},
            {"Name": "tag:slipway:pool", "Values": [self._pool.name]},
            {"Name": "instance-state-name", "Values": ["pending", "running", *_STOPPED]},
        ]
        with aws_errors(f"listing instances of pool {self._pool.name}"):
            pages = self._client.get_paginator("describe_instances").paginate(Filters=filters)
            return [
                _launched(item)
                for page in pages
                for group in page["Reservations"]
                for item in group["Instances"]
            ]

    def _fleet_parameters(self, intent: Intent, request: LaunchInstances) -> dict[str, Any]:
        overrides = [
            {
                "InstanceType": offering.instance_type,
                "SubnetId": offering.subnet,
                "Priority": float(request.types.index(offering.instance_type)),
            }
            for offering in request.offerings
        ]
        tags = {
            "slipway:deployment": self._deployment,
            "slipway:pool": self._pool.name,
            "slipway:intent": intent.token,
            **({_TIER_TAG: _STOPPED_TIER} if request.for_stopped_tier else {}),
        }
        template = {"LaunchTemplateName": self._pool.launch_template, "Version": "$Latest"}
        return {
            "Type": "instant",
            "ClientToken": intent.token,
            "LaunchTemplateConfigs": [{"LaunchTemplateSpecification": template, "Overrides": overrides}],
            "TargetCapacitySpecification": {
                "TotalTargetCapacity": request.count,
                "DefaultTargetCapacityType": request.market.value,
            },
            "SpotOptions": {"AllocationStrategy": "capacity-optimized-prioritized"},
            "OnDemandOptions": {"AllocationStrategy": "prioritized"},
            "TagSpecifications": [
                {
                    "ResourceType": "instance",
                    "Tags": [{"Key": name, "Value": value} for name, value in tags.items()],
                }
            ],
        }


def _refused(errors: Iterable[Mapping[str, Any]]) -> tuple[Offering, ...]:
    refused = set()
    for error in errors:
        reach, overrides = _NO_CAPACITY.get(error.get("ErrorCode", "")), _overrides(error)
        if reach is not None:
            name = overrides.get("InstanceType", ANY) if reach == "offering" else ANY
            refused.add(Offering(name, ANY if reach == "market" else overrides.get("SubnetId", ANY)))
    return tuple(sorted(refused, key=lambda offering: (offering.instance_type, offering.subnet)))


def _overrides(item: Mapping[str, Any]) -> Mapping[str, Any]:
    overrides: Mapping[str, Any] = item.get("LaunchTemplateAndOverrides", {}).get("Overrides", {})
    return overrides


def _version(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


def _launched(item: Mapping[str, Any]) -> LaunchedInstance:
    tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags", [])}
    return LaunchedInstance(
        instance_id=item["InstanceId"],
        instance_type=item["InstanceType"],
        market=_LIFECYCLES.get(item.get("InstanceLifecycle", "on-demand"), Market.ON_DEMAND),
        launched_at=item["LaunchTime"].timestamp(),
        intent=tags.get("slipway:intent", ""),
        subnet=item.get("SubnetId"),
        # EC2's own tag [EC2-SYSTEM-TAGS].
        template_version=_version(tags.get("aws:ec2launchtemplate:version")),
        is_stopped=item["State"]["Name"] in _STOPPED,
    )
