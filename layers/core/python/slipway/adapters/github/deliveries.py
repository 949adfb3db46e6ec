"""The deliveries of a webhook: what failed, and sending it again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from slipway.adapters.github.app_tokens import AppTokens
from slipway.adapters.github.credentials import showing
from slipway.adapters.github.http import GitHubApi
from slipway.adapters.github.times import seconds
from slipway.domain.errors import RefusedError
from slipway.domain.redelivery import FailedDelivery
from slipway.ports.github import Deliveries

APP_HOOK = "app"

Show = Callable[[], AbstractContextManager[Callable[[], str]]]


class HookDeliveries:
    """Implements ``ports.github.Deliveries`` for the hook whose deliveries lie at ``path`` [GH-DELIVERIES].

    ``show`` gives, for the length of its context, what to ask for a token.
    """

    def __init__(self, api: GitHubApi, path: str, show: Show) -> None:
        self._api = api
        self._path = path
        self._show = show

    def failed_since(self, since: float) -> Iterator[list[FailedDelivery]]:
        """List what failed since a time, the newest first, a part a call.

        Only failures are asked for, so that a look costs one call however many deliveries went well. Where a
        server ignores the filter it is applied here, and what a later attempt delivered is then left out for
        nothing.
        """
        arrived: set[str] = set()
        with self._show() as token:
            for page in self._api.pages(self._path, token, params={"status": "failure"}):
                arrived |= {item["guid"] for item in page if item["status"] == "OK"}
                failed = [_failed(item) for item in page if item["event"] == "workflow_job"]
                yield [item for item in failed if item.guid not in arrived and item.delivered_at >= since]
                if not page or (seconds(page[-1]["delivered_at"]) or 0.0) < since:
                    return

    def redeliver(self, delivery_id: int) -> None:
        """Ask GitHub to send a delivery again."""
        with self._show() as token:
            self._api.call("POST", f"{self._path}/{delivery_id}/attempts", token)


class AppDeliveries(HookDeliveries):
    """The deliveries of the GitHub App's own hook, asked for with the App's own JWT."""

    def __init__(self, api: GitHubApi, app_jwt: Callable[[], str]) -> None:
        super().__init__(api, "/app/hook/deliveries", lambda: nullcontext(app_jwt))

    def failed_since(self, since: float) -> Iterator[list[FailedDelivery]]:
        """List what failed; an App without a webhook has nothing that could [GH-APP-NO-HOOK]."""
        try:
            yield from super().failed_since(since)
        except RefusedError as fault:
            if fault.code != "404":
                raise


def watched_hooks(
    api: GitHubApi, tokens: AppTokens, organizations: Mapping[str, int]
) -> dict[str, Deliveries]:
    """Return the hooks that can be repaired, by the names under which the ledger remembers them.

    ``organizations`` are the ids of organizations' own hooks by login [GH-ORG-HOOK-DELIVERIES].
    """
    hooks: dict[str, Deliveries] = {APP_HOOK: AppDeliveries(api, tokens.app_jwt)}
    for login, hook_id in sorted(organizations.items()):
        path = f"/orgs/{login}/hooks/{hook_id}/deliveries"
        hooks[f"{login}/{hook_id}"] = HookDeliveries(
            api, path, partial(showing, tokens, partial(tokens.bearer, login))
        )
    return hooks


def _failed(item: Mapping[str, Any]) -> FailedDelivery:
    at = seconds(item["delivered_at"]) or 0.0
    return FailedDelivery(item["id"], item["guid"], at, item["action"] or "")
