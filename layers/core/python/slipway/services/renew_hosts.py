"""Renew hosts: a release of the AMI becomes a version of the launch template, and hosts of older ones are replaced."""

from __future__ import annotations

from collections.abc import Mapping

from slipway.domain.errors import SlipwayError
from slipway.domain.findings import Facts
from slipway.domain.host_images import image_to_use
from slipway.domain.notices import Look, Notice, NoticeCode
from slipway.ports.clock import Clock
from slipway.ports.host_images import HostImages
from slipway.ports.housekeeping import Housekeeping

CURSOR = "host-images"
ASK_EVERY_SECONDS = 86_400
CODES = frozenset({NoticeCode.HOST_IMAGE_UNREAD})


class RenewHosts:
    """Implements ``services.survey.Watch``: looks once a day, and tells what it did.

    A pool whose images cannot be read is told of, and looked at the next day again: it stops no other.
    """

    def __init__(self, images: Mapping[str, HostImages], housekeeping: Housekeeping, clock: Clock) -> None:
        self._images = images
        self._housekeeping = housekeeping
        self._clock = clock

    def __call__(self, facts: Facts, *, is_dry_run: bool = False) -> Look:  # noqa: ARG002 - it needs no others
        """Return what is to be told; a dry run does not look, for it is to change nothing."""
        now = self._clock.now()
        if is_dry_run or now - (self._housekeeping.cursor(CURSOR) or 0.0) < ASK_EVERY_SECONDS:
            return Look()
        # First: a run that is cut short must not look each minute.
        self._housekeeping.move_cursor(CURSOR, now)
        found = [self._renew(pool, images, now) for pool, images in self._images.items()]
        return Look(tuple(notice for notice in found if notice is not None), CODES)

    def _renew(self, pool: str, images: HostImages, now: float) -> Notice | None:
        try:
            versions = images.versions()
            image = image_to_use(images.released(), versions, now) if versions else None
            if image is None:
                return None
            base = max(versions, key=lambda version: version.number)
            images.use(image, base)
        except SlipwayError as fault:
            return Notice(NoticeCode.HOST_IMAGE_UNREAD, pool, str(fault), pool)
        why = f"a new version of the launch template, instead of {base.image_id}: hosts are replaced in turn"
        return Notice(NoticeCode.HOST_IMAGE_RENEWED, f"{pool}/{image.image_id}", why, pool)
