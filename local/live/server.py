"""The page's server: loopback only, GET only, for this machine's own browser.

``/events`` is a stream of server-sent events, numbered RUN-NUMBER: a browser that comes back tells the last one that it
had, and gets what changed since, or everything where that is no longer kept.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import parse_qs, urlsplit

from local.live.chapters import encoded
from local.live.history import History

ADDRESS: Final = "127.0.0.1"
STREAMS_AT_MOST = 16
STEPS_AT_MOST = 400
BEAT_SECONDS = 10.0  # an event that shows a browser which is gone, and to the browser that we are not
STALLED_SECONDS = 30.0
_PAGE: Final = Path(__file__).with_name("page")
_TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@cache
def page_files() -> dict[str, tuple[str, bytes]]:
    """Return the page's files by path, with their types; what is not here is not served."""
    files = {f"/{file.name}": file for file in sorted(_PAGE.iterdir()) if file.suffix in _TYPES}
    found = {
        path: (f"{_TYPES[file.suffix]}; charset=utf-8", file.read_bytes()) for path, file in files.items()
    }
    return {"/": found["/index.html"], **found}


@dataclass(slots=True)
class LiveServer:
    """Serves a history while the context is open; port 0 takes a free one."""

    history: History
    port: int = 0
    _http: _Http | None = None

    def __enter__(self) -> LiveServer:
        self._http = _Http(self.history, self.port)
        self.port = self._http.server_port
        # A short poll: whoever stops the server waits as long.
        threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, name="live view", daemon=True
        ).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._http is not None:
            self._http.closing.set()
            self.history.say(**{**self.history.status, "closing": True})  # wakes the streams
            self._http.shutdown()
            self._http.server_close()

    @property
    def url(self) -> str:
        """Return the page's address."""
        return f"http://{ADDRESS}:{self.port}/"


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, history: History, port: int) -> None:
        super().__init__((ADDRESS, port), _Handler)
        self.history = history
        self.run = secrets.token_hex(4)
        self.closing = threading.Event()
        self.streams = threading.BoundedSemaphore(STREAMS_AT_MOST)
        # Another name for this address is another site's page that points its name at us.
        self.hosts = {f"{name}:{self.server_port}" for name in (ADDRESS, "localhost")}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that went away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "slipway"
    sys_version = ""
    timeout = STALLED_SECONDS

    @property
    def _own(self) -> _Http:
        return cast("_Http", self.server)

    def do_GET(self) -> None:
        """Answer one request."""
        if self.headers.get("Host", "") not in self._own.hosts:
            return self._refuse(403, "this server answers to its own address alone")
        if self.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            return self._refuse(403, "this server answers to its own page alone")
        target = urlsplit(self.path)
        if target.path == "/events":
            return self._stream(parse_qs(target.query))
        if target.path == "/frames":
            return self._frames(parse_qs(target.query))
        found = page_files().get(target.path)
        if found is None:
            return self._refuse(404, "there is nothing here")
        return self._answer(200, *found)

    def _refuse_method(self) -> None:
        self._refuse(405, "this server only shows", Allow="GET")

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _refuse_method  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Log nothing: the terminal belongs to what is watched."""

    def _frames(self, query: dict[str, list[str]]) -> None:
        try:
            moment = float(query["at"][0])
            count = min(STEPS_AT_MOST, max(0, int(query.get("count", ["0"])[0])))
        except (KeyError, ValueError):
            return self._refuse(400, "say which moment: /frames?at=SECONDS&count=STEPS")
        found = self._own.history.at(moment, count)
        return self._answer(200, "application/json", encoded(found))

    def _stream(self, query: dict[str, list[str]]) -> None:
        if not self._own.streams.acquire(blocking=False):
            return self._refuse(503, f"{STREAMS_AT_MOST} pages are open already")
        try:
            self.close_connection = True
            self._head(200, "text/event-stream", {"Connection": "close"})
            # A browser sends the header by itself when it comes back; a page that opens a new stream cannot.
            since = self.headers.get("Last-Event-ID") or query.get("after", [""])[0]
            with contextlib.suppress(OSError):
                self._write(b"retry: 1000\n\n")
                for part in _Stream(self._own, since).parts():
                    self._write(part)
        finally:
            self._own.streams.release()
        return None

    def _write(self, part: bytes) -> None:
        self.wfile.write(part)
        self.wfile.flush()

    def _refuse(self, status: int, why: str, **headers: str) -> None:
        self.close_connection = True
        self._answer(
            status, "text/plain; charset=utf-8", f"{why}\n".encode(), {"Connection": "close", **headers}
        )

    def _answer(self, status: int, kind: str, body: bytes, more: dict[str, str] | None = None) -> None:
        self._head(status, kind, {"Content-Length": str(len(body)), **(more or {})})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, status: int, kind: str, more: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, **_HEADERS, **more}.items():
            self.send_header(name, value)
        self.end_headers()


@dataclass(slots=True)
class _Stream:
    """The events for one page, from where it was."""

    own: _Http
    since: str
    _seen: int = field(default=0)
    _told: int = field(default=-1)

    def parts(self) -> Iterator[bytes]:
        """Yield events and beats until the server closes."""
        self._seen = self._resumed()
        if self.own.history.after(self._seen) is None:
            yield from self._all()
        while not self.own.closing.is_set():
            last, told = self.own.history.wait(self._seen, self._told, BEAT_SECONDS)
            if last == self._seen and told == self._told:
                yield _event("beat", b"{}")
            if told != self._told:
                self._told = told
                yield _event("status", encoded(self.own.history.status))
            if last > self._seen:
                yield from self._changes()

    def _resumed(self) -> int:
        run, _, number = self.since.partition("-")
        is_number = number.isascii() and number.isdigit() and len(number) < 12
        return int(number) if run == self.own.run and is_number else 0

    def _all(self) -> Iterator[bytes]:
        history = self.own.history
        yield _event("about", encoded({**history.about, "run": self.own.run}))
        whole = history.whole()
        self._seen = 0
        yield _event("line", encoded(history.line()))
        if whole is not None:
            self._seen = whole[0]
            yield _event("whole", whole[1], self._id(whole[0]))

    def _changes(self) -> Iterator[bytes]:
        changes = self.own.history.after(self._seen)
        if changes is None:  # it is gone, or the first frame has come only now
            yield from self._all()
            return
        for number, change in changes:
            self._seen = number
            yield _event("change", change, self._id(number))

    def _id(self, number: int) -> str:
        return f"{self.own.run}-{number}"


def _event(name: str, body: bytes, identity: str = "") -> bytes:
    # Compact JSON holds no line break, so that one data line is always whole.
    head = f"event: {name}\n" + (f"id: {identity}\n" if identity else "")
    return head.encode() + b"data: " + body + b"\n\n"
