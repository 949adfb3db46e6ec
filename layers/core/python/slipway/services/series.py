"""Series: under which organization's name a job is counted."""

from __future__ import annotations

from slipway.domain.series import Named
from slipway.ports.clock import Clock
from slipway.ports.ledger import Organizations
from slipway.telemetry import OTHERS

KEPT_SECONDS = 900  # names change once a day; until this sandbox has read it, it counts by the old ones


class Series:
    """Keeps the names in memory, and adds whoever starts a job while there is room."""

    def __init__(self, organizations: Organizations, clock: Clock) -> None:
        self._organizations = organizations
        self._clock = clock
        self._named = Named()
        self._read_at: float | None = None

    def of(self, organization: str) -> str:
        """Return the organization's own series, or that of all others: also while the ledger does not answer."""
        name = organization.lower()
        try:
            named = self._known()
            if name not in named.names and named.has_room:
                named = self._add(name, named)
        except Exception:  # noqa: BLE001 - whatever it is: what counts jobs must not keep one waiting
            return OTHERS
        return name if name in named.names else OTHERS

    def _known(self) -> Named:
        now = self._clock.now()
        if self._read_at is None or now - self._read_at >= KEPT_SECONDS:
            self._keep(self._organizations.named())
            self._read_at = now
        return self._named

    def _add(self, name: str, named: Named) -> Named:
        wider = named.with_name(name)
        if self._organizations.keep(wider, seen=named.version):
            return self._keep(wider)
        # Another was faster: if there is room left, the next job of this organization finds it.
        return self._keep(self._organizations.named())

    def _keep(self, named: Named) -> Named:
        self._named = named
        return named
