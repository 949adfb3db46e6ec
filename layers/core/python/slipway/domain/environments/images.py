"""Where the image of a template lies: only what ECR holds can be asked for before it is started."""

from __future__ import annotations

import re
from dataclasses import dataclass

_IMAGE = re.compile(
    r"([0-9]{12})\.dkr\.ecr\.([a-z0-9-]{5,25})\.amazonaws\.com(?:\.cn)?/([a-z0-9][a-z0-9._/-]{0,255}):(.{1,300})"
)


@dataclass(frozen=True, slots=True)
class EcrImage:
    """An image of ECR by its tag."""

    registry: str
    region: str
    repository: str
    tag: str


def ecr_image(text: str) -> EcrImage | None:
    """Read ``ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY:TAG``; None if it is something else."""
    match = _IMAGE.fullmatch(text)
    return EcrImage(*match.groups()) if match else None


def repository_of_image(text: str) -> str:
    """Return the name of the ECR repository of a template's image, nothing where it has none."""
    image = ecr_image(text)
    return image.repository if image else ""
