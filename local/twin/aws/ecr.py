"""ECR: which images there are, by tag [ECR-DESCRIBE-IMAGES]."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar

from local.twin.aws.errors import AwsFault
from local.twin.aws.service import Context, Response, Service, operation


class Ecr(Service):
    """Images that somebody pushed; ``broken`` ones are listed and cannot be pulled."""

    name: ClassVar[str] = "ecr"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.tags: dict[str, set[str]] = {}
        self.broken: set[str] = set()

    # What stands on the other side of the wire.

    def push(self, repository: str, tag: str) -> None:
        """Somebody pushes an image."""
        self.tags.setdefault(repository, set()).add(tag)

    def delete(self, repository: str, tag: str) -> None:
        """A lifecycle policy takes an image away."""
        self.tags.get(repository, set()).discard(tag)

    def can_pull(self, image: str) -> bool:
        """Whether a task finds the image that its definition names."""
        place, _, tag = image.rpartition(":")
        repository = place.partition("/")[2]
        return image not in self.broken and tag in self.tags.get(repository, set())

    @operation
    def describe_images(self, **request: Any) -> Response:
        repository = request["repositoryName"]
        if repository not in self.tags:
            message = f"The repository with name '{repository}' does not exist in the registry"
            raise AwsFault("RepositoryNotFoundException", message)
        asked = [image["imageTag"] for image in request.get("imageIds", [])]
        missing = [tag for tag in asked if tag not in self.tags[repository]]
        if missing:
            message = (
                f"The image with imageId {{imageTag:'{missing[0]}'}} does not exist within the repository"
            )
            raise AwsFault("ImageNotFoundException", message)
        shown = asked or sorted(self.tags[repository])
        registry = request.get("registryId", self.context.account_id)
        return {"imageDetails": [_detail(registry, repository, tag) for tag in shown]}


def _detail(registry: str, repository: str, tag: str) -> dict[str, Any]:
    digest = hashlib.sha256(f"{repository}:{tag}".encode()).hexdigest()
    return {
        "registryId": registry,
        "repositoryName": repository,
        "imageDigest": f"sha256:{digest}",
        "imageTags": [tag],
    }
