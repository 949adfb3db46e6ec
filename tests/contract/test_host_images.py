"""What every ``HostImages`` must do [EC2-ECS-AMI-NAMES] [EC2-TEMPLATE-VERSIONS]."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.adapters.host_images import Ec2HostImages
from slipway.domain.errors import RefusedError
from slipway.domain.host_images import HostImage, TemplateVersion
from tests.builders import a_pool
from tests.contract.aws_faces import REGION, Face

DAY = 86_400.0
NAME = "al2023-ami-ecs-hvm-2023.0.20261015-kernel-6.1-x86_64"


def images(aws: Face, *, has_gpus: bool = False, **pool: Any) -> Ec2HostImages:
    made = a_pool(region=REGION, launch_template="slipway-general", **pool)
    return Ec2HostImages(aws.client("ec2"), aws.client("ssm"), made, has_gpus=has_gpus)


def release(
    aws: Face, image_id: str, name: str = NAME, architecture: str = "x86_64", days: float = 0
) -> None:
    with aws.lock:
        aws.account.ec2.images.release(image_id, name, architecture, age_seconds=days * DAY)


def ids(found: Any) -> set[str]:
    return {image.image_id for image in found}


@pytest.fixture
def template(aws: Face) -> Face:
    aws.client("ec2").create_launch_template(
        LaunchTemplateName="slipway-general", LaunchTemplateData={"ImageId": "ami-1", "UserData": "aGk="}
    )
    return aws


def test_releases_are_listed_with_their_time(aws: Face) -> None:
    release(aws, "ami-1", days=3)
    (found,) = images(aws).released()
    assert found.image_id == "ami-1"
    assert found.released_at == pytest.approx(aws.account.clock.now() - 3 * DAY, abs=0.01)


@pytest.mark.parametrize(
    ("pool", "has_gpus", "wanted"),
    [
        ({}, False, "ami-plain"),
        ({"architecture": "arm64"}, False, "ami-arm"),
        ({}, True, "ami-gpu"),
        ({"operating_system": "bottlerocket"}, False, "ami-rocket"),
    ],
    ids=["AL2023", "arm64", "with GPUs", "Bottlerocket"],
)
def test_only_images_of_the_pool_s_own_kind_are_releases(
    aws: Face, pool: dict[str, str], has_gpus: bool, wanted: str
) -> None:
    release(aws, "ami-plain")
    release(aws, "ami-arm", NAME.replace("x86_64", "arm64"), "arm64")
    release(aws, "ami-gpu", NAME.replace("ecs-hvm", "ecs-gpu-hvm"))
    release(aws, "ami-rocket", "bottlerocket-aws-ecs-2-x86_64-v1.30.0-0abc", "x86_64")
    assert ids(images(aws, has_gpus=has_gpus, **pool).released()) == {wanted}


def test_a_release_that_amazon_no_longer_recommends_is_none(aws: Face) -> None:
    release(aws, "ami-1", days=9)
    release(aws, "ami-2", days=8)
    with aws.lock:
        aws.account.ec2.images.withdraw("ami-2")
    assert ids(images(aws).released()) == {"ami-1"}


def test_a_region_without_such_an_image_is_refused(aws: Face) -> None:
    with pytest.raises(RefusedError) as refusal:
        images(aws).released()
    assert refusal.value.code == "ParameterNotFound"


def test_a_new_version_names_the_image_and_keeps_everything_else(template: Face) -> None:
    renewed = images(template)
    assert list(renewed.versions()) == [TemplateVersion(1, "ami-1")]
    for _ in range(2):  # a reply that was lost is asked for again
        renewed.use(HostImage("ami-2", 0.0), TemplateVersion(1, "ami-1"))
    assert sorted(renewed.versions(), key=lambda version: version.number) == [
        TemplateVersion(1, "ami-1"),
        TemplateVersion(2, "ami-2"),
    ]
    reply = template.client("ec2").describe_launch_template_versions(LaunchTemplateName="slipway-general")
    newest = max(reply["LaunchTemplateVersions"], key=lambda version: version["VersionNumber"])
    assert newest["LaunchTemplateData"]["UserData"] == "aGk="


def test_a_template_that_is_not_there_has_no_versions(aws: Face) -> None:
    assert list(images(aws).versions()) == []
