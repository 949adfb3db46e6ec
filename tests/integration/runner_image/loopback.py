"""A loopback claim API and ECS credentials endpoint that check what the entrypoint sends."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ACCESS_KEY_ID = "ASIAEXAMPLEEXAMPLE12"
SECRET_ACCESS_KEY = "canary+secret/access/key0123456789abcdef"
SESSION_TOKEN = "canary//session+token==" + "A1b2" * 250
REGION = "eu-west-1"


@dataclass(frozen=True, slots=True)
class Answer:
    """One scripted answer. ``cut`` closes the connection after so many bytes of the reply."""

    status: int
    body: Any = None
    retry_after: str | None = None
    date: str | None = None
    cut: int | None = None
    meanwhile: Callable[[], object] | None = None

    def encode(self) -> bytes:
        payload = b"" if self.body is None else self.body
        payload = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        head = [f"HTTP/1.1 {self.status} Scripted", f"Content-Length: {len(payload)}", "Connection: close"]
        if self.retry_after is not None:
            head.append(f"Retry-After: {self.retry_after}")
        if self.date is not None:
            head.append(f"Date: {self.date}")
        return ("\r\n".join(head) + "\r\n\r\n").encode() + payload


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came, and whether botocore's signer agrees with its signature."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    signature_is_valid: bool


def signature_is_valid(method: str, url: str, headers: dict[str, str], body: bytes) -> bool:
    """Recompute the SigV4 signature of a request from the headers it says it signed [IAM-SIGV4]."""
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
    if scheme != "AWS4-HMAC-SHA256" or set(parts) != {"Credential", "SignedHeaders", "Signature"}:
        return False
    signed = parts["SignedHeaders"].split(";")
    if not {"host", "x-amz-date", "x-amz-security-token"} <= set(signed):
        return False
    _, _, region, service, _ = parts["Credential"].split("/")
    request = AWSRequest(method, url, data=body, headers={name: headers[name] for name in signed})
    request.context["timestamp"] = headers["x-amz-date"]
    signer = SigV4Auth(Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY, SESSION_TOKEN), service, region)
    to_sign = signer.string_to_sign(request, signer.canonical_request(request))
    is_meant = (region, service) == (REGION, "s3" if method == "PUT" else "execute-api")
    return is_meant and parts["Signature"] == signer.signature(to_sign, request)


@dataclass(slots=True)
class ClaimApi:
    """Answers each route from its script; the last answer of a script repeats."""

    url: str
    claims: list[Answer] = field(default_factory=list)
    releases: list[Answer] = field(default_factory=list)
    credentials: list[Answer] = field(default_factory=list)
    uploads: list[Answer] = field(default_factory=list)
    credentials_paths: list[str] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)

    def asked(self, route: str) -> int:
        return sum(request.path.endswith(f"/v1/{route}") for request in self.received)

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if method == "GET":
            self.credentials_paths.append(path)
            return _next(self.credentials)
        url = f"http://{headers['host']}{path}"
        valid = signature_is_valid(method, url, headers, body)
        self.received.append(Received(method, path, headers, body, valid))
        if method == "PUT":
            return _next(self.uploads)
        return _next(self.claims if path.endswith("/v1/claim") else self.releases)


def _next(script: list[Answer]) -> Answer:
    return script.pop(0) if len(script) > 1 else script[0]


def credentials_answer(expiration: str = "2099-01-01T00:00:00Z", token: str = SESSION_TOKEN) -> Answer:
    """The reply of the ECS credentials endpoint [IAM-TASK-CREDENTIALS]."""
    return Answer(
        200,
        {
            "RoleArn": "arn:aws:iam::111122223333:role/slipway-task",
            "AccessKeyId": ACCESS_KEY_ID,
            "SecretAccessKey": SECRET_ACCESS_KEY,
            "Token": token,
            "Expiration": expiration,
        },
    )


@contextmanager
def serve_claim_api() -> Iterator[ClaimApi]:
    api = ClaimApi(url="", credentials=[credentials_answer()])
    with served(api):
        yield api


@contextmanager
def served(api: ClaimApi) -> Iterator[None]:
    """Serve ``api`` on a free port of loopback, and set its ``url``."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            """Say nothing: the tests read ``received``."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = api.answer(self.command, self.path, headers, body)
            if answer.meanwhile is not None:
                answer.meanwhile()
            with suppress(
                BrokenPipeError, ConnectionResetError
            ):  # the entrypoint was stopped while it waited
                self.wfile.write(answer.encode()[: answer.cut])
            self.close_connection = True

        do_GET = do_PUT = do_POST  # noqa: N815 - the base class looks for these names

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
