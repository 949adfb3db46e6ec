"""Signs JWTs with RSA; apart from what needs a signature now and then, for cryptography is long to import."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jwt
from jwt.algorithms import RSAAlgorithm

_RS256 = RSAAlgorithm(RSAAlgorithm.SHA256)


class BadKeyError(ValueError):
    """A private key cannot be read. It has no message: the cause may quote the key."""


def signed(claims: Mapping[str, Any], pem: str) -> str:
    """Return the JWT of these claims, signed with an RSA key in PEM form.

    Raises:
        BadKeyError: it is none.
    """
    try:
        return jwt.encode(dict(claims), _parsed(pem), algorithm="RS256")
    except (jwt.PyJWTError, ValueError, TypeError):
        raise BadKeyError from None


@lru_cache(maxsize=2)
def _parsed(pem: str) -> Any:
    """Parse a key once: that takes many times as long as to sign with it."""
    return _RS256.prepare_key(pem)
