"""One REST call from authentication to headers."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from local.twin.github.credentials import Actor, Credentials, RefusedError
from local.twin.github.faults import Faults
from local.twin.github.limits import RateLimits
from local.twin.github.model import Scope
from local.twin.github.rest.operations import Call, Handler, Operation, Operations
from local.twin.github.state import World
from local.twin.github.wire import CONNECTION_LOST, Request, Response, json_response

_DOCUMENTATION = "https://docs.github.com/rest"
_VERSIONS = ("2022-11-28", "2026-03-10")  # a server of 3.17 to 3.20 knows the first alone [GH-API-VERSION]
_BASE = re.compile(r"/api/v3(?=/)")


class RestApi:
    """The calls of one server; ``handlers`` maps (method, path below the scope) to what answers them."""

    def __init__(
        self,
        world: World,
        credentials: Credentials,
        limits: RateLimits,
        handlers: dict[tuple[str, str], Handler],
    ) -> None:
        self._world = world
        self._credentials = credentials
        self._limits = limits
        self._handlers = handlers
        self._operations = Operations(world.server)
        self.faults = Faults(world.rng)
        self.admits_address = True
        """Off: an IP allow list does not name whoever calls [GH-IP-ALLOW-LIST]."""
        self.calls: Counter[str] = Counter()
        """How often each ``METHOD path-template`` was called."""
        self.calls_by_credential: Counter[tuple[str, str]] = Counter()

    def handle(self, request: Request) -> Response:
        """Answer as GitHub would; every refusal is a response, never an exception."""
        try:
            return self._respond(request)
        except RefusedError as refused:
            return self._finished(_refusal(refused), {})

    def _respond(self, request: Request) -> Response:
        path = _BASE.sub("", request.path, count=1) if "/api/v3/" in request.path else request.path
        found = self._operations.find(request.method, path)
        if found is None:
            raise RefusedError(404, "Not Found")
        operation, parameters = found
        self._check_version(request)
        name = f"{operation.method} {operation.template}"
        self.calls[name] += 1
        actor = self._credentials.authenticate(request.bearer)
        self.calls_by_credential[actor.key, name] += 1
        now = self._world.clock.now()
        refusal = None
        if operation.template != "/rate_limit":  # asking is free [GH-LIMIT-STATUS]
            refusal = self._limits.spend(actor, operation.method, operation.template, now)
        headers = self._limits.headers(actor, operation.template, now) | _of_token(actor)
        if refusal is not None:
            return self._finished(refusal, headers)
        done = self.faults.apply(
            request.method, path, lambda: self._execute(request, operation, parameters, actor)
        )
        return self._finished(done, headers)

    def _execute(
        self, request: Request, operation: Operation, parameters: dict[str, str], actor: Actor
    ) -> Response:
        handler = self._handlers.get((operation.method, operation.suffix))
        if handler is None:
            return _refusal(RefusedError(404, "Not Found"))
        try:
            scope = operation.scope(parameters)
            if scope is not None:
                self._check_exists(scope)
                self._check_address(scope)
            content = self._operations.check_body(operation, _parsed(request))
            return handler(Call(request, operation, actor, scope, parameters, content, self._world.url))
        except RefusedError as refused:
            return _refusal(refused)

    def _check_version(self, request: Request) -> None:
        version = request.headers.get("x-github-api-version", _VERSIONS[0])
        known = _VERSIONS[:1] if self._world.is_enterprise_server else _VERSIONS
        if version not in known:
            raise RefusedError(400, f"{version} is not a supported version.")

    def _check_exists(self, scope: Scope) -> None:
        if scope.kind == "enterprise":
            is_known = scope == self._world.enterprise_scope
        elif scope.kind == "organization":
            is_known = scope.name in self._world.organizations
        else:
            is_known = scope.name in self._world.repositories
        if not is_known:
            raise RefusedError(404, "Not Found")

    def _check_address(self, scope: Scope) -> None:
        if not self.admits_address:
            raise RefusedError(
                403,
                f"Although you appear to have the correct authorization credentials, the `{scope.name}` "
                f"{scope.kind} has an IP allow list enabled, and your IP address is not permitted to access "
                "this resource.",
            )

    def _finished(self, response: Response, headers: dict[str, str]) -> Response:
        if response.status == CONNECTION_LOST:
            return response
        common = {
            "x-github-request-id": self._world.new_guid()[:23].upper(),
            "x-github-media-type": "github.v3",
        }
        if self._world.is_enterprise_server:
            common["x-github-enterprise-version"] = self._world.server.removeprefix("ghes-") + ".0"
        return Response(response.status, common | headers | response.headers, response.body)


def _parsed(request: Request) -> Any:
    if not request.body:
        return None
    try:
        return json.loads(request.body.decode())
    except ValueError as exc:
        raise RefusedError(400, "Problems parsing JSON") from exc


def _of_token(actor: Actor) -> dict[str, str]:
    """What every answer tells of a classic token: its scopes and its end [GH-TOKEN-HEADERS]."""
    if actor.kind != "token":
        return {}
    headers = {"x-oauth-scopes": ", ".join(sorted(actor.scopes))}
    if actor.expires_at is not None:
        end = datetime.fromtimestamp(actor.expires_at, UTC)
        headers["github-authentication-token-expiration"] = end.strftime("%Y-%m-%d %H:%M:%S UTC")
    return headers


def _refusal(refused: RefusedError) -> Response:
    content: dict[str, Any] = {"message": refused.message, "documentation_url": _DOCUMENTATION}
    if refused.errors:
        content["errors"] = refused.errors
    return json_response(refused.status, content | {"status": str(refused.status)}, refused.headers)
