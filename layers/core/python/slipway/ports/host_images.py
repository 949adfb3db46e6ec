"""What a pool's hosts are launched from, in domain words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from slipway.domain.host_images import HostImage, TemplateVersion


class HostImages(Protocol):
    """Reads the releases of a pool's AMI, and lets its launch template name one.

    Raises, each method: RefusedError: a definite no, such as a missing permission. UnavailableError: throttled, down.
    """

    def released(self) -> Sequence[HostImage]:
        """List the releases of the pool's kind, up to the one that their publisher recommends."""

    def versions(self) -> Sequence[TemplateVersion]:
        """List the versions of the pool's launch template; none where there is no such template."""

    def use(self, image: HostImage, base: TemplateVersion) -> None:
        """Make a version that differs from ``base`` in its image alone; the same again makes no second one."""
