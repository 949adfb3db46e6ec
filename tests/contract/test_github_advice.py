"""A refusal that no retry changes names its cure, and a server with an unknown CA is told from one that is down."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from slipway.adapters.clock import SystemClock
from slipway.adapters.github.advice import cure
from slipway.adapters.github.http import GitHubApi, github_client
from slipway.domain.errors import RefusedError, UnavailableError

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
    certificate, key = _self_signed(tmp_path)
    server = HTTPServer(("127.0.0.1", 0), _Empty)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
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


def _self_signed(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a server of one's own")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths
