"""A pool's EC2 instances over boto3."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from slipway.adapters.aws_errors import aws_errors
from slipway.domain.configuration import Market, Pool
from slipway.domain.intents import Intent, LaunchInstances
from slipway.ports.clock import Clock
from slipway.ports.fleet import LaunchedInstance, LaunchResult

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

# What CreateFleet answers for an offering that has no capacity now [EC2-CAPACITY-ERRORS].
_NO_CAPACITY = {
    "InsufficientInstanceCapacity",
    "UnfulfillableCapacity",
    "MaxSpotInstanceCountExceeded",
    "VcpuLimitExceeded",
    "Unsupported",
    "InsufficientFreeAddressesInSubnet",
    "ReservationCapacityExceeded",
}
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
            LaunchedInstance(instance_id, item["InstanceType"], request.market, now, intent.token)
            for item in reply.get("Instances", [])
            for instance_id in item["InstanceIds"]
        )
        errors = reply.get("Errors", [])
        return LaunchResult(
            launched,
            refused_types=_refused_types(errors) if len(launched) < request.count else (),
            errors=tuple(sorted({error.get("ErrorCode", "") for error in errors})),
        )

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
            {"InstanceType": name, "SubnetId": subnet, "Priority": float(priority)}
            for priority, name in enumerate(request.types)
            for subnet in self._pool.subnets
        ]
        tags = {"deployment": self._deployment, "pool": self._pool.name, "intent": intent.token}
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
                    "Tags": [{"Key": f"slipway:{name}", "Value": value} for name, value in tags.items()],
                }
            ],
        }


def _refused_types(errors: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    types = {
        error.get("LaunchTemplateAndOverrides", {}).get("Overrides", {}).get("InstanceType", "")
        for error in errors
        if error.get("ErrorCode") in _NO_CAPACITY
    }
    return tuple(sorted(types - {""}))


def _launched(item: Mapping[str, Any]) -> LaunchedInstance:
    tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags", [])}
    return LaunchedInstance(
        instance_id=item["InstanceId"],
        instance_type=item["InstanceType"],
        market=_LIFECYCLES.get(item.get("InstanceLifecycle", "on-demand"), Market.ON_DEMAND),
        launched_at=item["LaunchTime"].timestamp(),
        intent=tags.get("slipway:intent", ""),
        is_stopped=item["State"]["Name"] in _STOPPED,
    )
