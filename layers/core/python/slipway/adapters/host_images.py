"""A pool's AMI over botocore: Amazon's releases, and the versions of the launch template."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from slipway.adapters.aws_errors import aws_errors
from slipway.domain.configuration import Pool
from slipway.domain.errors import RefusedError
from slipway.domain.host_images import HostImage, TemplateVersion, kind_of_image

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ssm import SSMClient


class Ec2HostImages:
    """Implements ``ports.host_images.HostImages``."""

    def __init__(self, ec2: EC2Client, ssm: SSMClient, pool: Pool, *, has_gpus: bool = False) -> None:
        self._ec2 = ec2
        self._ssm = ssm
        self._pool = pool
        self._kind = kind_of_image(pool, has_gpus=has_gpus)

    def released(self) -> Sequence[HostImage]:
        """List the releases of the pool's kind, up to the one that their publisher recommends."""
        with aws_errors(f"reading the image that is recommended for pool {self._pool.name}"):
            recommended = self._ssm.get_parameter(Name=self._kind.parameter)["Parameter"].get("Value", "")
        with aws_errors(f"listing images for pool {self._pool.name}"):
            reply = self._ec2.describe_images(
                Owners=["amazon"],
                Filters=[
                    {"Name": "name", "Values": [self._kind.names]},
                    {"Name": "architecture", "Values": [self._kind.architecture]},
                    {"Name": "state", "Values": ["available"]},
                ],
            )
        images = [
            HostImage(item["ImageId"], datetime.fromisoformat(item["CreationDate"]).timestamp())
            for item in reply["Images"]
        ]
        newest = next((image.released_at for image in images if image.image_id == recommended), None)
        # One that Amazon made and does not recommend, or no longer does, is none.
        return [image for image in images if newest is not None and image.released_at <= newest]

    def versions(self) -> Sequence[TemplateVersion]:
        """List the versions of the pool's launch template; none where there is no such template."""
        try:
            with aws_errors(f"reading launch template {self._pool.launch_template}"):
                pages = self._ec2.get_paginator("describe_launch_template_versions").paginate(
                    LaunchTemplateName=self._pool.launch_template
                )
                return [
                    TemplateVersion(item["VersionNumber"], item["LaunchTemplateData"].get("ImageId", ""))
                    for page in pages
                    for item in page["LaunchTemplateVersions"]
                ]
        except RefusedError as fault:
            if fault.code == "InvalidLaunchTemplateName.NotFoundException":
                return []
            raise

    def use(self, image: HostImage, base: TemplateVersion) -> None:
        """Make a version that differs from ``base`` in its image alone; the same again makes no second one."""
        template = self._pool.launch_template
        with aws_errors(f"letting launch template {template} name {image.image_id}"):
            self._ec2.create_launch_template_version(
                LaunchTemplateName=template,
                ClientToken=f"{template}/{image.image_id}",
                SourceVersion=str(base.number),
                VersionDescription=f"slipway: {image.image_id} instead of {base.image_id}",
                LaunchTemplateData={"ImageId": image.image_id},
            )
