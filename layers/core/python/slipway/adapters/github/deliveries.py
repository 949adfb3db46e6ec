"""The deliveries of a GitHub App's webhook: what failed, and sending it again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from slipway.adapters.github.http import GitHubApi
from slipway.ports.github import FailedDelivery


class AppDeliveries:
    """Implements ``ports.github.Deliveries`` with the App's own JWT [GH-DELIVERIES]."""

    def __init__(self, api: GitHubApi, app_jwt: Callable[[], str]) -> None:
        self._api = api
        self._app_jwt = app_jwt

    def failed_since(self, since: float) -> list[FailedDelivery]:
        """List the newest failed delivery of each event since a time.

        A resent delivery keeps its GUID [GH-HOOK-GUID]. Only failures are asked for, so that a run costs one
        call however many deliveries went well; where a server ignores the filter, it is applied here.
        """
        newest: dict[str, FailedDelivery] = {}
        for item in self._since(since):
            if item["status"] != "OK" and item["event"] == "workflow_job":
                at = _seconds(item["delivered_at"])
                newest.setdefault(item["guid"], FailedDelivery(item["id"], item["guid"], at))
        return list(newest.values())

    def redeliver(self, delivery_id: int) -> None:
        """Ask GitHub to send a delivery again."""
        self._api.call("POST", f"/app/hook/deliveries/{delivery_id}/attempts", self._app_jwt)

    def _since(self, since: float) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for page in self._api.pages("/app/hook/deliveries", self._app_jwt, params={"status": "failure"}):
            found += [item for item in page if _seconds(item["delivered_at"]) >= since]
            if not page or _seconds(page[-1]["delivered_at"]) < since:
                break
        return found


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
