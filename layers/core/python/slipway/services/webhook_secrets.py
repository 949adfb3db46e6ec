"""The webhook secrets, kept for a while, read again when one seems to have been replaced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from slipway.domain.configuration import WebhookSecret
from slipway.domain.errors import SlipwayError
from slipway.domain.signature import matching_secrets
from slipway.ports.clock import Clock
from slipway.ports.secrets import Secrets

KEEP_SECONDS = 300
REFRESH_SECONDS = 60  # a flood of forged deliveries makes us read each secret at most this often
RETRY_SECONDS = 5  # after a failed read: a flood must not add to the store's trouble
STALE_SECONDS = 3600  # how long the last value serves while the store does not answer


@dataclass(slots=True)
class _Kept:
    value: str = ""
    read_at: float = float("-inf")
    tried_at: float = float("-inf")
    fault: SlipwayError | None = None


class WebhookSecrets:
    """Finds the secrets that signed a delivery. Not thread-safe: a function serves one request at a time."""

    def __init__(self, places: Sequence[WebhookSecret], store: Secrets, clock: Clock) -> None:
        self._places = tuple(places)
        self._store = store
        self._clock = clock
        self._kept = {place.secret_id: _Kept() for place in self._places}

    def signers(self, body: bytes, signature: str) -> tuple[WebhookSecret, ...]:
        """Return every configured secret that made this signature; none for a forgery.

        A secret replaced in the store is honoured at once: a signature that matches nothing makes values
        older than a minute be read again, before it is called a forgery.

        Raises:
            SlipwayError: nothing matched and a secret could not be read, so that nobody can tell.
        """
        found = self._match(body, signature, older_than=KEEP_SECONDS)
        if not found:
            found = self._match(body, signature, older_than=REFRESH_SECONDS)
        unread = next((kept.fault for kept in self._kept.values() if kept.fault), None)
        if not found and unread:
            raise unread
        return found

    def _match(self, body: bytes, signature: str, older_than: float) -> tuple[WebhookSecret, ...]:
        values = [self._value(place.secret_id, older_than) for place in self._places]
        return tuple(self._places[position] for position in matching_secrets(body, signature, values))

    def _value(self, arn: str, older_than: float) -> str:
        kept, now = self._kept[arn], self._clock.now()
        if now - kept.read_at > older_than and now - kept.tried_at > RETRY_SECONDS:
            self._read(arn, kept, now)
        if now - kept.read_at > STALE_SECONDS:
            kept.value = ""
        return kept.value

    def _read(self, arn: str, kept: _Kept, now: float) -> None:
        kept.tried_at = now
        try:
            kept.value, kept.read_at, kept.fault = self._store.get(arn), now, None
        except SlipwayError as fault:
            kept.fault = fault
