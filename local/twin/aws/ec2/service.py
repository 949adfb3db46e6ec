"""The face of the EC2 twin: boto3-shaped operations, and what the other parts of the twin call."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

from local.twin.aws.ec2.capacity import Capacity
from local.twin.aws.ec2.filters import INSTANCE_FIELDS, filtered
from local.twin.aws.ec2.fleet import CreateFleet
from local.twin.aws.ec2.images import Images
from local.twin.aws.ec2.lifecycle import BootPlan, InstanceLifecycle
from local.twin.aws.ec2.records import Instance, LaunchTemplate, state_view
from local.twin.aws.ec2.templates import LaunchTemplates
from local.twin.aws.ec2.types import InstanceTypes
from local.twin.aws.ecs.instances import InstanceRegistry
from local.twin.aws.errors import AwsFault
from local.twin.aws.events import EventBus
from local.twin.aws.paging import page
from local.twin.aws.service import Context, Response, Service, operation
from local.twin.aws.throttle import Throttle

_INSTANCE_ID: Final = re.compile(r"i-[0-9a-f]{8}(?:[0-9a-f]{9})?")
#: burst, per second [EC2-THROTTLE]
_BUCKETS: Final = {
    "mutating": (50.0, 5.0),
    "template-version": (100.0, 5.0),
    "start": (5.0, 2.0),
    "terminate": (100.0, 5.0),
    "tags": (100.0, 10.0),
    "describe": (100.0, 20.0),
    "describe-all": (50.0, 10.0),
}
_BUCKET_OF: Final = {
    "CreateFleet": "mutating",
    "CreateLaunchTemplate": "mutating",
    "CreateLaunchTemplateVersion": "template-version",
    "StopInstances": "mutating",
    "StartInstances": "start",
    "TerminateInstances": "terminate",
    "CreateTags": "tags",
    "DescribeInstances": "describe",
    "DescribeImages": "describe",
    "DescribeInstanceTypes": "describe",
    "DescribeLaunchTemplates": "describe",
    "DescribeLaunchTemplateVersions": "describe",
    "DescribeAll": "describe-all",
}
#: Any of these makes a read a filtered or paged one.
_NARROWING: Final = {
    "Filters",
    "InstanceIds",
    "LaunchTemplateIds",
    "LaunchTemplateName",
    "LaunchTemplateNames",
    "MaxResults",
}


class Ec2(Service):
    """Amazon EC2; `capacity` and `plan_boots` are the handles for faults."""

    name: ClassVar[str] = "ec2"

    def __init__(self, context: Context, bus: EventBus, registry: InstanceRegistry) -> None:
        super().__init__(context)
        self.capacity = Capacity()
        self.lifecycle = InstanceLifecycle(context, bus, registry)
        self.images = Images(context)
        self.types = InstanceTypes()
        self._templates = LaunchTemplates(context)
        self._create_fleet = CreateFleet(context, self.lifecycle, self.capacity, self._templates, self.types)
        self._throttle = Throttle(_BUCKETS, _BUCKET_OF)

    def throttle(self, operation_name: str, request: Mapping[str, Any]) -> None:
        if operation_name.startswith("Describe") and not _NARROWING & set(request):
            operation_name = "DescribeAll"
        if not self._throttle.admits(operation_name, self.context.now()):
            raise AwsFault("RequestLimitExceeded", "Request limit exceeded.")

    def plan_boots(self, plan: BootPlan, count: int = 1) -> None:
        """Let the next `count` launched instances do that after their boot."""
        self.lifecycle.planned_boots.extend([plan] * count)

    def interrupt_spot(self, instance_id: str) -> None:
        """Reclaim that Spot instance; nothing happens to an On-Demand one."""
        self.lifecycle.interrupt(self.lifecycle.instances[instance_id])

    def recommend_rebalance(self, instance_id: str) -> None:
        """Tell that this Spot instance is at risk; nothing is told of an On-Demand one."""
        self.lifecycle.recommend_rebalance(self.lifecycle.instances[instance_id])

    def template(self, specification: Mapping[str, Any]) -> tuple[LaunchTemplate, int]:
        """The launch template and the number of the version that are meant: for checks, never for code under test."""
        return self._templates.version(specification)

    def live_instances(self) -> list[Instance]:
        """Every instance not gone, as it truly is: for checks, never for code under test."""
        gone = {"shutting-down", "terminated"}
        return [i for i in self.lifecycle.instances.values() if i.state not in gone]

    @operation
    def create_launch_template(self, **request: Any) -> Response:
        return self._templates.create(request)

    @operation
    def create_launch_template_version(self, **request: Any) -> Response:
        return copy.deepcopy(self._templates.create_version(request))

    @operation
    def describe_launch_templates(self, **request: Any) -> Response:
        return self._templates.describe(request)

    @operation
    def describe_launch_template_versions(self, **request: Any) -> Response:
        return copy.deepcopy(self._templates.describe_versions(request))

    @operation
    def describe_images(self, **request: Any) -> Response:
        return self.images.describe(request)

    @operation
    def create_fleet(self, **request: Any) -> Response:
        return copy.deepcopy(self._create_fleet(request))

    @operation
    def describe_instances(self, **request: Any) -> Response:
        ids = request.get("InstanceIds") or []
        if ids and request.get("MaxResults") is not None:
            raise AwsFault("InvalidParameterCombination", "MaxResults cannot be used with InstanceIds.")
        views = self._visible(ids)
        found = filtered(views, request.get("Filters"), INSTANCE_FIELDS)
        reservations = [
            {
                "ReservationId": v["InstanceId"].replace("i-", "r-"),
                "OwnerId": self.context.account_id,
                "Groups": [],
                "Instances": [v],  # shared: a published view is never changed
            }
            for v in found
        ]
        return page("Reservations", reservations, request, "MaxResults", "NextToken", largest=1000)

    @operation
    def describe_instance_types(self, **request: Any) -> Response:
        return self.types.describe(request)

    @operation
    def terminate_instances(self, **request: Any) -> Response:
        changes = self._change(request["InstanceIds"], _allow, self.lifecycle.terminate)
        return {"TerminatingInstances": changes}

    @operation
    def stop_instances(self, **request: Any) -> Response:
        changes = self._change(request["InstanceIds"], _refuse_stop, self._stop)
        return {"StoppingInstances": changes}

    @operation
    def start_instances(self, **request: Any) -> Response:
        changes = self._change(request["InstanceIds"], self._refuse_start, self._start)
        return {"StartingInstances": changes}

    @operation
    def create_tags(self, **request: Any) -> Response:
        for resource in request["Resources"]:
            instance = self._instance(resource)
            instance.tags.update({tag["Key"]: tag["Value"] for tag in request["Tags"]})
            instance.history.publish(instance.view())
        return {}

    def _stop(self, instance: Instance) -> None:
        if instance.state not in {"stopped", "stopping"}:
            self.lifecycle.stop(instance)

    def _start(self, instance: Instance) -> None:
        if instance.state == "stopped":
            self.capacity.use(instance)
            self.lifecycle.start(instance)

    def _refuse_start(self, instance: Instance) -> None:
        if instance.state not in {"stopped", "pending", "running"}:
            raise AwsFault(
                "IncorrectInstanceState", f"The instance '{instance.instance_id}' is {instance.state}."
            )
        if instance.state == "stopped":
            others = [i for i in self.live_instances() if i is not instance and i.state != "stopped"]
            code = self.capacity.refusal(instance, others)
            if code is not None:
                raise AwsFault(code, "The instance cannot be started for now.")

    def _visible(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        if not ids:
            shown = (i.history.read() for i in self.lifecycle.instances.values())
            return [view for view in shown if view is not None]
        views = []
        for instance_id in ids:
            view = self._instance(instance_id).history.read()
            if view is None:
                # Reads lag behind CreateFleet's answer [EC2-READS-LAG].
                raise _not_found(instance_id)
            views.append(view)
        return views

    def _instance(self, instance_id: str) -> Instance:
        if not _INSTANCE_ID.fullmatch(instance_id):
            raise AwsFault("InvalidInstanceID.Malformed", f'Invalid id: "{instance_id}"')
        instance = self.lifecycle.instances.get(instance_id)
        if instance is None:
            raise _not_found(instance_id)
        return instance

    def _change(
        self, ids: Sequence[str], refuse: Callable[[Instance], None], apply: Callable[[Instance], None]
    ) -> list[dict[str, Any]]:
        """All or nothing: every instance is looked up and checked before the first is changed."""
        instances = [self._instance(instance_id) for instance_id in dict.fromkeys(ids)]
        for instance in instances:
            refuse(instance)
        changes = []
        for instance in instances:
            before = instance.state
            apply(instance)
            changes.append(
                {
                    "InstanceId": instance.instance_id,
                    "PreviousState": state_view(before),
                    "CurrentState": state_view(instance.state),
                }
            )
        return changes


def _refuse_stop(instance: Instance) -> None:
    if instance.market == "spot":
        # [EC2-SPOT-NO-STOP]: an instant fleet's Spot instances come from one-time requests.
        raise AwsFault(
            "UnsupportedOperation",
            f"You can't stop the Spot Instance '{instance.instance_id}' because it is associated with "
            "a one-time Spot Instance request.",
        )
    if instance.state in {"shutting-down", "terminated"}:
        raise AwsFault(
            "IncorrectInstanceState", f"The instance '{instance.instance_id}' is {instance.state}."
        )


def _not_found(instance_id: str) -> AwsFault:
    return AwsFault("InvalidInstanceID.NotFound", f"The instance ID '{instance_id}' does not exist")


def _allow(_instance: Instance) -> None:
    """Termination is never refused for an instance's state."""
