"""The records that EC2 keeps, and the shape in which its API shows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from local.twin.aws.ec2.shapes import InstanceShape
from local.twin.aws.ec2.user_data import AgentSettings
from local.twin.aws.lag import LaggedView
from local.twin.clock import Scheduled, aware

STATE_CODES: Final = {
    "pending": 0,
    "running": 16,
    "shutting-down": 32,
    "terminated": 48,
    "stopping": 64,
    "stopped": 80,
}
#: Who made every launch template: the twin has no principals.
CREATED_BY: Final = "arn:aws:iam::123456789012:root"


@dataclass(slots=True)
class LaunchTemplate:
    """One template; `versions[0]` is version 1."""

    template_id: str
    name: str
    created_at: float
    versions: list[dict[str, Any]]
    tags: list[dict[str, str]]

    def view(self) -> dict[str, Any]:
        return {
            "LaunchTemplateId": self.template_id,
            "LaunchTemplateName": self.name,
            "CreateTime": aware(self.created_at),
            "CreatedBy": CREATED_BY,
            "DefaultVersionNumber": 1,
            "LatestVersionNumber": len(self.versions),
            "Tags": [dict(tag) for tag in self.tags],
        }


@dataclass(slots=True, eq=False)
class Instance:
    """One instance; `market` is on-demand or spot, `fleet_id` the fleet that launched it."""

    instance_id: str
    shape: InstanceShape
    market: str
    subnet_id: str
    zone: str
    image_id: str
    agent: AgentSettings
    tags: dict[str, str]
    launched_at: float
    history: LaggedView
    client_token: str | None = None
    fleet_id: str | None = None
    state: str = "pending"
    state_reason: tuple[str, str] | None = None
    transition_reason: str = ""
    timers: list[Scheduled] = field(default_factory=list)

    def cancel_timers(self) -> None:
        """Nothing that was to happen to this instance happens any more."""
        for timer in self.timers:
            timer.cancel()
        self.timers.clear()

    def view(self) -> dict[str, Any]:
        view: dict[str, Any] = {
            "InstanceId": self.instance_id,
            "InstanceType": self.shape.instance_type,
            "ImageId": self.image_id,
            "State": state_view(self.state),
            "StateTransitionReason": self.transition_reason,
            "LaunchTime": aware(self.launched_at),
            "Placement": {"AvailabilityZone": self.zone, "Tenancy": "default", "GroupName": ""},
            "Architecture": self.shape.architecture,
            "SubnetId": self.subnet_id,
            "AmiLaunchIndex": 0,
            "Tags": [{"Key": key, "Value": value} for key, value in sorted(self.tags.items())],
        }
        if self.market == "spot":
            view["InstanceLifecycle"] = "spot"
        if self.client_token is not None:
            view["ClientToken"] = self.client_token
        if self.state_reason is not None:
            view["StateReason"] = {"Code": self.state_reason[0], "Message": self.state_reason[1]}
        return view


def state_view(state: str) -> dict[str, Any]:
    return {"Code": STATE_CODES[state], "Name": state}
