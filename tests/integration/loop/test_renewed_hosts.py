"""A new AMI: after a week it is a version of the launch template, and hosts of older ones are replaced."""

from __future__ import annotations

from local.twin_deployment import HOST_IMAGE
from slipway.domain.notices import NoticeCode
from slipway.services.renew_hosts import CURSOR
from tests.support.loop import Acme, acme

HOUR, DAY = 3_600.0, 86_400.0
NAME = "al2023-ami-ecs-hvm-2023.0.20261120-kernel-6.1-x86_64"
NEW = "ami-0fedcba9876543210"
TEMPLATE = "slipway-general"


def image_in_use(deployment: Acme, template: str = TEMPLATE) -> str:
    ec2 = deployment.loop.aws.client("ec2")
    reply = ec2.describe_launch_template_versions(LaunchTemplateName=template)
    newest = max(reply["LaunchTemplateVersions"], key=lambda version: version["VersionNumber"])
    return str(newest["LaunchTemplateData"]["ImageId"])


def reap_a_day_later(deployment: Acme) -> None:
    """What the reaper remembers of its last look is a day old."""
    deployment.loop.ledger.housekeeping.move_cursor(CURSOR, deployment.clock.now() - DAY)
    deployment.clock.advance(120.0)


def told(deployment: Acme) -> list[tuple[NoticeCode, str]]:
    codes = (NoticeCode.HOST_IMAGE_RENEWED, NoticeCode.HOST_IMAGE_UNREAD)
    notices = [notice for run in deployment.loop.reaped for notice in run.notices]
    return [(notice.code, notice.pool) for notice in notices if notice.code in codes]


def test_a_release_waits_for_a_week_and_then_replaces_the_hosts() -> None:
    deployment = acme()
    deployment.loop.aws.ec2.images.release(NEW, NAME, age_seconds=6.9 * DAY)
    deployment.queue(seconds=2 * HOUR)
    deployment.clock.advance(HOUR)
    (old,) = deployment.loop.aws.ec2.live_instances()
    assert old.image_id == HOST_IMAGE == image_in_use(deployment)

    deployment.loop.aws.ec2.images.release("ami-0fedcba9876543211", NAME, age_seconds=8 * DAY)
    reap_a_day_later(deployment)
    assert image_in_use(deployment) == "ami-0fedcba9876543211"
    second = deployment.queue(seconds=20.0)
    deployment.clock.advance(600.0)
    assert second.conclusion == "success"
    fresh = [one for one in deployment.loop.aws.ec2.lifecycle.instances.values() if one is not old]
    assert {one.image_id for one in fresh} == {"ami-0fedcba9876543211"}
    assert (NoticeCode.HOST_IMAGE_RENEWED, "general") in told(deployment)


def test_who_goes_back_to_the_former_image_stays_there() -> None:
    deployment = acme()
    deployment.loop.aws.ec2.images.release(NEW, NAME, age_seconds=8 * DAY)
    reap_a_day_later(deployment)
    assert image_in_use(deployment) == NEW
    deployment.loop.aws.client("ec2").create_launch_template_version(
        LaunchTemplateName=TEMPLATE, SourceVersion="2", LaunchTemplateData={"ImageId": HOST_IMAGE}
    )
    for _ in range(3):
        reap_a_day_later(deployment)
    assert image_in_use(deployment) == HOST_IMAGE


def test_images_are_looked_at_once_a_day() -> None:
    deployment = acme()
    deployment.clock.advance(5 * HOUR)
    assert deployment.loop.aws.calls["ec2.DescribeImages"] == len(deployment.loop.configuration.pools)


def test_a_pool_whose_images_cannot_be_read_is_told_of_and_stops_no_other() -> None:
    deployment = acme()
    deployment.loop.aws.faults.next_error("ssm", "GetParameter", "AccessDeniedException")
    deployment.loop.aws.ec2.images.release(NEW, NAME, age_seconds=8 * DAY)
    reap_a_day_later(deployment)
    first, second = deployment.loop.configuration.pools
    assert told(deployment) == [
        (NoticeCode.HOST_IMAGE_UNREAD, first),
        (NoticeCode.HOST_IMAGE_RENEWED, second),
    ]
    assert not [fault for run in deployment.loop.reaped for fault in run.errors]
