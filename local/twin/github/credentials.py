"""Who may call: personal access tokens, the App's own JWTs and its installation tokens."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Literal, cast

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from local.twin.github.model import Organization, Repository, Scope
from local.twin.github.state import World

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

TOKEN_LIFE_SECONDS = 3600.0  # [GH-APP-TOKEN]
JWT_LIFE_SECONDS = 600.0  # [GH-APP-JWT]
CLOCK_TOLERANCE_SECONDS = 60.0


class RefusedError(Exception):
    """The request is refused with ``status`` and GitHub's ``message``."""

    def __init__(
        self,
        status: int,
        message: str,
        errors: list[str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.headers = headers or {}
        self.status = status
        self.message = message
        self.errors = errors


@dataclass(frozen=True, slots=True)
class App:
    id: int
    slug: str
    client_id: str
    public_key: str


@dataclass(slots=True, eq=False)
class Installation:
    """An App on an account; ``repositories`` is None when it covers all of an organization's.

    On the enterprise it covers none [GH-APP-ENTERPRISE]. While it is suspended, it reaches nothing and hears
    nothing [GH-APP-SUSPENDED].
    """

    id: int
    app: App
    account: Organization
    permissions: dict[str, str]
    created_at: float
    repositories: frozenset[int] | None = None
    suspended_at: float | None = None
    is_enterprise: bool = False

    def is_on(self, login: str) -> bool:
        """Whether the account is the organization of this login, in small letters."""
        return not self.is_enterprise and self.account.login.lower() == login

    def covers(self, repository: Repository) -> bool:
        if self.repositories is not None and repository.id not in self.repositories:
            return False
        return self.is_on(repository.organization.login.lower())


@dataclass(frozen=True, slots=True)
class Actor:
    """The authenticated caller; ``key`` names the credential that limits are counted for."""

    kind: Literal["token", "app", "installation"]
    key: str
    scopes: frozenset[str] = frozenset()
    expires_at: float | None = None
    app: App | None = None
    installation: Installation | None = None
    permissions: dict[str, str] = field(default_factory=dict)
    is_enterprise_owner: bool = True


@dataclass(frozen=True, slots=True)
class InstallationToken:
    actor: Actor
    expires_at: float


_SCOPES_FOR = {
    "enterprise": {"manage_runners:enterprise", "admin:enterprise"},  # [GH-ENT-PAT]
    "organization": {"admin:org"},
    "repository": {"repo"},
}
_PERMISSION_FOR = {"organization": "organization_self_hosted_runners", "repository": "administration"}


class Credentials:
    """Everything that authenticates, and what it may do."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._personal: dict[str, Actor] = {}
        self._installation_tokens: dict[str, InstallationToken] = {}
        self.apps: dict[int, App] = {}
        self.installations: dict[int, Installation] = {}

    def add_personal_token(self, user: str, scopes: frozenset[str], expires_at: float | None = None) -> str:
        """A classic token of ``user``; the user's tokens share one rate limit [GH-LIMIT-PRIMARY]."""
        token = "ghp_" + self._world.rng.randbytes(18).hex()
        self._personal[token] = Actor("token", f"user:{user}", scopes, expires_at)
        return token

    def demote(self, token: str, *, again_owner: bool = False) -> None:
        """Let the user of a classic token be no owner of the enterprise any more, or one again [GH-ENT-PAT]."""
        self._personal[token] = replace(self._personal[token], is_enterprise_owner=again_owner)

    def revoke(self, token: str) -> None:
        self._personal.pop(token, None)
        self._installation_tokens.pop(token, None)

    def new_installation_token(
        self, installation: Installation, permissions: dict[str, str]
    ) -> tuple[str, float]:
        """A token and the epoch second at which it expires, an hour from now [GH-APP-TOKEN]."""
        token = "ghs_" + self._world.rng.randbytes(18).hex()
        expires_at = self._world.clock.now() + TOKEN_LIFE_SECONDS
        actor = Actor(
            "installation",
            f"installation:{installation.id}",
            app=installation.app,
            installation=installation,
            permissions=permissions,
        )
        self._installation_tokens[token] = InstallationToken(actor, expires_at)
        return token, expires_at

    def tokens_of(self, installation: Installation) -> list[str]:
        """The tokens that were made for an installation."""
        made = self._installation_tokens.items()
        return [token for token, issued in made if issued.actor.installation is installation]

    def authenticate(self, token: str | None) -> Actor:
        """The caller behind ``token``; raises ``RefusedError`` 401 for anything unknown or expired."""
        if token is None:
            raise RefusedError(401, "Requires authentication")
        if token.count(".") == 2:
            return self._app(token)
        issued = self._installation_tokens.get(token)
        if issued is not None and issued.expires_at > self._world.clock.now():
            if issued.actor.installation is not None:
                refuse_suspended(issued.actor.installation)
            return issued.actor
        personal = self._personal.get(token)
        if personal is not None and (personal.expires_at or float("inf")) > self._world.clock.now():
            return personal
        raise RefusedError(401, "Bad credentials")

    def _app(self, token: str) -> Actor:
        """Check an App's JWT: signature, issuer, times on the twin's clock [GH-APP-JWT]."""
        try:
            claims = _claims(token, None)
            app = self._issuer(claims)
            _claims(token, app.public_key)
        except jwt.InvalidTokenError as exc:
            raise RefusedError(401, "A JSON web token could not be decoded") from exc
        self._check_times(claims)
        return Actor("app", f"app:{app.id}", app=app)

    def _issuer(self, claims: dict[str, Any]) -> App:
        issuer = str(claims.get("iss"))
        for app in self.apps.values():
            if issuer in (str(app.id), app.client_id):
                return app
        raise RefusedError(401, "'Issuer' claim ('iss') must be the App's client id or id")

    def _check_times(self, claims: dict[str, Any]) -> None:
        now, issued, expires = self._world.clock.now(), claims.get("iat"), claims.get("exp")
        if not isinstance(issued, int | float) or issued > now + CLOCK_TOLERANCE_SECONDS:
            raise RefusedError(401, "'Issued at' claim ('iat') must be an Integer in the past")
        if not isinstance(expires, int | float) or expires <= now:
            raise RefusedError(401, "'Expiration time' claim ('exp') must be a numeric value in the future")
        if expires > now + JWT_LIFE_SECONDS + CLOCK_TOLERANCE_SECONDS:
            raise RefusedError(401, "'Expiration time' claim ('exp') is too far in the future")


@lru_cache(maxsize=100)  # an App shows the same token with every call of some minutes
def _claims(token: str, public_key: str | None) -> dict[str, Any]:
    """What a token says, once its signature is checked; without a key to check it with, whoever signed it."""
    if public_key is None:
        return jwt.decode(token, options={"verify_signature": False})
    return jwt.decode(
        token,
        _parsed(public_key),
        algorithms=["RS256"],
        options={"verify_exp": False, "verify_iat": False},
    )


@cache  # reading a key takes longer than checking a signature with it
def _parsed(public_key: str) -> RSAPublicKey:
    return cast("RSAPublicKey", load_pem_public_key(public_key.encode()))


def refuse_suspended(installation: Installation) -> None:
    """Refuse what an installation asks for while it is suspended [GH-APP-SUSPENDED]."""
    if installation.suspended_at is not None:
        raise RefusedError(403, "This installation has been suspended")


def authorize_runners(actor: Actor, scope: Scope, *, write: bool) -> None:
    """Whether ``actor`` may manage the runners of ``scope``.

    Apps never manage an enterprise's [GH-ENT-PAT]; a token without the scope sees a 404, and so does one whose user
    does not own the enterprise.
    """
    if actor.kind == "token":
        is_owner = actor.is_enterprise_owner or scope.kind != "enterprise"
        if not is_owner or not actor.scopes & _SCOPES_FOR[scope.kind]:
            raise RefusedError(404, "Not Found")
        return
    if actor.kind == "app" or scope.kind == "enterprise":
        raise RefusedError(403, "Resource not accessible by integration")
    authorize_installation(actor, scope, _PERMISSION_FOR[scope.kind], write=write)


def authorize_installation(actor: Actor, scope: Scope, permission: str, *, write: bool) -> None:
    """Whether an installation token reaches ``scope`` and holds ``permission``."""
    granted = actor.permissions.get(permission)
    owner = scope.name.partition("/")[0]
    installation = actor.installation
    if installation is None or not installation.is_on(owner):
        raise RefusedError(403, "Resource not accessible by integration")
    if granted != "write" and (write or granted != "read"):
        raise RefusedError(403, "Resource not accessible by integration")
