"""Pull requests by the GitHub App: which are open, and what they are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slipway.adapters.github.app_tokens import AppTokens
from slipway.adapters.github.credentials import shown
from slipway.adapters.github.http import GitHubApi
from slipway.domain.environments.announcing import DeploymentState
from slipway.domain.environments.names import EnvironmentKey
from slipway.domain.environments.pulls import PullRequest
from slipway.domain.errors import MalformedError, RefusedError

_UNKNOWN = {"404", "410"}


class GitHubPullRequests:
    """Implements ``ports.environments.PullRequests`` [GH-PULLS], [GH-COMMENTS], [GH-DEPLOYMENTS]."""

    def __init__(self, api: GitHubApi, tokens: AppTokens) -> None:
        self._api = api
        self._tokens = tokens

    def open(self, repository: str) -> tuple[PullRequest, ...] | None:
        """Return the open pull requests; None where GitHub answers that there is no such repository.

        Raises:
            UnavailableError: there is no token: that says nothing of the repository.
        """
        with shown(self._tokens, repository) as token:
            pages = self._api.pages(f"/repos/{repository}/pulls", token, params={"state": "open"})
            try:
                return tuple(_pull(repository, item) for page in pages for item in page)
            except RefusedError as fault:
                if fault.code in _UNKNOWN:
                    return None
                raise

    def comment(self, key: EnvironmentKey, comment_id: int | None, marker: str, text: str) -> int:
        """Write the one comment, or write it anew; where somebody deleted it, there is a new one.

        Ours is looked for before there is another: the answer to the last one may have been lost.
        """
        with shown(self._tokens, key.repository) as token:
            if comment_id is not None and self._edit(key, comment_id, text, token):
                return comment_id
            known = self._find(key, marker, token)
            if known is not None and self._edit(key, known, text, token):
                return known
            path = f"/repos/{key.repository}/issues/{key.number}/comments"
            return int(self._api.call("POST", path, token, json={"body": text})["id"])

    def _edit(self, key: EnvironmentKey, comment_id: int, text: str, token: Callable[[], str]) -> bool:
        """Write a comment anew; say whether it is there."""
        path = f"/repos/{key.repository}/issues/comments/{comment_id}"
        try:
            self._api.call("PATCH", path, token, json={"body": text})
        except RefusedError as fault:
            if fault.code not in _UNKNOWN:
                raise
            return False
        return True

    def deployment(self, key: EnvironmentKey, commit: str, environment: str) -> int:
        """Return the deployment of a commit, made where there is none."""
        with shown(self._tokens, key.repository) as token:
            path = f"/repos/{key.repository}/deployments"
            known = self._api.call("GET", path, token, params={"sha": commit, "environment": environment})
            if known:
                return int(known[0]["id"])
            made = self._api.call(
                "POST",
                path,
                token,
                json={
                    "ref": commit,
                    "environment": environment,
                    "auto_merge": False,
                    "required_contexts": [],
                    "transient_environment": True,
                    "production_environment": False,
                },
            )
            return int(made["id"])

    def report(self, key: EnvironmentKey, deployment_id: int, state: DeploymentState, address: str) -> None:
        """Set the status of a deployment; one that is gone needs none."""
        with shown(self._tokens, key.repository) as token:
            path = f"/repos/{key.repository}/deployments/{deployment_id}/statuses"
            content: dict[str, Any] = {"state": state.value, "auto_inactive": False}
            if address:
                content["environment_url"] = address
            try:
                self._api.call("POST", path, token, json=content)
            except RefusedError as fault:
                if fault.code not in _UNKNOWN:
                    raise

    def _find(self, key: EnvironmentKey, marker: str, token: Callable[[], str]) -> int | None:
        """Look for a comment of ours whose id was not written down; a person's that quotes the marker is none."""
        path = f"/repos/{key.repository}/issues/{key.number}/comments"
        for page in self._api.pages(path, token):
            for item in page:
                is_bot = (item.get("user") or {}).get("type") == "Bot"
                if is_bot and str(item.get("body") or "").startswith(marker):
                    return int(item["id"])
        return None


def _pull(repository: str, item: dict[str, Any]) -> PullRequest:
    """Return a pull request of the REST API in our words; ``head.repo`` is null when a fork was deleted."""
    try:
        head, base = item["head"], item["base"]
        home, source = base["repo"]["id"], (head.get("repo") or {}).get("id")
        return PullRequest(
            key=EnvironmentKey(repository, int(item["number"])),
            commit=str(head["sha"]),
            branch=str(head["ref"]),
            actor=str((item.get("user") or {}).get("login") or ""),
            labels=frozenset(str(label.get("name") or "").lower() for label in item.get("labels", [])),
            is_draft=bool(item.get("draft")),
            is_fork=source != home,
        )
    except (KeyError, TypeError, ValueError) as fault:
        raise MalformedError(
            f"a pull request of {repository} is not what GitHub documents: {fault!r}"
        ) from fault
