"""Images in ECR, looked for by tag."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from slipway.adapters.aws_errors import aws_errors
from slipway.domain.environments.images import EcrImage, ecr_image
from slipway.domain.errors import RefusedError

# A tag that ECR would not take is the tag of no image; and a list of tags of which one is missing is refused whole.
_ABSENT = {"ImageNotFoundException", "RepositoryNotFoundException", "InvalidParameterException"}


class EcrImages:
    """Implements ``ports.environments.Images`` [ECR-DESCRIBE-IMAGES]."""

    def __init__(self, client_of: Callable[[str], Any]) -> None:
        self._client_of = client_of

    def that_exist(self, images: Iterable[str]) -> frozenset[str]:
        """Return those of the images that exist, asked for one by one."""
        return frozenset(text for text in images if (image := ecr_image(text)) and self._exists(image))

    def _exists(self, image: EcrImage) -> bool:
        try:
            with aws_errors(f"looking for an image of {image.repository}"):
                self._client_of(image.region).describe_images(
                    registryId=image.registry,
                    repositoryName=image.repository,
                    imageIds=[{"imageTag": image.tag}],
                )
        except RefusedError as fault:
            if fault.code in _ABSENT:
                return False
            raise
        return True
