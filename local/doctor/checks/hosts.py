"""Is there what hosts are launched from: a cluster, a launch template, an image that is not old?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from functools import partial

from botocore.exceptions import ClientError

from local.doctor.deployment import DEPLOY_AGAIN, absence, is_deployed
from local.doctor.findings import Check, Look, Verdict, failed, ok, warning
from local.doctor.networks import Entry
from local.doctor.surroundings import Surroundings
from slipway.domain.configuration import Pool
from slipway.domain.host_images import RELEASE_AGE_SECONDS, kind_of_image

_DAY = 86_400
OLD_SECONDS = 60 * _DAY
BEHIND_SECONDS = (
    RELEASE_AGE_SECONDS + 2 * _DAY
)  # the reaper takes a release a week after it came, within a day


def _looks(surroundings: Surroundings) -> Iterator[Look]:
    for pool in surroundings.pools():
        yield Look(f"cluster {pool.cluster}", partial(_cluster, surroundings, pool))
        yield Look(f"launch template {pool.launch_template}", partial(_template, surroundings, pool))


def _cluster(surroundings: Surroundings, pool: Pool) -> Iterator[Verdict]:
    if not is_deployed(surroundings):
        return
    client = surroundings.account.client("ecs", pool.region)
    found = client.describe_clusters(clusters=[pool.cluster])["clusters"]
    status = found[0]["status"] if found else "missing"
    if status == "ACTIVE":
        yield ok("is active")
    else:
        message = f"is {status.lower()} in {pool.region}: pool {pool.name} can run nothing"
        yield failed("cluster-missing", message, DEPLOY_AGAIN)


def _template(surroundings: Surroundings, pool: Pool) -> Iterator[Verdict]:
    if not is_deployed(surroundings):
        return
    ec2 = surroundings.account.ec2(pool.region)
    with absence() as versions:
        answer = ec2.describe_launch_template_versions(
            LaunchTemplateName=pool.launch_template, Versions=["$Latest"]
        )
        versions.extend(answer["LaunchTemplateVersions"])
    if not versions:
        message = f"does not exist in {pool.region}: pool {pool.name} can launch nothing"
        yield failed("launch-template-missing", message, DEPLOY_AGAIN)
        return
    image = versions[0]["LaunchTemplateData"].get("ImageId", "")
    if not image.startswith("ami-"):
        yield ok("has EC2 look up its image at each launch")
        return
    entry = _image(surroundings, pool, image)
    if entry is None:
        message = f"names {image}, which is not there, or not for this account: no host launches"
        yield failed("host-image-gone", message, "make a version of the template with an image that is there")
        return
    yield from _age(surroundings, pool, image, entry)


def _image(surroundings: Surroundings, pool: Pool, image: str, *owners: str) -> Entry | None:
    filters = [{"Name": "image-id", "Values": [image]}]
    found = surroundings.account.ec2(pool.region).describe_images(Filters=filters, Owners=owners)["Images"]  # type: ignore[arg-type]
    return found[0] if found else None


def _age(surroundings: Surroundings, pool: Pool, image: str, entry: Entry) -> Iterator[Verdict]:
    now, made = time.time(), _seconds(entry["CreationDate"])
    is_amazons = _image(surroundings, pool, image, "amazon") is not None
    newest = _recommended(surroundings, pool) if is_amazons else None
    if newest is not None and newest["ImageId"] != image:
        since = _seconds(newest["CreationDate"])
        if since > made and now - since > BEHIND_SECONDS:
            message = f"names {image}, and Amazon recommends {newest['ImageId']}, {(now - since) / _DAY:.0f} days old"
            mend = "see why the reaper does not renew it (host_image_unread in its log): docs/currency.md"
            yield warning("host-image-behind", message, mend)
            return
    if now - made > OLD_SECONDS:
        message = (
            f"names {image}, which is {(now - made) / _DAY:.0f} days old: it lacks what was mended since"
        )
        mend = "build the image anew, or name Amazon's in the template: docs/currency.md"
        yield warning("host-image-old", message, mend)
        return
    yield ok(f"names {image}, {max(0.0, now - made) / _DAY:.0f} days old")


def _recommended(surroundings: Surroundings, pool: Pool) -> Entry | None:
    profiles = surroundings.configuration.profiles.values()
    has_gpus = any(profile.size.gpus for profile in profiles if profile.pool == pool.name)
    parameter = kind_of_image(pool, has_gpus=has_gpus).parameter
    client = surroundings.account.client("ssm", pool.region)
    try:
        image = client.get_parameter(Name=parameter)["Parameter"]["Value"]
    except ClientError as fault:
        if fault.response["Error"]["Code"] != "ParameterNotFound":
            raise
        return None
    return _image(surroundings, pool, image)


def _seconds(date: str) -> float:
    return datetime.fromisoformat(date).timestamp()


CHECK = Check(
    name="hosts",
    about="each pool has its cluster and its launch template, whose image is there and not old",
    permissions=(
        "lambda:GetFunctionConfiguration",
        "ecs:DescribeClusters",
        "ec2:DescribeLaunchTemplateVersions",
        "ec2:DescribeImages",
        "ssm:GetParameter",
    ),
    looks=_looks,
)
