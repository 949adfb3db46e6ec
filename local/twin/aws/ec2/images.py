"""AMIs that Amazon released, and the public parameters that recommend one [EC2-ECS-AMI-NAMES]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from local.twin.aws.ec2.filters import filtered
from local.twin.aws.service import Context
from local.twin.clock import iso

_FIELDS: Final = {
    "name": lambda view: view["Name"],
    "architecture": lambda view: view["Architecture"],
    "state": lambda view: view["State"],
}
#: Path of the parameter, beginning of the name, architecture.
_RECOMMENDED: Final = {
    "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id": (
        "al2023-ami-ecs-hvm-",
        "x86_64",
    ),
    "/aws/service/ecs/optimized-ami/amazon-linux-2023/arm64/recommended/image_id": (
        "al2023-ami-ecs-hvm-",
        "arm64",
    ),
    "/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended/image_id": (
        "al2023-ami-ecs-gpu-hvm-",
        "x86_64",
    ),
    "/aws/service/bottlerocket/aws-ecs-2/x86_64/latest/image_id": ("bottlerocket-aws-ecs-2-", "x86_64"),
    "/aws/service/bottlerocket/aws-ecs-2/arm64/latest/image_id": ("bottlerocket-aws-ecs-2-", "arm64"),
}


@dataclass(frozen=True, slots=True)
class ReleasedImage:
    """One release."""

    image_id: str
    name: str
    architecture: str
    created_at: float

    def view(self) -> dict[str, Any]:
        return {
            "ImageId": self.image_id,
            "Name": self.name,
            "Architecture": self.architecture,
            "State": "available",
            "CreationDate": iso(self.created_at),
            "ImageOwnerAlias": "amazon",
            "OwnerId": "591542846629",
            "Public": True,
        }


class Images:
    """What Amazon released; the twin's account has no images of its own."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._released: list[ReleasedImage] = []
        self._withdrawn: set[str] = set()

    def release(
        self, image_id: str, name: str, architecture: str = "x86_64", age_seconds: float = 0.0
    ) -> None:
        """Let Amazon release an image, or have released it some time ago."""
        created_at = self._context.now() - age_seconds
        self._released.append(ReleasedImage(image_id, name, architecture, created_at))

    def withdraw(self, image_id: str) -> None:
        """Let Amazon no longer recommend an image; it can still be launched."""
        self._withdrawn.add(image_id)

    def describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        views = [image.view() for image in self._released if "amazon" in request.get("Owners", ["amazon"])]
        return {"Images": filtered(views, request.get("Filters"), _FIELDS)}

    def recommended(self, parameter: str) -> str | None:
        """The value of a public parameter, None for a name that is none."""
        if parameter not in _RECOMMENDED:
            return None
        prefix, architecture = _RECOMMENDED[parameter]
        offered = [
            image
            for image in self._released
            if image.name.startswith(prefix) and image.architecture == architecture
        ]
        candidates = [image for image in offered if image.image_id not in self._withdrawn]
        return max(candidates, key=lambda image: image.created_at).image_id if candidates else None
