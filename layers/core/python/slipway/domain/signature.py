"""Webhook signatures: HMAC-SHA256 over the raw bytes, in constant time."""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence

_SIGNATURE = re.compile(r"sha256=([0-9a-f]{64})", re.ASCII)


def readable(signature: str) -> bool:
    """Say whether a text has the form of an ``X-Hub-Signature-256`` header [GH-HOOK-SIGNATURE]."""
    return _SIGNATURE.fullmatch(signature) is not None


def matching_secrets(body: bytes, signature: str, secrets: Sequence[str]) -> tuple[int, ...]:
    """Return the positions of the secrets that made this signature, all of them.

    Several may: two places can hold the same value, each bound to other organizations. Every secret is
    tried whatever came before, so that the time taken tells nothing about which one matched. An empty
    secret matches nothing: everyone knows it.
    """
    match = _SIGNATURE.fullmatch(signature)
    if match is None:
        return ()
    given = match[1]
    tried = [(position, _digest(secret, body)) for position, secret in enumerate(secrets) if secret]
    return tuple(position for position, wanted in tried if hmac.compare_digest(wanted, given))


def _digest(secret: str, body: bytes) -> str:
    return hmac.digest(secret.encode("utf-8"), body, "sha256").hex()
