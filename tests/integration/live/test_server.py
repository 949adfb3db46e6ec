"""The page's server over real HTTP: what it gives, to whom, and what it refuses."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from local.live.history import History
from local.live.server import STREAMS_AT_MOST, LiveServer, page_files
from tests.unit.live.test_history import a_frame


@pytest.fixture
def history() -> History:
    history = History({"kind": "demo", "profiles": {}, "pools": []})
    for number in range(1, 4):
        history.keep(a_frame(number))
    return history


@pytest.fixture
def server(history: History) -> Iterator[LiveServer]:
    with LiveServer(history) as server:
        yield server


@dataclass
class Events:
    """A stream of events, read one at a time."""

    connection: http.client.HTTPConnection
    reply: http.client.HTTPResponse
    last_id: str = ""
    seen: list[str] = field(default_factory=list)

    def next(self) -> tuple[str, Any]:
        name, data = "", ""
        while line := self.reply.readline().decode().rstrip("\n"):
            key, _, value = line.partition(": ")
            if key == "event":
                name = value
            elif key == "id":
                self.last_id = value
            elif key == "data":
                data = value
        if not name:
            return self.next()  # the blank line after `retry`
        self.seen.append(name)
        return name, json.loads(data)

    def until(self, wanted: str) -> Any:
        while True:
            name, body = self.next()
            if name == wanted:
                return body

    def close(self) -> None:
        self.reply.close()
        self.connection.close()


def ask(
    server: LiveServer, path: str, method: str = "GET", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    with contextlib.closing(connection):
        connection.request(
            method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        reply = connection.getresponse()
        return reply, reply.read()


def stream(server: LiveServer, path: str = "/events", **headers: str) -> Events:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request(
        "GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    return Events(connection, connection.getresponse())


def test_every_file_of_the_page_is_served_with_its_type_and_a_strict_policy(server: LiveServer) -> None:
    kinds = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
    assert {"/", "/index.html", "/app.js", "/style.css"} <= set(page_files())
    for path in page_files():
        reply, body = ask(server, path)
        assert reply.status == 200
        assert body
        assert reply.headers.get_content_type() == kinds["html" if path == "/" else path.rpartition(".")[2]]
        policy = reply.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in policy
        assert "http" not in policy
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert not any(name.lower().startswith("access-control") for name in reply.headers)


@pytest.mark.parametrize(
    "path", ["/nothing", "/../server.py", "/page/app.js", "//etc/passwd", "/%2e%2e/server.py"]
)
def test_nothing_but_the_page_is_served(server: LiveServer, path: str) -> None:
    assert ask(server, path)[0].status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_only_get_is_answered(server: LiveServer, method: str) -> None:
    reply, _ = ask(server, "/frames?at=1", method)
    assert reply.status == 405
    assert reply.headers["Allow"] == "GET"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", ""])
@pytest.mark.parametrize("path", ["/", "/events", "/frames?at=1"])
def test_a_name_that_another_site_points_here_gets_nothing(server: LiveServer, host: str, path: str) -> None:
    reply, body = ask(server, path, Host=host.format(port=server.port))
    assert reply.status == 403
    assert b"acme" not in body


def test_the_loopback_names_are_answered(server: LiveServer) -> None:
    for name in ("127.0.0.1", "localhost"):
        assert ask(server, "/", Host=f"{name}:{server.port}")[0].status == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_sites_page_cannot_load_anything(server: LiveServer, site: str) -> None:
    assert ask(server, "/frames?at=1", Sec_Fetch_Site=site)[0].status == 403


def test_a_moment_is_given_with_what_follows_and_nonsense_is_refused(server: LiveServer) -> None:
    found = json.loads(ask(server, "/frames?at=1.5&count=5")[1])
    assert found["whole"]["n"] == 1
    assert [step["n"] for step in found["next"]] == [2, 3]
    for query in ("", "?at=now", "?at=1&count=many"):
        assert ask(server, f"/frames{query}")[0].status == 400


def test_a_new_page_gets_everything_then_each_change(server: LiveServer, history: History) -> None:
    events = stream(server)
    assert events.reply.headers.get_content_type() == "text/event-stream"
    assert events.until("about")["kind"] == "demo"
    assert [point[0] for point in events.until("line")] == [1.0, 2.0, 3.0]
    assert events.until("whole")["n"] == 3
    history.keep(a_frame(4))
    assert events.until("change")["n"] == 4
    events.close()


def test_a_page_that_comes_back_gets_what_it_missed_and_nothing_else(
    server: LiveServer, history: History
) -> None:
    first = stream(server)
    first.until("whole")
    first.close()
    history.keep(a_frame(4))
    history.keep(a_frame(5))
    for again in (
        stream(server, Last_Event_ID=first.last_id),
        stream(server, f"/events?after={first.last_id}"),
    ):
        assert [again.until("change")["n"], again.until("change")["n"]] == [4, 5]
        assert "whole" not in again.seen
        again.close()


def test_a_page_that_was_away_for_too_long_or_comes_from_another_run_gets_everything(
    server: LiveServer, history: History
) -> None:
    first = stream(server)
    first.until("whole")
    first.close()
    history.kept_bytes = 2_000
    for number in range(4, 900):
        history.keep(a_frame(number))
    for since in (first.last_id, "00000000-3", "nonsense", "-", first.last_id.replace("-3", "-99999")):
        again = stream(server, Last_Event_ID=since)
        assert again.until("whole")["n"] == 899
        assert "change" not in again.seen
        again.close()


def test_trouble_of_the_source_is_told_once_it_is_known(server: LiveServer, history: History) -> None:
    events = stream(server)
    assert events.until("status") == {}
    history.say(trouble="the token has expired", since=1.0)
    assert events.until("status")["trouble"] == "the token has expired"
    events.close()


def test_pages_are_bounded_and_a_closed_one_makes_room(server: LiveServer, history: History) -> None:
    pages = [stream(server) for _ in range(STREAMS_AT_MOST)]
    for page in pages:
        page.until("whole")
    assert ask(server, "/events")[0].status == 503
    for page in pages:
        page.close()
    deadline, number = time.monotonic() + 30, 10
    while True:  # a stream learns that its page is gone when it next writes
        number += 1
        history.keep(a_frame(number))
        page = stream(server)
        if page.reply.status == 200:
            break
        assert time.monotonic() < deadline
    page.close()


def test_the_stream_ends_when_the_server_closes(history: History) -> None:
    with LiveServer(history) as server:
        events = stream(server)
        events.until("whole")
    while events.reply.readline():
        pass
