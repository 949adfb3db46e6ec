"""The twin of GitHub on loopback HTTP: for processes, and for the real client over a real socket."""

from __future__ import annotations

import socket
import threading
import time
import urllib.parse
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.twin.github.twin import GitHubTwin
from local.twin.github.wire import CONNECTION_LOST, Pending, Response, json_response

Lock = Any
"""A ``threading.Lock`` or ``RLock``: their types have no public name."""


class GitHubServer:
    """Serves ``twin`` on 127.0.0.1; a context manager.

    The twin has no threads: ``lock`` is the one that everybody holds who calls it or advances its clock.
    ``pump`` runs under it before each request, to bring the clock up to date. Long polls are answered
    only by whoever advances the clock meanwhile. Every answer takes ``latency_seconds`` more.
    """

    def __init__(
        self,
        twin: GitHubTwin,
        lock: Lock,
        pump: Callable[[], None] = lambda: None,
        latency_seconds: float = 0.0,
    ) -> None:
        self.twin = twin
        self.lock = lock
        self.pump = pump
        self.latency_seconds = latency_seconds
        self.open_polls: set[Pending] = set()
        """Long polls that wait for an answer; read it under the lock."""
        self._connections: set[socket.socket] = set()
        self._closed = False
        self._server = _Server(self)
        port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{port}"
        twin.world.url = self.url
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> GitHubServer:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving, once; open polls get 503 and their connections end."""
        if self._closed:
            return
        self._closed = True
        self._server.shutdown()
        with self.lock:
            for poll in list(self.open_polls):
                poll.answer(json_response(503, {"error": "the twin is closing"}))
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RD)  # what is being answered still gets out
        self._server.server_close()
        self._thread.join()

    def reply(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Response:
        """The twin's response, waited for if it is pending."""
        parts = urllib.parse.urlsplit(target)
        query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        time.sleep(self.latency_seconds)  # without the lock: calls that come together are answered together
        with self.lock:
            self.pump()
            reply = self.twin.handle(method, urllib.parse.unquote(parts.path), query, headers, body)
            return self._waited(reply) if isinstance(reply, Pending) else reply

    def connected(self, connection: socket.socket) -> None:
        self._connections.add(connection)

    def disconnected(self, connection: socket.socket) -> None:
        self._connections.discard(connection)

    def _waited(self, poll: Pending) -> Response:
        # One condition a poll, all on the one lock: an answer wakes its own thread and no other.
        answered = threading.Condition(self.lock)
        poll.when_answered(lambda _: answered.notify())
        self.open_polls.add(poll)
        while poll.response is None:
            answered.wait()
        self.open_polls.discard(poll)
        return poll.response


class _Server(ThreadingHTTPServer):
    request_queue_size = 512  # a demo's listeners all connect at once
    daemon_threads = True
    block_on_close = True

    def __init__(self, owner: GitHubServer) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave in one segment
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.owner.connected(self.connection)

    def finish(self) -> None:
        self.server.owner.disconnected(self.connection)
        with suppress(OSError):
            super().finish()

    def handle(self) -> None:
        with suppress(ConnectionError):
            super().handle()

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        reply = self.server.owner.reply(self.command, self.path, dict(self.headers.items()), body)
        if reply.status == CONNECTION_LOST:
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status != HTTPStatus.NO_CONTENT:
            self.send_header("content-length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing: the twin counts its calls."""
