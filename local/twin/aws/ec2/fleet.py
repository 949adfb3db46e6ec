"""CreateFleet, type instant: synchronous ids, partial fulfilment, one token one fleet [EC2-FLEET-INSTANT]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from local.twin.aws.ec2.capacity import Capacity
from local.twin.aws.ec2.client_tokens import ClientTokens
from local.twin.aws.ec2.lifecycle import InstanceLifecycle
from local.twin.aws.ec2.records import Instance, LaunchTemplate
from local.twin.aws.ec2.templates import LaunchTemplates
from local.twin.aws.ec2.types import InstanceTypes
from local.twin.aws.ec2.user_data import agent_settings
from local.twin.aws.errors import AwsFault
from local.twin.aws.lag import LaggedView
from local.twin.aws.service import Context

_MESSAGES = {
    "InsufficientInstanceCapacity": "There is no capacity available that matches your request.",
    "InsufficientFreeAddressesInSubnet": "There are not enough free addresses in the subnet.",
    "VcpuLimitExceeded": "You have requested more vCPU capacity than your current vCPU limit.",
    "MaxSpotInstanceCountExceeded": "Max spot instance count exceeded",
}


@dataclass(frozen=True, slots=True)
class _Offering:
    """One override of one launch template, as the request has it."""

    template: LaunchTemplate
    version: int
    override: dict[str, Any]
    order: int

    def answer(self) -> dict[str, Any]:
        override = {k: v for k, v in self.override.items() if k in _ECHOED}
        specification = {"LaunchTemplateId": self.template.template_id, "Version": str(self.version)}
        return {"LaunchTemplateSpecification": specification, "Overrides": override}

    def system_tags(self) -> dict[str, str]:
        """What EC2 itself notes on an instance of where it comes from [EC2-SYSTEM-TAGS]."""
        return {
            "aws:ec2launchtemplate:id": self.template.template_id,
            "aws:ec2launchtemplate:version": str(self.version),
        }


_ECHOED = {
    "InstanceType",
    "SubnetId",
    "AvailabilityZone",
    "Priority",
    "WeightedCapacity",
    "MaxPrice",
    "ImageId",
}


class CreateFleet:
    """Answers CreateFleet of type instant; other types are refused."""

    def __init__(
        self,
        context: Context,
        lifecycle: InstanceLifecycle,
        capacity: Capacity,
        templates: LaunchTemplates,
        types: InstanceTypes,
    ) -> None:
        self._context = context
        self._lifecycle = lifecycle
        self._capacity = capacity
        self._templates = templates
        self._types = types
        self._tokens = ClientTokens()

    def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        return self._tokens.once(request, self._fulfil)

    def _fulfil(self, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("Type", "maintain") != "instant":
            raise AwsFault("InvalidParameterValue", "The twin models fleets of type instant only.")
        target = request["TargetCapacitySpecification"]
        market = target.get("DefaultTargetCapacityType", "on-demand")
        total = int(target["TotalTargetCapacity"])
        wanted = {
            "on-demand": int(target.get("OnDemandTargetCapacity", total if market == "on-demand" else 0)),
            "spot": int(target.get("SpotTargetCapacity", total if market == "spot" else 0)),
        }
        offerings = self._offerings(request)
        fleet_id = f"fleet-{self._context.ids.uuid()}"
        launched: list[tuple[_Offering, Instance]] = []
        errors: list[dict[str, Any]] = []
        for kind, count in wanted.items():
            options = request.get("SpotOptions" if kind == "spot" else "OnDemandOptions", {})
            chosen, refusals = self._launchable(_ordered(offerings, options), kind, count, request)
            if len(chosen) < int(options.get("MinTargetCapacity", 0)):
                chosen = []
            launched += chosen
            errors += refusals
        for offering, instance in launched:
            self._capacity.use(instance)
            instance.fleet_id = fleet_id
            instance.tags |= {"aws:ec2:fleet-id": fleet_id, **offering.system_tags()}
            self._lifecycle.launch(instance)
        return {"FleetId": fleet_id, "Instances": _grouped(launched), "Errors": errors}

    def _offerings(self, request: dict[str, Any]) -> list[_Offering]:
        offerings: list[_Offering] = []
        for config in request["LaunchTemplateConfigs"]:
            template, version = self._templates.version(config["LaunchTemplateSpecification"])
            for override in config.get("Overrides") or [{}]:
                offerings.append(_Offering(template, version, override, len(offerings)))
        return offerings

    def _launchable(
        self, offerings: Sequence[_Offering], market: str, count: int, request: dict[str, Any]
    ) -> tuple[list[tuple[_Offering, Instance]], list[dict[str, Any]]]:
        """Walk the offerings in order until the count is reached; each that refuses gives one error."""
        chosen: list[tuple[_Offering, Instance]] = []
        errors: list[dict[str, Any]] = []
        for offering in offerings:
            while len(chosen) < count:
                instance = self._instance(offering, market, request)
                code = self._refusal(instance, [i for _, i in chosen])
                if code is not None:
                    errors.append(_error(offering, market, code))
                    break
                chosen.append((offering, instance))
        return chosen, errors

    def _refusal(self, instance: Instance, chosen: list[Instance]) -> str | None:
        gone = {"terminated", "shutting-down", "stopped", "stopping"}
        everything = self._lifecycle.instances.values() if self._capacity.vcpu_quota else ()
        live = [i for i in everything if i.state not in gone]
        for planned in chosen:
            self._capacity.use(planned)
        try:
            return self._capacity.refusal(instance, [*live, *chosen])
        finally:
            for planned in chosen:
                self._capacity.give_back(planned)

    def _instance(self, offering: _Offering, market: str, request: dict[str, Any]) -> Instance:
        data = offering.template.versions[offering.version - 1]
        override = offering.override
        subnet = override.get("SubnetId") or f"subnet-{override.get('AvailabilityZone', 'default')}"
        tags = [*data.get("TagSpecifications", []), *request.get("TagSpecifications", [])]
        return Instance(
            instance_id=self._context.ids.prefixed("i"),
            shape=self._types.shape(override.get("InstanceType") or data["InstanceType"]),
            market=market,
            subnet_id=subnet,
            zone=override.get("AvailabilityZone") or self._zone_of(subnet),
            image_id=override.get("ImageId") or data.get("ImageId", "ami-0123456789abcdef0"),
            agent=agent_settings(data.get("UserData")),
            tags={
                tag["Key"]: tag["Value"]
                for specification in tags
                if specification.get("ResourceType") == "instance"
                for tag in specification.get("Tags", [])
            },
            launched_at=self._context.now(),
            history=LaggedView(self._context),
            client_token=request.get("ClientToken"),
        )

    def _zone_of(self, subnet_id: str) -> str:
        """Subnets have no record of their own: their name settles their zone, always alike."""
        return f"{self._context.region}{'acd'[sum(subnet_id.encode()) % 3]}"


def _ordered(offerings: Sequence[_Offering], options: dict[str, Any]) -> list[_Offering]:
    """By priority where the strategy honours it; otherwise as given, which stands for AWS's own choice."""
    strategy = options.get("AllocationStrategy", "lowest-price")
    if strategy in {"prioritized", "capacity-optimized-prioritized"}:
        return sorted(offerings, key=lambda o: (float(o.override.get("Priority", 1e9)), o.order))
    return list(offerings)


def _error(offering: _Offering, market: str, code: str) -> dict[str, Any]:
    return {
        "LaunchTemplateAndOverrides": offering.answer(),
        "Lifecycle": market,
        "ErrorCode": code,
        "ErrorMessage": _MESSAGES.get(code, code),
    }


def _grouped(launched: Sequence[tuple[_Offering, Instance]]) -> list[dict[str, Any]]:
    groups: dict[tuple[int, str], dict[str, Any]] = {}
    for offering, instance in launched:
        group = groups.setdefault(
            (offering.order, instance.market),
            {
                "LaunchTemplateAndOverrides": offering.answer(),
                "Lifecycle": instance.market,
                "InstanceIds": [],
                "InstanceType": instance.shape.instance_type,
                "AvailabilityZone": instance.zone,
                "SubnetId": instance.subnet_id,
            },
        )
        group["InstanceIds"].append(instance.instance_id)
    return list(groups.values())
