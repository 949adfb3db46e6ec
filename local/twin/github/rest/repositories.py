"""The repositories that an App's installation reaches."""

from __future__ import annotations

from typing import Any

from local.twin.github.credentials import RefusedError
from local.twin.github.model import Repository
from local.twin.github.payloads import Payloads
from local.twin.github.rest.operations import Call, Handler
from local.twin.github.rest.paging import page_of
from local.twin.github.state import World, timestamp
from local.twin.github.wire import Response, json_response


class RepositoryCalls:
    """``GET /installation/repositories`` [GH-INSTALLATION-REPOSITORIES]."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._payloads = Payloads(world)

    def handlers(self) -> dict[tuple[str, str], Handler]:
        return {("GET", "/installation/repositories"): self.of_installation}

    def of_installation(self, call: Call) -> Response:
        """In order of their ids, whatever was pushed to last."""
        installation = call.actor.installation
        if installation is None:
            raise RefusedError(403, "Resource not accessible by integration")
        covered = [found for found in self._world.repositories.values() if installation.covers(found)]
        page, headers = page_of(call, sorted(covered, key=lambda repository: repository.id))
        content = {
            "total_count": len(covered),
            "repository_selection": "all" if installation.repositories is None else "selected",
            "repositories": [self._shown(repository) for repository in page],
        }
        return json_response(200, content, headers)

    def _shown(self, repository: Repository) -> dict[str, Any]:
        shown = self._payloads.repository(repository)
        pushed_at = self._world.pushed_at.get(repository.id)
        return shown if pushed_at is None else shown | {"pushed_at": timestamp(pushed_at)}
