"""Requests in, responses out: the shapes which every mount of the twin shares."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

CONNECTION_LOST = 0
"""The status of a response that never arrives: the mount drops the connection instead."""


class Response:
    """An answer; JSON becomes bytes when somebody reads them, which a listener in process never does."""

    __slots__ = ("_body", "_content", "headers", "status")

    def __init__(
        self,
        status: int,
        headers: dict[str, str] | None = None,
        body: bytes | None = b"",
        content: Any = None,
    ) -> None:
        self.status = status
        self.headers = headers or {}
        self._body = body
        self._content = content

    @property
    def body(self) -> bytes:
        if self._body is None:
            self._body = json.dumps(self._content).encode()
        return self._body

    def json(self) -> Any:
        return self._content if self._body is None else json.loads(self._body.decode())


class Pending:
    """A response that is not there yet (a long poll): its server waits, the clock or an event answers."""

    def __init__(self) -> None:
        self.response: Response | None = None
        self.asks_again: Callable[[], bool] = lambda: False
        """Says whether who waits would only send the same request again when nothing happens: then it may stay."""
        self._waiting: list[Callable[[Response], None]] = []

    def when_answered(self, callback: Callable[[Response], None]) -> None:
        """Call back with the response, at once if it is there."""
        if self.response is not None:
            callback(self.response)
        else:
            self._waiting.append(callback)

    def answer(self, response: Response) -> None:
        """Answer once; later answers are ignored."""
        if self.response is not None:
            return
        self.response = response
        waiting, self._waiting = self._waiting, []
        for callback in waiting:
            callback(response)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; header names are lower case, ``path`` has no query."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def bearer(self) -> str | None:
        """The token of ``Authorization: Bearer …`` or the older ``token …``."""
        kind, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if kind.lower() in ("bearer", "token") and token.strip() else None


def json_response(status: int, content: Any, headers: Mapping[str, str] | None = None) -> Response:
    sent = {"content-type": "application/json; charset=utf-8", **(headers or {})}
    return Response(status, sent, body=None, content=content)
