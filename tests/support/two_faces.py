"""Two equal AWS twins, one called directly and one through boto3 over loopback HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from local.twin.aws.account import AwsTwin
from local.twin.aws.ec2 import ecs_user_data
from local.twin.clock import VirtualClock
from local.twin.http.aws import AwsServer
from local.twin.latency import LatencyModel

CLUSTER = "slipway-general"
SERVICES = ("ecs", "ec2", "sqs", "dynamodb", "secretsmanager", "ssm", "pricing")


def build() -> AwsTwin:
    return AwsTwin(VirtualClock(1_800_000_000.0), latency=LatencyModel.none(), seed=3, check_wire=True)


def boto3_client(service: str, url: str) -> Any:
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=url,
        region_name="ap-northeast-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}),
    )


class Face:
    """One way to reach a twin."""

    def __init__(self, twin: AwsTwin, client: Callable[[str], Any]) -> None:
        self.twin = twin
        self._clients = {service: client(service) for service in SERVICES}

    def call(self, service: str, operation: str, **parameters: Any) -> Any:
        client = self._clients[service]
        try:
            answer = getattr(client, operation)(**parameters)
        except ClientError as error:
            response: dict[str, Any] = dict(error.response)
            metadata = response.pop("ResponseMetadata")
            return type(error).__name__, comparable(response), metadata["HTTPStatusCode"]
        return comparable({k: v for k, v in answer.items() if k != "ResponseMetadata"})

    def close(self) -> None:
        for client in self._clients.values():
            if hasattr(client, "close"):
                client.close()


def comparable(value: Any) -> Any:
    """Moments as epoch seconds; hosts of queue URLs left out; empty members as absent ones.

    An AWS answer does not tell an empty list from none in XML, nor does botocore.
    """
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    if isinstance(value, dict):
        return {
            k: comparable(v)
            for k, v in value.items()
            if v not in ([], {}, None) and k not in {"message", "Message"}
        }
    if isinstance(value, list):
        return [comparable(v) for v in value]
    return (
        value.split("/")[-1]
        if isinstance(value, str) and value.startswith(("http://", "https://"))
        else value
    )


def two_faces() -> Iterator[tuple[Face, Face]]:
    """The same account twice: directly, and behind HTTP."""
    direct, served = build(), build()
    with AwsServer(served) as server:
        over_http = Face(served, lambda service: boto3_client(service, server.url))
        yield Face(direct, direct.client), over_http
        over_http.close()


def both(faces: tuple[Face, Face], service: str, operation: str, **parameters: Any) -> Any:
    """Call both; the answers must be equal. Answers the direct one."""
    direct, over_http = (face.call(service, operation, **parameters) for face in faces)
    assert direct == over_http, f"{service}.{operation}"
    return direct


def advance(faces: tuple[Face, Face], seconds: float) -> None:
    for face in faces:
        face.twin.clock.advance(seconds)


def prepare(faces: tuple[Face, Face]) -> None:
    both(faces, "ecs", "create_cluster", clusterName=CLUSTER, tags=[{"key": "a", "value": "b"}])
    both(
        faces, "ecs", "register_task_definition",
        family="slipway-medium", networkMode="bridge", cpu="1024", memory="2048",
        taskRoleArn="arn:aws:iam::123456789012:role/slipway-general-task",
        runtimePlatform={"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
        containerDefinitions=[{"name": "runner", "image": "runner:1", "stopTimeout": 120}],
    )  # fmt: skip
    both(
        faces, "ec2", "create_launch_template",
        LaunchTemplateName="general",
        LaunchTemplateData={
            "ImageId": "ami-0aaaaaaaaaaaaaaaa",
            "InstanceType": "m7i.xlarge",
            "UserData": ecs_user_data(CLUSTER, {"slipway.pool": "general"}),
        },
    )  # fmt: skip


FLEET: dict[str, Any] = {
    "Type": "instant",
    "ClientToken": "intent-1",
    "LaunchTemplateConfigs": [
        {
            "LaunchTemplateSpecification": {"LaunchTemplateName": "general", "Version": "$Latest"},
            "Overrides": [
                {"InstanceType": "m7i.xlarge", "SubnetId": "subnet-a", "Priority": 1.0},
                {"InstanceType": "m7a.xlarge", "SubnetId": "subnet-b", "Priority": 2.0},
            ],
        }
    ],
    "OnDemandOptions": {"AllocationStrategy": "prioritized"},
    "TargetCapacitySpecification": {"TotalTargetCapacity": 3, "DefaultTargetCapacityType": "on-demand"},
    "TagSpecifications": [
        {"ResourceType": "instance", "Tags": [{"Key": "slipway:pool", "Value": "<general> & co"}]}
    ],
}
