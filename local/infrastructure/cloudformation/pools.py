"""A pool's resources: cluster, roles, launch template, log group; and the task definitions of its profiles. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.infrastructure.cloudformation.logical_ids import logical_id

Resource = dict[str, Any]
Resources = dict[str, Resource]

# What a template of pools brings itself: infra/sam/template.yaml and region.yaml.
KMS_KEY: Resource = {"Fn::If": ["HasKmsKey", {"Ref": "KmsKeyArn"}, {"Ref": "AWS::NoValue"}]}
BOUNDARY: Resource = {
    "Fn::If": ["HasPermissionsBoundary", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"}]
}
# Outlives the stack, but not one that could not be made [CFN-RETAIN].
KEPT = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}

# Maps of a task definition whose keys are the user's own words.
_FREE_MAPS = {"options", "driverOpts", "labels", "dockerLabels"}


def pool_resources(name: str, pool: Mapping[str, Any]) -> Resources:
    """Return the resources of one pool of a description, by logical id."""

    def named(kind: str) -> str:
        return logical_id("Pool", name, kind)

    tags = [{"Key": key, "Value": value} for key, value in pool["tags"].items()]
    roles = {
        named(f"{kind.capitalize()}Role"): _role(pool["roles"][kind], kind, pool["cluster"], tags)
        for kind in ("task", "execution", "instance")
    }
    return {
        named("Cluster"): {
            "Type": "AWS::ECS::Cluster",
            "Properties": {
                "ClusterName": pool["cluster"],
                "ClusterSettings": [{"Name": "containerInsights", "Value": {"Ref": "ContainerInsights"}}],
                "Tags": tags,
            },
        },
        named("Logs"): {
            "Type": "AWS::Logs::LogGroup",
            **KEPT,
            "Properties": {
                "LogGroupName": pool["log_group"],
                "RetentionInDays": {"Ref": "LogRetentionDays"},
                "KmsKeyId": KMS_KEY,
                "Tags": tags,
            },
        },
        **roles,
        named("InstanceProfile"): {
            "Type": "AWS::IAM::InstanceProfile",
            "Properties": {
                "InstanceProfileName": pool["roles"]["instance"]["name"],
                "Roles": [{"Ref": named("InstanceRole")}],
            },
        },
        named("LaunchTemplate"): {
            "Type": "AWS::EC2::LaunchTemplate",
            "Properties": {
                "LaunchTemplateName": pool["launch_template"],
                "TagSpecifications": [{"ResourceType": "launch-template", "Tags": tags}],
                "LaunchTemplateData": _launch_template(pool, named("InstanceProfile")),
            },
        },
    }


def task_definition_resource(name: str, definition: Mapping[str, Any]) -> Resources:
    """Return the task definition of one profile: the same request, in CloudFormation's spelling."""
    properties = _pascal({key: value for key, value in definition.items() if key != "region"})
    resource = {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}
    return {logical_id("Profile", name, "TaskDefinition"): resource}


def _role(role: Mapping[str, Any], kind: str, cluster: str, tags: list[Resource]) -> Resource:
    properties = {
        "RoleName": role["name"],
        "Description": f"Role of the {kind} in the cluster {cluster}",
        "AssumeRolePolicyDocument": role["trust_policy"],
        "Policies": [{"PolicyName": "slipway", "PolicyDocument": role["policy"]}],
        "PermissionsBoundary": BOUNDARY,
        "Tags": tags,
    }
    if role["attached_policies"]:
        properties["ManagedPolicyArns"] = role["attached_policies"]
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def _launch_template(pool: Mapping[str, Any], profile: str) -> Resource:
    return {
        # Asked for at each update of the stack; in between the reaper makes versions with newer images [CFN-SSM].
        "ImageId": f"{{{{resolve:ssm:{pool['image_parameter']}}}}}",
        "IamInstanceProfile": {"Arn": {"Fn::GetAtt": [profile, "Arn"]}},
        "SecurityGroupIds": pool["security_groups"],
        # A host of the stopped tier powers itself off, and must be there to be started.
        "InstanceInitiatedShutdownBehavior": "stop",
        "MetadataOptions": {
            "HttpEndpoint": "enabled",
            "HttpTokens": "required",
            "HttpPutResponseHopLimit": 1,
            "InstanceMetadataTags": "enabled",  # a host reads there whether it is of the stopped tier
        },
        "Monitoring": {"Enabled": False},
        "BlockDeviceMappings": _disks(pool),
        "UserData": pool["user_data"],
    }


def _disks(pool: Mapping[str, Any]) -> list[Resource]:
    """Return the root volume and what holds images and jobs, where that is another [EC2-DEVICES]."""
    key = pool["disk_key"]
    if "/bottlerocket/" in pool["image_parameter"]:
        # Its root is the system alone, of the image's own size, and never written.
        return [_disk("/dev/xvda", key), _disk("/dev/xvdb", key, "RootVolumeGib")]
    disks = [_disk("/dev/xvda", key, "RootVolumeGib")]
    # The host looks for an empty disk, whatever it is called.
    return [*disks, _disk("/dev/sdf", key, "DataVolumeGib")] if pool["needs_data_volume"] else disks


def _disk(device: str, key: str | None, size: str | None = None) -> Resource:
    volume: Resource = {"VolumeType": "gp3", "Encrypted": True, "DeleteOnTermination": True}
    if key:  # without, by the account's default [EC2-DISK-KEY]
        volume["KmsKeyId"] = key
    if size:
        volume["VolumeSize"] = {"Ref": size}
    return {"DeviceName": device, "Ebs": volume}


def _pascal(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key[0].upper() + key[1:]: part if key in _FREE_MAPS else _pascal(part)
            for key, part in value.items()
        }
    if isinstance(value, list):
        return [_pascal(part) for part in value]
    return value
