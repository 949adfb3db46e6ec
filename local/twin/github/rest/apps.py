"""What a GitHub App calls: its installations, its tokens, its hook's deliveries; job status and limits."""

from __future__ import annotations

import json
from typing import Any

from local.twin.github.credentials import (
    App,
    Credentials,
    Installation,
    RefusedError,
    authorize_installation,
    refuse_suspended,
)
from local.twin.github.deliveries import Deliveries, Delivery, before_cursor, cursor_of
from local.twin.github.jobs import Jobs
from local.twin.github.limits import RateLimits
from local.twin.github.model import Repository, Scope
from local.twin.github.payloads import Payloads, job_fields
from local.twin.github.rest.operations import Call, Handler
from local.twin.github.rest.paging import cursor_link, page_of, per_page
from local.twin.github.state import World, timestamp
from local.twin.github.wire import Response, json_response


class AppCalls:
    """Installations and their tokens."""

    def __init__(self, world: World, credentials: Credentials) -> None:
        self._world = world
        self._credentials = credentials
        self._payloads = Payloads(world)

    def handlers(self) -> dict[tuple[str, str], Handler]:
        return {
            ("GET", "/installation"): self.installation_of_scope,
            ("GET", "/app/installations"): self.installations,
            ("GET", "/app/installations/{installation_id}"): self.installation,
            ("POST", "/app/installations/{installation_id}/access_tokens"): self.create_token,
        }

    def installation_of_scope(self, call: Call) -> Response:
        """The App's installation on an organization or the owner of a repository."""
        app, scope = app_of(call), call.runner_scope
        for installation in self._of(app):
            if self._reaches(installation, scope):
                return json_response(200, self._shown(installation))
        raise RefusedError(404, "Not Found")

    def installations(self, call: Call) -> Response:
        page, headers = page_of(call, self._of(app_of(call)))
        return json_response(200, [self._shown(installation) for installation in page], headers)

    def installation(self, call: Call) -> Response:
        return json_response(200, self._shown(self._found(call)))

    def create_token(self, call: Call) -> Response:
        """An hour's token, at most as strong as the installation [GH-APP-TOKEN]."""
        installation = self._found(call)
        refuse_suspended(installation)
        wanted: dict[str, str] = call.content.get("permissions", installation.permissions)
        for name, level in wanted.items():
            if level not in _levels(installation.permissions.get(name)):
                raise RefusedError(422, "The permissions requested are not granted to this installation.")
        token, expires_at = self._credentials.new_installation_token(installation, wanted)
        content = {
            "token": token,
            "expires_at": timestamp(expires_at),
            "permissions": wanted,
            "repository_selection": "all" if installation.repositories is None else "selected",
        }
        return json_response(201, content)

    def _of(self, app: App) -> list[Installation]:
        return [found for found in self._credentials.installations.values() if found.app.id == app.id]

    def _found(self, call: Call) -> Installation:
        app = app_of(call)
        installation = self._credentials.installations.get(call.number("installation_id"))
        if installation is None or installation.app.id != app.id:
            raise RefusedError(404, "Not Found")
        return installation

    def _reaches(self, installation: Installation, scope: Scope) -> bool:
        if scope.kind == "repository":
            return installation.covers(self._world.repositories[scope.name])
        return scope.kind == "organization" and installation.is_on(scope.name)

    def _shown(self, installation: Installation) -> dict[str, Any]:
        api, app, account = self._world.api_url, installation.app, installation.account
        kind = "Enterprise" if installation.is_enterprise else "Organization"
        settings = f"{self._world.url}/{kind.lower()}s/{account.login}/settings"
        created_at, suspended_at = timestamp(installation.created_at), installation.suspended_at
        return {
            "id": installation.id,
            "account": self._payloads.enterprise()
            if installation.is_enterprise
            else self._payloads.owner(account),
            "repository_selection": "all" if installation.repositories is None else "selected",
            "access_tokens_url": f"{api}/app/installations/{installation.id}/access_tokens",
            "repositories_url": f"{api}/installation/repositories",
            "html_url": f"{settings}/installations/{installation.id}",
            "app_id": app.id,
            "app_slug": app.slug,
            "client_id": app.client_id,
            "target_id": account.id,
            "target_type": kind,
            "permissions": installation.permissions,
            "events": ["workflow_job"],
            "created_at": created_at,
            "updated_at": created_at,
            "single_file_name": None,
            "suspended_by": None,
            "suspended_at": None if suspended_at is None else timestamp(suspended_at),
        }


