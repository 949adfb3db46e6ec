"""Host images: when a pool's launch template should name a newer release of its AMI. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from slipway.domain.configuration import Pool

RELEASE_AGE_SECONDS = 7 * 86_400  # what is wrong with a release is mostly found by others within a week


_ARCHITECTURES = {"x64": "x86_64", "arm64": "arm64"}
_AL2023 = "/aws/service/ecs/optimized-ami/amazon-linux-2023"


@dataclass(frozen=True, slots=True)
class KindOfImage:
    """Which images a pool's hosts may have: the public parameter of Systems Manager that names the recommended one,
    the pattern of their names [EC2-ECS-AMI-NAMES], and their architecture as EC2 says it."""

    parameter: str
    names: str
    architecture: str


def kind_of_image(pool: Pool, *, has_gpus: bool) -> KindOfImage:
    """Return the kind of image that a pool's hosts are launched from."""
    architecture = _ARCHITECTURES[pool.architecture]
    if pool.operating_system == "bottlerocket":
        parameter = f"/aws/service/bottlerocket/aws-ecs-2/{architecture}/latest/image_id"
        return KindOfImage(parameter, f"bottlerocket-aws-ecs-2-{architecture}-*", architecture)
    if has_gpus:
        return KindOfImage(f"{_AL2023}/gpu/recommended/image_id", "al2023-ami-ecs-gpu-hvm-*", architecture)
    folder = "/arm64" if pool.architecture == "arm64" else ""
    return KindOfImage(f"{_AL2023}{folder}/recommended/image_id", "al2023-ami-ecs-hvm-*", architecture)


@dataclass(frozen=True, slots=True)
class HostImage:
    """An AMI that its publisher released for hosts of a pool's kind; the time is epoch seconds."""

    image_id: str
    released_at: float


@dataclass(frozen=True, slots=True)
class TemplateVersion:
    """A version of a launch template and the image that it names."""

    number: int
    image_id: str


def image_to_use(
    released: Sequence[HostImage], versions: Sequence[TemplateVersion], now: float
) -> HostImage | None:
    """Return the release that the template should name from now on; None when it is right as it is.

    The template is left alone where its newest version names no release: the operator built that image, or lets EC2
    look it up. And an image that any version ever named is not chosen: somebody went back from it.
    """
    newest = max(versions, key=lambda version: version.number, default=None)
    in_use = next((image for image in released if newest and image.image_id == newest.image_id), None)
    if in_use is None:
        return None
    had = {version.image_id for version in versions}
    ripe = [
        image
        for image in released
        if image.released_at > in_use.released_at
        and now - image.released_at >= RELEASE_AGE_SECONDS
        and image.image_id not in had
    ]
    return max(ripe, key=lambda image: (image.released_at, image.image_id), default=None)
