"""The connection to AWS: TLS and timeouts, on real sockets."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from slipway.adapters import aws_http
from slipway.adapters.clock import SystemClock
from slipway.adapters.secrets_http import SecretsManager
from slipway.domain.errors import UnavailableError
from tests.contract.moto import access
from tests.fakes.aws_stub import AwsStub

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:webhook-AbCdEf"


@pytest.fixture(autouse=True)
def _fresh_tls_context() -> Iterator[None]:
    """The context is made once a process; each test wants its own."""
    aws_http._tls_context.cache_clear()
    yield
    aws_http._tls_context.cache_clear()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Make a certificate of 127.0.0.1, signed by itself, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_https_is_spoken_where_the_endpoint_says_so(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with AwsStub({ARN: "value"}, server_context(certificate)) as aws:
        secrets = SecretsManager(access(aws.url), SystemClock())
        assert [secrets.get(ARN), secrets.get(ARN)] == ["value", "value"]
        assert aws.connections == 1


def test_a_server_that_nobody_vouches_for_is_not_spoken_to(certificate: Path) -> None:
    with AwsStub({ARN: "value"}, server_context(certificate)) as aws:
        with pytest.raises(UnavailableError, match="SSLCertVerificationError"):
            SecretsManager(access(aws.url), SystemClock()).get(ARN)
        assert aws.targets == []


def test_plain_http_makes_no_tls_context() -> None:
    with AwsStub({ARN: "value"}) as aws:
        SecretsManager(access(aws.url), SystemClock()).get(ARN)
    assert aws_http._tls_context.cache_info().currsize == 0


def test_a_server_that_says_nothing_is_given_up_after_one_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_http, "TIMEOUT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(0.2)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(UnavailableError, match="TimeoutError"):
            SecretsManager(access(url), SystemClock()).get(ARN)
        accepted, _ = silent.accept()
        accepted.close()
        with pytest.raises(TimeoutError):
            silent.accept()  # nobody tried a second time