class DeliveryCalls:
    """The deliveries of an App's or organization's hook; an enterprise's has no such calls [GH-HOOK-NO-DELIVERIES]."""

    def __init__(self, world: World, deliveries: Deliveries) -> None:
        self._world = world
        self._deliveries = deliveries

    def handlers(self) -> dict[tuple[str, str], Handler]:
        found: dict[tuple[str, str], Handler] = {}
        for listed in ("/app/hook/deliveries", "/hooks/{hook_id}/deliveries"):
            one = f"{listed}/{{delivery_id}}"
            found |= {
                ("GET", listed): self.index,
                ("GET", one): self.get,
                ("POST", f"{one}/attempts"): self.redeliver,
            }
        return found

    def index(self, call: Call) -> Response:
        """Newest first, from ``cursor`` on [GH-DELIVERIES]."""
        status = call.request.query.get("status")
        if status not in (None, "success", "failure"):
            raise RefusedError(422, "status is neither success nor failure")
        found = self._settled(call, failed_alone=status == "failure")
        chosen = [d for d in found if status is None or (d.status == "OK") == (status == "success")]
        try:
            rest = before_cursor(chosen, call.request.query.get("cursor"))
        except ValueError as exc:
            raise RefusedError(400, "Invalid cursor") from exc
        size = per_page(call)
        headers = cursor_link(call, cursor_of(rest[size])) if len(rest) > size else {}
        return json_response(200, [_delivery(delivery) for delivery in rest[:size]], headers)

    def get(self, call: Call) -> Response:
        delivery = self._found(call)
        content = _delivery(delivery) | {
            "url": delivery.hook.url,
            "request": {"headers": delivery.headers, "payload": _payload(delivery)},
            "response": {"headers": {}, "payload": ""},
        }
        return json_response(200, content)

    def redeliver(self, call: Call) -> Response:
        self._deliveries.redeliver(self._found(call))
        return json_response(202, {})

    def _found(self, call: Call) -> Delivery:
        number = call.number("delivery_id")
        for delivery in self._settled(call):
            if delivery.id == number:
                return delivery
        raise RefusedError(404, "Not Found")

    def _settled(self, call: Call, *, failed_alone: bool = False) -> list[Delivery]:
        """What the hook of the path delivered; an organization's needs its permission [GH-ORG-HOOK-DELIVERIES]."""
        if call.scope is None:
            return self._deliveries.settled_of("integration", app_of(call).id, failed_alone=failed_alone)
        if call.actor.kind == "token":
            if "admin:org_hook" not in call.actor.scopes:
                raise RefusedError(404, "Not Found")
        else:
            is_write = call.operation.method != "GET"
            authorize_installation(call.actor, call.scope, "organization_hooks", write=is_write)
        organization, hook_id = self._world.organizations[call.scope.name], call.number("hook_id")
        hooks = [(hook.kind, hook.target_id, hook.id) for hook in self._deliveries.hooks]
        if ("organization", organization.id, hook_id) not in hooks:
            raise RefusedError(404, "Not Found")
        return self._deliveries.settled_of(
            "organization", organization.id, hook_id, failed_alone=failed_alone
        )


class JobCalls:
    """The status of one workflow job, and the caller's limits."""

    def __init__(self, world: World, jobs: Jobs, limits: RateLimits) -> None:
        self._world = world
        self._jobs = jobs
        self._limits = limits

    def handlers(self) -> dict[tuple[str, str], Handler]:
        return {("GET", "/actions/jobs/{job_id}"): self.get, ("GET", "/rate_limit"): self.rate_limit}

    def get(self, call: Call) -> Response:
        """The job as REST knows it, perhaps late: a fresh one shows as ``pending`` [GH-WJ-12]."""
        scope = call.runner_scope
        authorize_actions(call, self._world.repositories[scope.name])
        job = self._jobs.by_id.get(call.number("job_id"))
        if job is None or job.repository.full_name.lower() != scope.name:
            raise RefusedError(404, "Not Found")
        state = job.seen_at(self._world.clock.now() - self._world.lags.job_status)
        shown = job_fields(self._world, job, state or job.history[0])
        return json_response(200, shown if state else shown | {"status": "pending", "conclusion": None})

    def rate_limit(self, call: Call) -> Response:
        if not self._limits.settings.primary:
            raise RefusedError(404, "Rate limiting is not enabled.")
        now = self._world.clock.now()
        names = ("core", "search", "actions_runner_registration")
        resources = {name: self._limits.status(call.actor, name, now) for name in names}
        return json_response(200, {"resources": resources, "rate": resources["core"]})


def app_of(call: Call) -> App:
    """The calling App; raises ``RefusedError`` 401 for callers without an App's JWT [GH-DELIVERIES]."""
    if call.actor.kind != "app" or call.actor.app is None:
        raise RefusedError(401, "A JSON web token could not be decoded")
    return call.actor.app


def authorize_actions(call: Call, repository: Repository, *, write: bool = False) -> None:
    """Raise ``RefusedError`` unless the caller may read, or change, the repository's workflow runs [GH-RUNS]."""
    if call.actor.kind == "token":
        if (repository.private or write) and "repo" not in call.actor.scopes:
            raise RefusedError(404, "Not Found")
        return
    authorize_installation(call.actor, call.runner_scope, "actions", write=write)
    if call.actor.installation is not None and not call.actor.installation.covers(repository):
        raise RefusedError(404, "Not Found")  # [GH-404-HIDDEN]


def _levels(granted: str | None) -> tuple[str, ...]:
    return {None: (), "read": ("read",)}.get(granted, ("read", "write"))


def _payload(delivery: Delivery) -> Any:
    return json.loads(delivery.body) if delivery.hook.content_type == "json" else None


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "guid": delivery.guid,
        "delivered_at": timestamp(delivery.delivered_at),
        "redelivery": delivery.redelivery,
        "duration": delivery.duration_seconds,
        "status": delivery.status,
        "status_code": delivery.status_code,
        "event": delivery.event,
        "action": delivery.action,
        "installation_id": delivery.installation_id,
        "repository_id": delivery.repository_id,
        "throttled_at": None,
    }
