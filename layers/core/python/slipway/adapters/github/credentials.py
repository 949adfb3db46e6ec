"""What Slipway shows to GitHub: a classic PAT for an enterprise, a GitHub App for everything else."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import jwt

from slipway.adapters.github.http import GitHubApi
from slipway.domain.errors import ConfigurationError, RefusedError
from slipway.ports.clock import Clock
from slipway.ports.secrets import Secrets

_JWT_SECONDS = 540  # GitHub takes at most 10 minutes [GH-APP-JWT]
_JWT_SKEW_SECONDS = 60
_EARLY_SECONDS = 300  # a token is renewed this long before it expires, after an hour [GH-APP-TOKEN]
_STALE = {"401", "403", "404"}  # how GitHub answers for an installation that is suspended or gone


class Credentials(Protocol):
    """Gives the token for a reach: an organization's login or a repository's full name."""

    def token(self, reach: str, installation_id: int | None = None) -> str:
        """Return a token that is valid for some minutes at least."""


class EnterpriseTokens:
    """Classic PATs with ``manage_runners:enterprise``: GitHub Apps cannot manage enterprise runners [GH-ENT-PAT]."""

    def __init__(self, secrets: Secrets, arns: Sequence[str]) -> None:
        self._secrets = secrets
        self._arns = tuple(arns)

    def token(self, reach: str, installation_id: int | None = None) -> str:  # noqa: ARG002 - the App's affair
        """Return the first token; where there are several, a reach always gets the same one."""
        if not self._arns:
            raise ConfigurationError("registration: enterprise needs github.secrets.runner_tokens")
        position = sum(reach.encode()) % len(self._arns)
        return self._secrets.get(self._arns[position]).strip()


@dataclass(frozen=True, slots=True)
class AppKey:
    """A GitHub App's identity, kept in one secret as JSON ``{"app_id": …, "private_key": "PEM"}``."""

    app_id: str
    private_key: str = field(repr=False)


class AppTokens:
    """Installation tokens of a GitHub App, found by organization or repository, kept until shortly before expiry."""

    def __init__(
        self, secrets: Secrets, arn: str, api: GitHubApi, clock: Clock, new_id: Callable[[], str]
    ) -> None:
        self._secrets = secrets
        self._arn = arn
        self._api = api
        self._clock = clock
        self._new_id = new_id
        self._installations: dict[str, int] = {}
        self._tokens: dict[int, tuple[str, float]] = {}
        self._refused: set[int] = set()
        self._jwt: tuple[str, float] = ("", 0.0)

    def token(self, reach: str, installation_id: int | None = None) -> str:
        """Return the installation's token; ``installation_id``, when a webhook told it, saves a look-up."""
        told = None if installation_id in self._refused else installation_id
        installation = told or self._installations.get(reach) or self._find(reach)
        try:
            value = self._token_of(installation)
        except RefusedError as fault:
            self._drop(reach, installation)
            installation = self._found_instead(reach, installation, fault)
            value = self._token_of(installation)
        self._installations[reach] = installation
        return value

    def app_jwt(self) -> str:
        """Return a JWT that speaks for the App itself (RS256, at most 10 minutes, unique id)."""
        value, expires_at = self._jwt
        if expires_at - self._clock.now() < _JWT_SKEW_SECONDS:
            value, expires_at = self._sign()
            self._jwt = (value, expires_at)
        return value

    def _token_of(self, installation: int) -> str:
        value, expires_at = self._tokens.get(installation, ("", 0.0))
        if expires_at - self._clock.now() < _EARLY_SECONDS:
            value, expires_at = self._new_token(installation)
            self._tokens[installation] = (value, expires_at)
        return value

    def _drop(self, reach: str, installation: int) -> None:
        self._refused.add(installation)
        self._tokens.pop(installation, None)
        self._installations.pop(reach, None)

    def _found_instead(self, reach: str, installation: int, fault: RefusedError) -> int:
        """Look for the installation that took the place of one which is refused: a job keeps what its webhook said.

        Installed anew, the App has another installation.
        """
        found = self._find(reach) if fault.code in _STALE else installation
        if found == installation:
            raise fault
        return found

    def _sign(self) -> tuple[str, float]:
        key = self._key()
        now = int(self._clock.now())
        claims = {
            "iss": key.app_id,
            "iat": now - _JWT_SKEW_SECONDS,
            "exp": now + _JWT_SECONDS,
            "jti": self._new_id(),
        }
        try:
            return jwt.encode(claims, key.private_key, algorithm="RS256"), float(now + _JWT_SECONDS)
        except (jwt.PyJWTError, ValueError, TypeError):
            # The cause may quote the key; it is left out on purpose.
            raise ConfigurationError(
                f"secret {self._arn}: private_key is no RSA key in PEM form; put the App's key there"
            ) from None

    def _key(self) -> AppKey:
        try:
            body = json.loads(self._secrets.get(self._arn))
            return AppKey(str(body["app_id"]), body["private_key"])
        except (ValueError, KeyError, TypeError):
            # The cause may quote the secret; it is left out on purpose.
            raise ConfigurationError(
                f'secret {self._arn} is not {{"app_id": …, "private_key": "…"}}'
            ) from None

    def _find(self, reach: str) -> int:
        scope = f"/repos/{reach}" if "/" in reach else f"/orgs/{reach}"
        try:
            return int(self._api.call("GET", f"{scope}/installation", self.app_jwt)["id"])
        except RefusedError as fault:
            if fault.code == "404":
                raise RefusedError(f"the GitHub App is not installed on {reach}", code="404") from fault
            raise

    def _new_token(self, installation: int) -> tuple[str, float]:
        path = f"/app/installations/{installation}/access_tokens"
        reply = self._api.call("POST", path, self.app_jwt)
        expires_at = datetime.fromisoformat(reply["expires_at"].replace("Z", "+00:00"))
        return reply["token"], expires_at.timestamp()
