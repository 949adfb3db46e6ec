"""API Gateway on loopback: the webhook's HTTP API, and the claim API behind an IAM authorizer."""

from __future__ import annotations

import base64
import hmac
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.demo.lambda_host import FunctionError, LambdaFunction

Headers = Mapping[str, str]
Authorize = Callable[[str, str, Headers, bytes], str | None]


class Identity(Protocol):
    """Whose key signed a request."""

    @property
    def access_key_id(self) -> str: ...
    @property
    def secret_access_key(self) -> str: ...
    @property
    def session_token(self) -> str: ...
    @property
    def arn(self) -> str: ...


class IamAuthorizer:
    """Checks AWS Signature Version 4 as API Gateway's IAM authorizer does, and names the caller's ARN."""

    def __init__(self, identity_of: Callable[[str], Identity | None], region: str) -> None:
        self._identity_of = identity_of
        self._region = region

    def __call__(self, method: str, url: str, headers: Headers, body: bytes) -> str | None:
        """Return the ARN of who signed the request, or None when the signature does not hold."""
        given = {name.lower(): value for name, value in headers.items()}
        authorization = _parse(given.get("authorization", ""))
        identity = self._identity_of(authorization.get("Credential", "").split("/")[0])
        if identity is None or given.get("x-amz-security-token") != identity.session_token:
            return None
        signed = authorization.get("SignedHeaders", "").split(";")
        request = AWSRequest(method, url, {name: given.get(name, "") for name in signed}, body)
        request.context["timestamp"] = given.get("x-amz-date", "")
        expected = _signature(request, identity, self._region)
        return identity.arn if hmac.compare_digest(expected, authorization.get("Signature", "")) else None


def _parse(header: str) -> dict[str, str]:
    scheme, _, rest = header.partition(" ")
    if scheme != "AWS4-HMAC-SHA256":
        return {}
    pairs = (part.strip().partition("=") for part in rest.split(","))
    return {name: value for name, _, value in pairs}


def _signature(request: AWSRequest, identity: Identity, region: str) -> str:
    keys = Credentials(identity.access_key_id, identity.secret_access_key, identity.session_token)
    signer = SigV4Auth(keys, "execute-api", region)
    string_to_sign = signer.string_to_sign(request, signer.canonical_request(request))
    return str(signer.signature(string_to_sign, request))


class HttpApi:
    """One HTTP API (payload 2.0) in front of one function; a context manager.

    ``authorize`` returns the caller's ARN, or None for 403 before the function is asked. ``calls`` counts
    answers by path and status.
    """

    def __init__(
        self, function: LambdaFunction, paths: tuple[str, ...], authorize: Authorize | None = None
    ) -> None:
        self.function = function
        self.paths = paths
        self.authorize = authorize
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> HttpApi:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, headers: Headers, body: bytes) -> tuple[int, Headers, bytes]:
        """Answer one request as API Gateway would."""
        if method != "POST" or path not in self.paths:
            return 404, {}, b'{"message":"Not Found"}'
        event: dict[str, Any] = {
            "version": "2.0",
            "routeKey": f"POST {path}",
            "rawPath": path,
            "rawQueryString": "",
            "headers": {name.lower(): value for name, value in headers.items()},
            "requestContext": {"http": {"method": method, "path": path, "sourceIp": "127.0.0.1"}},
            "body": base64.b64encode(body).decode(),
            "isBase64Encoded": True,
        }
        if self.authorize:
            arn = self.authorize(method, self.url + path, headers, body)
            if arn is None:
                return 403, {}, b'{"message":"Forbidden"}'
            event["requestContext"]["authorizer"] = {"iam": {"userArn": arn}}
        try:
            reply = self.function.invoke(event)
        except FunctionError:
            return 500, {}, b'{"message":"Internal Server Error"}'
        return reply["statusCode"], reply.get("headers", {}), str(reply.get("body", "")).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512

    def __init__(self, api: HttpApi) -> None:
        self.api = api
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        status, headers, content = self.server.api.answer("POST", self.path, dict(self.headers.items()), body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("content-length", str(len(content)))
        self.end_headers()
        if status != 204:
            self.wfile.write(content)

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            return  # the caller went away

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""
