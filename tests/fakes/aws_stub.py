"""A loopback server that answers SendMessage and GetSecretValue in fixed words, and can be told to fail.

    python -m tests.fakes.aws_stub    serves until its standard input closes; prints its address

It keeps no state worth the name; what SQS and Secrets Manager do is for moto (contract tests).
"""

from __future__ import annotations

import json
import ssl
import sys
import threading
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

Reply = tuple[int, bytes] | None  # None: hang up without a word


class AwsStub:
    """Serves on 127.0.0.1 while the ``with`` block lasts.

    ``failures`` are the next replies, in order; ``messages`` what SendMessage was given; ``targets`` every
    operation that was asked for; ``connections`` how many were opened.
    """

    def __init__(self, secrets: dict[str, str], tls: ssl.SSLContext | None = None) -> None:
        self.secrets = secrets
        self.messages: list[dict[str, Any]] = []
        self.targets: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.failures: deque[Reply] = deque()
        self.connections = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._scheme = "https" if tls else "http"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}"

    def reply(self, target: str, body: bytes) -> Reply:
        self.targets.append(target)
        if self.failures:
            return self.failures.popleft()
        values = json.loads(body)
        if target == "AmazonSQS.SendMessage":
            self.messages.append(values)
            return 200, b'{"MessageId":"1","MD5OfMessageBody":"d41d8cd98f00b204e9800998ecf8427e"}'
        value = self.secrets.get(values["SecretId"])
        if value is None:
            return 400, b'{"__type":"ResourceNotFoundException","Message":"cannot find it"}'
        return 200, json.dumps({"ARN": values["SecretId"], "SecretString": value}).encode()

    def __enter__(self) -> AwsStub:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(stub: AwsStub) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet a reply

        def setup(self) -> None:
            stub.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            stub.headers.append({name.lower(): value for name, value in self.headers.items()})
            reply = stub.reply(self.headers["X-Amz-Target"], body)
            if reply is None:
                self.close_connection = True
                return
            self.send_response_only(reply[0])
            self.send_header("Content-Length", str(len(reply[1])))
            self.end_headers()
            self.wfile.write(reply[1])

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    return Handler


if __name__ == "__main__":
    with AwsStub(json.loads(sys.argv[1])) as served:
        print(served.url, flush=True)
        sys.stdin.read()
