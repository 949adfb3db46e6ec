"""A refusal that no retry changes names its cure, and a server with an unknown CA is told from one that is down."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from slipway.adapters.clock import SystemClock
from slipway.adapters.github.advice import cure
from slipway.adapters.github.http import GitHubApi, github_client
from slipway.domain.errors import RefusedError, UnavailableError
from tests.support.certificates import self_signed, serving

ENTERPRISE, ORGANIZATION = "/enterprises/acme/actions", "/orgs/alpha/actions"
BLOCKED = (
    "Although you appear to have the correct authorization credentials, your IP address is not permitted"
)
INTEGRATION = "Resource not accessible by integration"


@pytest.mark.parametrize(
    ("status", "path", "message", "words"),
    [
        (401, f"{ENTERPRISE}/runners", "Bad credentials", "put a new one into its secret"),
        (401, "/app/hook/deliveries", "A JSON web token could not be decoded", "github.secrets.app"),
        (401, "/orgs/alpha/installation", "Bad credentials", "github.secrets.app"),
        (403, f"{ORGANIZATION}/runners", BLOCKED, "IP allow list"),
        (403, f"{ENTERPRISE}/runners/generate-jitconfig", INTEGRATION, "Apps cannot do this"),
        (403, f"{ORGANIZATION}/runners/generate-jitconfig", INTEGRATION, "Self-hosted runners"),
        (403, "/orgs/alpha/hooks/7/deliveries", INTEGRATION, "Webhooks: write"),
        (403, "/repos/alpha/web/actions/runs/7/jobs", INTEGRATION, "Actions: read"),
        (404, f"{ENTERPRISE}/runners/generate-jitconfig", "Not Found", "github.enterprise"),
        (404, f"{ENTERPRISE}/runner-groups", "Not Found", "manage_runners:enterprise"),
        (422, f"{ENTERPRISE}/runners/generate-jitconfig", "reached max limit of 10000", "offline runners"),
        (403, "/repos/alpha/web/actions/jobs/17", INTEGRATION, "Actions: read"),
        (403, "/repos/alpha/web/actions/runs/17/jobs", INTEGRATION, "Actions: read"),
        (403, "/repos/alpha/web/actions/jobs/17/rerun", INTEGRATION, "Actions: write"),
        (403, "/repos/alpha/web/actions/runs/17/rerun-failed-jobs", INTEGRATION, "Actions: write"),
    ],
)
def test_what_to_do_is_told(status: int, path: str, message: str, words: str) -> None:
    assert words in (cure(status, path, message) or "")


@pytest.mark.parametrize(
    ("status", "path", "message"),
    [
        (404, f"{ENTERPRISE}/runners/17", "Not Found"),
        (404, f"{ORGANIZATION}/runners", "Not Found"),
        (403, "/repos/alpha/web", "Must have admin rights to Repository."),
        (409, f"{ENTERPRISE}/runners/generate-jitconfig", "Already exists"),
        (403, "/repos/alpha/web/actions/jobs/17/rerun", "This workflow is already running"),
    ],
)
def test_nothing_is_advised_where_nothing_is_known(status: int, path: str, message: str) -> None:
    assert cure(status, path, message) is None


def test_a_server_with_an_unknown_ca_is_known_by_its_cure_and_reached_once_the_ca_is(
    private: tuple[str, Path],
) -> None:
    url, ca = private
    clock = SystemClock()
    with (
        github_client(url, None) as client,
        pytest.raises(RefusedError, match=r"127\.0\.0\.1.*github\.ca_bundle"),
    ):
        GitHubApi(client, clock).call("GET", "/meta", lambda: "token")
    with github_client(url, str(ca)) as client:
        assert GitHubApi(client, clock).call("GET", "/meta", lambda: "token") == {}


def test_a_server_that_is_down_is_named_and_no_ca_is_blamed(private: tuple[str, Path]) -> None:
    url, _ = private
    nobody = url.rpartition(":")[0] + ":1"
    with (
        github_client(nobody, None) as client,
        pytest.raises(UnavailableError, match="cannot be reached") as caught,
    ):
        GitHubApi(client, SystemClock()).call("GET", "/meta", lambda: "token")
    assert "ca_bundle" not in str(caught.value)


@pytest.fixture
def private(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Run an HTTPS server with a certificate of its own; yield its URL and the certificate's file."""
    certificate, key = self_signed(tmp_path)
    server = HTTPServer(("127.0.0.1", 0), _Empty)
    server.socket = serving(certificate, key).wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}", certificate
    server.shutdown()
    thread.join()
    server.server_close()


class _Empty(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""
