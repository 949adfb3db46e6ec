"""What a GitHub App shows to GitHub: its own JWT, and the tokens of its installations."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from slipway.adapters.github.credentials import Bearer, Rests
from slipway.adapters.github.http import GitHubApi, repeatable
from slipway.adapters.github.times import seconds
from slipway.domain.errors import ConfigurationError, RefusedError
from slipway.ports.clock import Clock
from slipway.ports.secrets import Secrets, ShortToken, TokenStore

_JWT_SECONDS = 540  # GitHub takes at most 10 minutes [GH-APP-JWT]
_JWT_SKEW_SECONDS = 60
_EARLY_SECONDS = 300  # a token is renewed this long before it expires, after an hour [GH-APP-TOKEN]
_STALE = {"401", "403", "404"}  # how GitHub answers for an installation that is suspended or gone


@dataclass(frozen=True, slots=True)
class AppKey:
    """A GitHub App's identity, kept in one secret as JSON ``{"app_id": …, "private_key": "PEM"}``."""

    app_id: str
    private_key: str = field(repr=False)


class AppTokens:
    """Implements ``Credentials`` with the App's installation tokens, one installation an organization.

    Tokens are kept until shortly before they expire, in memory and in a store that all functions share.
    """

    def __init__(
        self,
        secrets: Secrets,
        arn: str,
        api: GitHubApi,
        clock: Clock,
        new_id: Callable[[], str],
        *,
        store: TokenStore,
    ) -> None:
        self._secrets = secrets
        self._arn = arn
        self._api = api
        self._clock = clock
        self._new_id = new_id
        self._installations: dict[str, int] = {}
        self._store = store
        self._tokens: dict[int, ShortToken] = {}
        self._refused: set[int] = set()
        self._spoilt: set[str] = set()
        self._jwt = ShortToken("", 0.0)
        self._rests = Rests(clock)

    def bearer(self, reach: str, installation_id: int | None = None) -> Bearer:
        """Return the installation of a reach with its token; ``installation_id``, if known, saves a look-up."""
        owner = reach.partition("/")[0].lower()
        told = None if installation_id in self._refused else installation_id
        installation = told or self._installations.get(owner) or self._find(reach)
        try:
            value = self._token_of(installation)
        except RefusedError as fault:
            self._drop(owner, installation)
            installation = self._found_instead(reach, installation, fault)
            value = self._token_of(installation)
        self._installations[owner] = installation
        return Bearer(f"installation/{installation}", str(installation), value)

    def bearers(self, reach: str, installation_id: int | None = None) -> tuple[Bearer, ...]:
        """Return the one installation that may register a runner in a reach."""
        return self._rests.awake((self.bearer(reach, installation_id),))

    def hear(self, bearer: Bearer, headers: Mapping[str, str]) -> None:
        """Note what an answer to a registration says of the installation's budget."""
        self._rests.budgets.hear(bearer.owner, headers)

    def calls_left(self) -> Mapping[str, int]:
        """Return how many calls are left this hour to each installation that was heard of."""
        return self._rests.calls_left()

    def rest(self, bearer: Bearer, seconds: int) -> None:
        """Let an installation rest: a limit said no."""
        self._rests.rest(bearer.owner, seconds)

    def refuse(self, bearer: Bearer, why: str) -> Bearer | None:  # noqa: ARG002 - a new token is the answer to all
        """Make another token in place of one that GitHub no longer takes."""
        installation = int(bearer.source)
        self._tokens.pop(installation, None)
        self._spoilt.add(bearer.value)
        fresh = self._token_of(installation)
        return Bearer(bearer.owner, bearer.source, fresh)

    def app_jwt(self) -> str:
        """Return a JWT that speaks for the App itself (RS256, at most 10 minutes, unique id)."""
        if self._jwt.expires_at - self._clock.now() < _JWT_SKEW_SECONDS:
            self._jwt = self._sign()
        return self._jwt.value

    def _token_of(self, installation: int) -> str:
        token = self._tokens.get(installation)
        if not self._is_good(token):
            token = self._store.find(str(installation))
        if token is None or not self._is_good(token):
            token = self._new_token(installation)
            self._store.keep(str(installation), token)
        self._tokens[installation] = token
        return token.value

    def _is_good(self, token: ShortToken | None) -> bool:
        if token is None or token.value in self._spoilt:
            return False
        return token.expires_at - self._clock.now() >= _EARLY_SECONDS

    def _drop(self, owner: str, installation: int) -> None:
        self._refused.add(installation)
        self._tokens.pop(installation, None)
        self._installations.pop(owner, None)

    def _found_instead(self, reach: str, installation: int, fault: RefusedError) -> int:
        """Look for the installation that took the place of one which is refused: a job keeps what its webhook said.

        Installed anew, the App has another installation.
        """
        found = self._find(reach) if fault.code in _STALE else installation
        if found == installation:
            raise fault
        return found

    def _sign(self) -> ShortToken:
        # Whoever finds an installation's token in the store has nothing to sign, and need not import cryptography.
        from slipway.adapters.github.rs256 import BadKeyError, signed  # noqa: PLC0415

        key = self._key()
        now = int(self._clock.now())
        claims = {
            "iss": key.app_id,
            "iat": now - _JWT_SKEW_SECONDS,
            "exp": now + _JWT_SECONDS,
            "jti": self._new_id(),
        }
        try:
            value = signed(claims, key.private_key)
        except BadKeyError:
            # The cause may quote the key; it is left out on purpose.
            raise ConfigurationError(
                f"secret {self._arn}: private_key is no RSA key in PEM form; put the App's key there"
            ) from None
        return ShortToken(value, float(now + _JWT_SECONDS))

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
        path = f"/orgs/{reach.partition('/')[0]}/installation"
        try:
            return int(self._api.call("GET", path, self.app_jwt)["id"])
        except RefusedError as fault:
            if fault.code == "404":
                raise RefusedError(f"the GitHub App is not installed on {reach}", code="404") from fault
            raise

    def _new_token(self, installation: int) -> ShortToken:
        path = f"/app/installations/{installation}/access_tokens"
        with repeatable():  # a token that nobody got harms nobody
            reply = self._api.call("POST", path, self.app_jwt)
        return ShortToken(reply["token"], seconds(reply["expires_at"]) or 0.0)
