"""Pull requests as GitHub shows them in webhooks and in REST, from its own example."""

from __future__ import annotations

import json
from typing import Any

from local.twin.github import spec
from local.twin.github.payloads import Payloads, node_id
from local.twin.github.pulls import PullRequest
from local.twin.github.state import World, timestamp

# What only a single pull request has, and no list of them.
_NOT_LISTED = (
    "additions", "changed_files", "commits", "comments", "deletions", "maintainer_can_modify", "mergeable",
    "mergeable_state", "merged", "merged_by", "rebaseable", "review_comments",
)  # fmt: skip


class PullPayloads:
    """Builds payloads for one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._payloads = Payloads(world)

    def event(self, action: str, pull: PullRequest) -> dict[str, Any]:
        """The body of a ``pull_request`` event, but for ``installation``."""
        example = spec.examples()["pull_request"][0]
        return {
            "action": action,
            "number": pull.number,
            "pull_request": self.whole(pull),
            "repository": self._payloads.repository(pull.repository),
            "organization": self._payloads.organization(pull.repository.organization),
            "sender": example["sender"],
        }

    def listed(self, pull: PullRequest) -> dict[str, Any]:
        """One entry of a list."""
        shown = {name: value for name, value in self.whole(pull).items() if name not in _NOT_LISTED}
        return {**shown, "auto_merge": None}

    def whole(self, pull: PullRequest) -> dict[str, Any]:
        example = spec.examples()["pull_request"][0]
        old, new = example["repository"]["full_name"], pull.repository.full_name
        text = json.dumps(example["pull_request"]).replace(f"/{old}", f"/{new}")
        number = example["number"]
        for kind in ("pulls", "pull", "issues"):
            text = text.replace(f"/{kind}/{number}", f"/{kind}/{pull.number}")
        shown: dict[str, Any] = json.loads(text)
        base, head = shown["base"], shown["head"]
        repository = self._payloads.repository(pull.repository)
        user = {**shown["user"], "login": pull.author}
        return {
            **shown,
            "id": pull.id,
            "node_id": node_id("PR", pull.id),
            "number": pull.number,
            "state": pull.state,
            "draft": pull.draft,
            "user": user,
            "created_at": timestamp(pull.created_at),
            "updated_at": timestamp(pull.updated_at),
            "closed_at": timestamp(pull.updated_at) if pull.state == "closed" else None,
            "labels": [_label(name, number) for number, name in enumerate(pull.labels, 1)],
            "base": {**base, "repo": repository},
            "head": {
                **head,
                "ref": pull.branch,
                "label": f"{pull.author}:{pull.branch}",
                "sha": pull.head_sha,
                "repo": self._head(pull, repository),
            },
        }

    def _head(self, pull: PullRequest, repository: dict[str, Any]) -> dict[str, Any] | None:
        if pull.source == "branch":
            return repository
        if pull.source == "deleted fork":
            return None
        full_name = f"{pull.author}/{pull.repository.name}"
        return {**repository, "id": repository["id"] + 1_000_000, "full_name": full_name, "fork": True}


def _label(name: str, number: int) -> dict[str, Any]:
    return {
        "id": number,
        "node_id": node_id("LA", number),
        "url": f"https://github.test/labels/{number}",
        "name": name,
        "description": "",
        "color": "ededed",
        "default": False,
    }
