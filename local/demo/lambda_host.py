"""Lambda on this machine: AWS's own runtime client in processes, driven by a loopback Runtime API.

[LAMBDA-RUNTIME-API] describes the four calls; the client is AWS's ``awslambdaric``.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

THIS_PYTHON = (sys.executable, "-m", "awslambdaric")
_PREFIX = "/2018-06-01/runtime"


class FunctionError(Exception):
    """An invocation failed; carries what the runtime client reported."""


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """One function: its handler, its own environment, how many sandboxes may run at once; what runs it, and where."""

    name: str
    handler: str
    environment: Mapping[str, str]
    sandboxes: int
    timeout_seconds: float
    program: Sequence[str] = THIS_PYTHON
    folder: Path | None = None


@dataclass(slots=True)
class _Invocation:
    event: bytes
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    result: Future[Any] = field(default_factory=Future)


class LambdaFunction:
    """Runs one function's sandboxes; a context manager. ``log`` is the file that all of them write to."""

    def __init__(self, spec: FunctionSpec, log: Path) -> None:
        self.spec = spec
        self.log = log
        self.invocations = 0
        self._waiting: queue.SimpleQueue[_Invocation | None] = queue.SimpleQueue()
        self._running: dict[str, _Invocation] = {}
        self._server = _RuntimeApi(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._log_file: IO[bytes] | None = None

    def __enter__(self) -> LambdaFunction:
        self._thread.start()
        self._log_file = self.log.open("ab")
        api = f"127.0.0.1:{self._server.server_address[1]}"
        environment = {**self.spec.environment, "AWS_LAMBDA_RUNTIME_API": api}
        command = [*self.spec.program, self.spec.handler]
        self._processes = [
            subprocess.Popen(  # noqa: S603 - our own interpreter and handler
                command,
                cwd=self.spec.folder,
                env=environment,
                stdout=self._log_file,
                stderr=subprocess.STDOUT,
            )
            for _ in range(self.spec.sandboxes)
        ]
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.terminate()
        for _sandbox in self._processes:
            self._waiting.put(None)
        for process in self._processes:
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._server.shutdown()
        self._server.server_close()
        if self._log_file:
            self._log_file.close()

    def invoke(self, event: Any) -> Any:
        """Run the function on one event and return its decoded answer.

        Raises:
            FunctionError: it raised, or did not answer in time.
        """
        invocation = _Invocation(json.dumps(event).encode())
        self.invocations += 1
        self._waiting.put(invocation)
        try:
            return invocation.result.result(timeout=self.spec.timeout_seconds + 5)
        except TimeoutError:
            raise FunctionError(f"{self.spec.name} did not answer in time; see its log") from None

    def warm_up(self, event: Any) -> None:
        """Run the harmless event once in every sandbox, all at once, so that none starts cold later."""
        with ThreadPoolExecutor(self.spec.sandboxes) as pool:
            list(pool.map(self.invoke, [event] * self.spec.sandboxes))

    def next(self) -> _Invocation | None:
        """Wait for the next invocation; None when the host closes."""
        invocation = self._waiting.get()
        if invocation:
            self._running[invocation.id] = invocation
        return invocation

    def finish(self, invocation_id: str, body: bytes, *, failed: bool) -> None:
        """Hand the answer to whoever waits for it."""
        invocation = self._running.pop(invocation_id, None)
        if invocation is None:
            return
        content = json.loads(body) if body else None
        if failed:
            invocation.result.set_exception(FunctionError(f"{self.spec.name}: {content}"))
        else:
            invocation.result.set_result(content)


class _RuntimeApi(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, function: LambdaFunction) -> None:
        self.function = function
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _RuntimeApi

    def do_GET(self) -> None:
        function = self.server.function
        invocation = function.next()
        if invocation is None:
            self._reply(503, b"")
            return
        deadline = int((time.time() + function.spec.timeout_seconds) * 1000)
        arn = f"arn:aws:lambda:ap-northeast-1:123456789012:function:{function.spec.name}"
        self._reply(
            200,
            invocation.event,
            {
                "Lambda-Runtime-Aws-Request-Id": invocation.id,
                "Lambda-Runtime-Deadline-Ms": str(deadline),
                "Lambda-Runtime-Invoked-Function-Arn": arn,
                "Content-Type": "application/json",
            },
        )

    def do_POST(self) -> None:
        body = self._body()
        parts = self.path.removeprefix(_PREFIX).strip("/").split("/")
        if parts[0] == "invocation":
            self.server.function.finish(parts[1], body, failed=parts[2] == "error")
        self._reply(202, b"")

    def _body(self) -> bytes:
        if "content-length" in self.headers:
            return self.rfile.read(int(self.headers["content-length"]))
        chunks = []
        while size := int(self.rfile.readline().strip() or b"0", 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _reply(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            return  # the sandbox was ended while it waited

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""
