"""The twin behind httpx, in process: the real client code, no socket."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from local.twin.github.twin import GitHubTwin
from local.twin.github.wire import CONNECTION_LOST, Pending


class TwinTransport(httpx.BaseTransport):
    """Pass to ``httpx.Client(transport=…)``. ``before`` runs first, e.g. to let a call take model time."""

    def __init__(self, twin: GitHubTwin, before: Callable[[], None] = lambda: None) -> None:
        self._twin = twin
        self.before = before

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Raises ``httpx.ReadError`` when the twin loses the connection."""
        self.before()
        query = dict(request.url.params)
        path = request.url.path
        reply = self._twin.handle(request.method, path, query, dict(request.headers), request.read())
        if isinstance(reply, Pending):
            raise TypeError(f"{path} is a listener's long poll: use VirtualListener or the HTTP server")
        if reply.status == CONNECTION_LOST:
            raise httpx.ReadError("connection lost before the response", request=request)
        return httpx.Response(reply.status, headers=reply.headers, content=reply.body, request=request)
