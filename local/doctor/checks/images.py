"""Do the runner images exist in ECR, by digest and for their pool's architecture, and are they not old?"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import httpx
from botocore.exceptions import ClientError

from local.doctor.findings import Check, Look, Verdict, failed, ok, unknown, warning
from local.doctor.surroundings import Surroundings

ECR = re.compile(
    r"(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/(?P<repository>[^@:]+)"
    r"(:[^@]+)?@(?P<digest>sha256:[0-9a-f]{64})"
)
_MEDIA_TYPES = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
]
_ARCHITECTURES = {"x64": "amd64", "arm64": "arm64"}  # ours, and the registries' words
_CONFIG_SECONDS = 20.0
OLD_DAYS = 60  # GitHub wants a runner's release installed within 30 days [GH-RUNNER-30D]
Manifest = Mapping[str, Any]


def _looks(surroundings: Surroundings) -> Iterator[Look]:
    wanted: dict[str, set[str]] = {}
    for profile in surroundings.configuration.profiles.values():
        pool = surroundings.configuration.pools[profile.pool]
        wanted.setdefault(profile.image, set()).add(pool.architecture)
    for image, architectures in sorted(wanted.items()):
        yield Look(image, partial(_judge, surroundings, image, sorted(architectures)))


def _judge(surroundings: Surroundings, image: str, architectures: list[str]) -> Iterator[Verdict]:
    place = ECR.fullmatch(image)
    if place is None:
        yield ok("is not in ECR: not looked at")
        return
    client = surroundings.account.client("ecr", place["region"])
    key = {"registryId": place["account"], "repositoryName": place["repository"]}
    mend = "push it there, or name the digest that is there"
    try:
        answer = client.batch_get_image(
            **key, imageIds=[{"imageDigest": place["digest"]}], acceptedMediaTypes=_MEDIA_TYPES
        )
    except ClientError as fault:
        if fault.response["Error"]["Code"] != "RepositoryNotFoundException":
            raise
        message = f"there is no repository {place['repository']} in {place['region']}"
        yield failed("image-repository-missing", message, mend)
        return
    if not answer["images"]:
        yield failed("image-missing", "the repository has no image of this digest", mend)
        return
    manifest = json.loads(answer["images"][0]["imageManifest"])
    has = _platforms(manifest) or _architecture_of_one(client, key, manifest)
    if fault_of_it := _of_architecture(has, architectures):
        yield fault_of_it
        return
    days = _days_old(client, key, place["digest"])
    if days > OLD_DAYS:
        message = f"was pushed {days:.0f} days ago: its runner and its packages are as old"
        yield warning("image-old", message, "build it anew (docs/currency.md), and name the new digest")
    yield ok(f"is there, for {', '.join(sorted(has))}")


def _of_architecture(has: set[str], architectures: list[str]) -> Verdict | None:
    """Judge whether it is for its pools' architectures; None where it is."""
    if not has:
        message = "is there, but its configuration, which tells its architecture, could not be read"
        return unknown(
            "image-unread", message, "see for yourself that it is for " + " and ".join(architectures)
        )
    missing = next((one for one in architectures if _ARCHITECTURES[one] not in has), None)
    if missing is None:
        return None
    message = f"is for {', '.join(sorted(has))}, and its pool is {missing}"
    return failed("image-architecture", message, "build it for the pool's architecture, or name another pool")


def _days_old(client: Any, key: Mapping[str, str], digest: str) -> float:
    (image,) = client.describe_images(**key, imageIds=[{"imageDigest": digest}])["imageDetails"]
    return float((time.time() - image["imagePushedAt"].timestamp()) / 86_400)


def _platforms(manifest: Manifest) -> set[str]:
    """Return the architectures of an index; attestations beside the images have the platform `unknown`."""
    platforms = (entry.get("platform", {}) for entry in manifest.get("manifests", ()))
    return {one["architecture"] for one in platforms if one.get("os") == "linux"}


def _architecture_of_one(client: Any, key: Mapping[str, str], manifest: Manifest) -> set[str]:
    """Return the architecture of an image of one platform, which only its configuration tells; empty: unread."""
    url = client.get_download_url_for_layer(**key, layerDigest=manifest["config"]["digest"])["downloadUrl"]
    try:
        answer = httpx.get(url, timeout=_CONFIG_SECONDS).raise_for_status()
        return {str(answer.json()["architecture"])}
    except (httpx.HTTPError, ValueError, KeyError):
        return set()


CHECK = Check(
    name="images",
    about="each image in ECR exists by its digest, for its pool's architecture, and is at most 60 days old",
    permissions=("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:DescribeImages"),
    looks=_looks,
)
