"""A deployment's table, read with the operator's own credentials; nothing is written."""

from __future__ import annotations

import time
from dataclasses import dataclass

from local.live.reading import Reader, Reading, finished_since
from local.live.waits import WINDOW_SECONDS
from local.operating.sight import Sight, told_what_is_needed
from slipway.domain.usage import JobUsage

FINISHED_EVERY_SECONDS = 60.0  # a day's lines are read whole: dearer than the pools


@dataclass(slots=True)
class DeploymentSource:
    """Looks at a deployment's pools each time, and once a minute at what finished today."""

    reader: Reader
    _finished_at: float = 0.0

    def read(self, now: float | None = None) -> Reading:
        """Look at the deployment."""
        now = time.time() if now is None else now
        return self.reader.read(now, self._finished(now))

    def _finished(self, now: float) -> tuple[JobUsage, ...]:
        if now - self._finished_at < FINISHED_EVERY_SECONDS:
            return ()
        lines = tuple(finished_since(self.reader.ledger, now - WINDOW_SECONDS, now))
        self._finished_at = now
        return lines


def deployment_source(sight: Sight) -> DeploymentSource:
    """Return the source of a deployment that can be read.

    The look that tells so is another source's: what jobs started and finished is told by the first look alone.

    Raises:
        NoSightError: it cannot be read.
    """
    with told_what_is_needed(sight.configuration):
        DeploymentSource(_reader(sight)).read()
    return DeploymentSource(_reader(sight))


def _reader(sight: Sight) -> Reader:
    return Reader(sight.ledger, sight.configuration.pools)
