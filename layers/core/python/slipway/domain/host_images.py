"""Host images: when a pool's launch template should name a newer release of its AMI. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

RELEASE_AGE_SECONDS = 7 * 86_400  # what is wrong with a release is mostly found by others within a week


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
