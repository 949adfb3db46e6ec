"""Launch templates: looked up, given new versions, and noted on the instances that they launch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.twin.aws.behaviour import Behaviour
from local.twin.latency import LatencyModel
from tests.support.two_faces import Face, both, prepare, two_faces


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def new_version(stage: Any, **changes: Any) -> dict[str, Any]:
    request = {"LaunchTemplateName": "general", "LaunchTemplateData": {"ImageId": "ami-2"}, **changes}
    version: dict[str, Any] = stage.twin.ec2.create_launch_template_version(**request)[
        "LaunchTemplateVersion"
    ]
    return version


def tags(stage: Any, instance_id: str) -> dict[str, str]:
    (reservation,) = stage.twin.ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
    return {tag["Key"]: tag["Value"] for tag in reservation["Instances"][0]["Tags"]}


def test_a_template_is_found_by_its_name_and_by_its_id(stage: Any) -> None:
    """[EC2-LAUNCH-TEMPLATES]"""
    stage.twin.ec2.create_launch_template(LaunchTemplateName="other", LaunchTemplateData={"ImageId": "ami-1"})
    (by_name,) = stage.twin.ec2.describe_launch_templates(LaunchTemplateNames=["general"])["LaunchTemplates"]
    assert (by_name["LatestVersionNumber"], by_name["DefaultVersionNumber"]) == (1, 1)
    template_id = by_name["LaunchTemplateId"]
    by_id = stage.twin.ec2.describe_launch_templates(LaunchTemplateIds=[template_id])["LaunchTemplates"]
    assert by_id == [by_name]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"LaunchTemplateNames": ["general", "nothing"]}, "InvalidLaunchTemplateName.NotFoundException"),
        ({"LaunchTemplateIds": ["lt-0123456789abcdef0"]}, "InvalidLaunchTemplateId.NotFound"),
        ({"Filters": [{"Name": "image-id", "Values": ["ami-1"]}]}, "InvalidParameterValue"),
    ],
)
def test_one_template_that_is_not_there_refuses_the_whole_question(
    stage: Any, asked: dict[str, Any], expected: str
) -> None:
    """[EC2-LAUNCH-TEMPLATES]"""
    with pytest.raises(ClientError) as error:
        stage.twin.ec2.describe_launch_templates(**asked)
    assert code(error) == expected


def test_templates_are_filtered_and_paged(stage: Any) -> None:
    """[EC2-LAUNCH-TEMPLATES]"""
    for number in range(3):
        stage.twin.ec2.create_launch_template(
            LaunchTemplateName=f"pool-{number}",
            LaunchTemplateData={"ImageId": "ami-1"},
            TagSpecifications=[
                {"ResourceType": "launch-template", "Tags": [{"Key": "slipway:pool", "Value": str(number)}]}
            ],
        )

    def names(*filters: dict[str, Any]) -> list[list[str]]:
        pages = stage.twin.ec2.get_paginator("describe_launch_templates").paginate(
            Filters=list(filters), PaginationConfig={"PageSize": 2}
        )
        return [[t["LaunchTemplateName"] for t in page["LaunchTemplates"]] for page in pages]

    assert names() == [["general", "pool-0"], ["pool-1", "pool-2"]]
    assert names({"Name": "launch-template-name", "Values": ["pool-*"]}) == [["pool-0", "pool-1"], ["pool-2"]]
    assert names({"Name": "tag:slipway:pool", "Values": ["1"]}) == [["pool-1"]]
    assert names({"Name": "tag-key", "Values": ["nothing"]}) == [[]]


def test_a_version_without_source_holds_only_what_it_was_given(stage: Any) -> None:
    """[EC2-TEMPLATE-VERSIONS]"""
    version = new_version(stage, VersionDescription="patched")
    assert (version["VersionNumber"], version["DefaultVersion"]) == (2, False)
    assert version["LaunchTemplateData"] == {"ImageId": "ami-2"}
    assert version["VersionDescription"] == "patched"
    (template,) = stage.twin.ec2.describe_launch_templates(LaunchTemplateNames=["general"])["LaunchTemplates"]
    assert (template["LatestVersionNumber"], template["DefaultVersionNumber"]) == (2, 1)


@pytest.mark.parametrize("source", ["1", "$Latest", "$Default"])
def test_a_version_inherits_from_its_source_what_it_does_not_set(stage: Any, source: str) -> None:
    """[EC2-TEMPLATE-VERSIONS]"""
    data = new_version(stage, SourceVersion=source)["LaunchTemplateData"]
    assert (data["ImageId"], data["InstanceType"]) == ("ami-2", "m7i.xlarge")
    assert data["UserData"]
    tagged = [{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "1"}]}]
    new_version(stage, SourceVersion="2", LaunchTemplateData={"TagSpecifications": tagged})
    replaced = [{"ResourceType": "instance", "Tags": [{"Key": "b", "Value": "2"}]}]
    data = new_version(stage, SourceVersion="3", LaunchTemplateData={"TagSpecifications": replaced})[
        "LaunchTemplateData"
    ]
    assert (data["ImageId"], data["TagSpecifications"]) == ("ami-2", replaced)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"LaunchTemplateName": "nothing"}, "InvalidLaunchTemplateName.NotFoundException"),
        ({"LaunchTemplateId": "lt-0123456789abcdef0"}, "InvalidParameterCombination"),
        ({"SourceVersion": "2"}, "InvalidLaunchTemplateId.VersionNotFound"),
        ({"SourceVersion": "newest"}, "InvalidLaunchTemplateId.VersionNotFound"),
    ],
)
def test_a_version_of_what_is_not_there_is_refused(
    stage: Any, changes: dict[str, Any], expected: str
) -> None:
    """[EC2-TEMPLATE-VERSIONS]"""
    with pytest.raises(ClientError) as error:
        new_version(stage, **changes)
    assert code(error) == expected
    (template,) = stage.twin.ec2.describe_launch_templates()["LaunchTemplates"]
    assert template["LatestVersionNumber"] == 1


def test_a_version_must_name_its_template(stage: Any) -> None:
    with pytest.raises(ClientError) as error:
        stage.twin.ec2.create_launch_template_version(LaunchTemplateData={"ImageId": "ami-2"})
    assert code(error) == "MissingParameter"


def test_one_token_is_one_version(stage: Any) -> None:
    """[EC2-TEMPLATE-VERSIONS]"""
    stage.twin.faults.next_error("ec2", "CreateLaunchTemplateVersion", "InternalError", after_success=True)
    with pytest.raises(ClientError):
        new_version(stage, ClientToken="image-2")
    assert new_version(stage, ClientToken="image-2")["VersionNumber"] == 2
    with pytest.raises(ClientError) as error:
        new_version(stage, ClientToken="image-2", LaunchTemplateData={"ImageId": "ami-3"})
    assert code(error) == "IdempotentParameterMismatch"
    assert new_version(stage)["VersionNumber"] == 3


def test_a_refused_request_does_not_use_its_token_up(stage: Any) -> None:
    with pytest.raises(ClientError):
        new_version(stage, ClientToken="image-2", LaunchTemplateName="nothing")
    assert new_version(stage, ClientToken="image-2")["VersionNumber"] == 2


def test_what_a_caller_does_to_an_answer_does_not_reach_the_template(stage: Any) -> None:
    new_version(stage, SourceVersion="1")["LaunchTemplateData"]["InstanceType"] = "z9.huge"
    data = new_version(stage, SourceVersion="2")["LaunchTemplateData"]
    assert data["InstanceType"] == "m7i.xlarge"


def test_instances_carry_the_fleet_the_template_and_its_version_as_tags(stage: Any) -> None:
    """[EC2-SYSTEM-TAGS]"""
    new_version(stage, SourceVersion="1")
    newest, default = stage.fleet(), stage.fleet(LaunchTemplateConfigs=[{
        "LaunchTemplateSpecification": {"LaunchTemplateName": "general"},
    }])  # fmt: skip
    stage.clock.advance(0)
    (template,) = stage.twin.ec2.describe_launch_templates()["LaunchTemplates"]
    for answer, number in ((newest, "2"), (default, "1")):
        (group,) = answer["Instances"]
        said = group["LaunchTemplateAndOverrides"]["LaunchTemplateSpecification"]
        assert said == {"LaunchTemplateId": template["LaunchTemplateId"], "Version": number}
        assert tags(stage, group["InstanceIds"][0]) == {
            "aws:ec2:fleet-id": answer["FleetId"],
            "aws:ec2launchtemplate:id": template["LaunchTemplateId"],
            "aws:ec2launchtemplate:version": number,
        }
    filters = [{"Name": "tag:aws:ec2launchtemplate:version", "Values": ["1"]}]
    assert len(stage.twin.ec2.describe_instances(Filters=filters)["Reservations"]) == 1


@pytest.mark.parametrize(
    ("request_of", "burst"),
    [
        (lambda ec2: ec2.describe_launch_templates(LaunchTemplateNames=["general"]), 100),
        (lambda ec2: ec2.describe_launch_templates(), 50),
        (
            lambda ec2: ec2.create_launch_template_version(
                LaunchTemplateName="general", LaunchTemplateData={"ImageId": "ami-2"}
            ),
            100,
        ),
    ],
    ids=["named", "unfiltered", "version"],
)
def test_each_operation_draws_on_its_documented_bucket(
    build: Callable[..., Any], request_of: Callable[[Any], Any], burst: int
) -> None:
    """[EC2-THROTTLE]"""
    stage = build(LatencyModel.none(), Behaviour(throttling=True))
    for _ in range(burst):
        request_of(stage.twin.ec2)
    with pytest.raises(ClientError) as error:
        request_of(stage.twin.ec2)
    assert code(error) == "RequestLimitExceeded"


@pytest.fixture
def faces() -> Iterator[tuple[Face, Face]]:
    """Equal twins: direct, and over HTTP."""
    yield from two_faces()


def test_templates_and_their_versions_read_the_same_over_both_faces(faces: tuple[Face, Face]) -> None:
    """[EC2-QUERY-PROTOCOL]"""
    prepare(faces)
    data = {
        "ImageId": "ami-2",
        "IamInstanceProfile": {"Name": "host"},
        "BlockDeviceMappings": [
            {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 30, "DeleteOnTermination": True}}
        ],
        "SecurityGroupIds": ["sg-1", "sg-2"],
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
        "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "<b> & c"}]}],
    }
    version = both(
        faces, "ec2", "create_launch_template_version",
        LaunchTemplateName="general", SourceVersion="1", LaunchTemplateData=data, VersionDescription="two",
    )["LaunchTemplateVersion"]  # fmt: skip
    assert {**version["LaunchTemplateData"], **data} == version["LaunchTemplateData"]
    found = both(faces, "ec2", "describe_launch_templates", LaunchTemplateNames=["general"], MaxResults=5)
    assert found["LaunchTemplates"][0]["LatestVersionNumber"] == 2
    both(faces, "ec2", "describe_launch_templates", LaunchTemplateIds=[version["LaunchTemplateId"]])
    name, _, status = both(faces, "ec2", "describe_launch_templates", LaunchTemplateNames=["nothing"])
    assert (name, status) == ("ClientError", 400)
