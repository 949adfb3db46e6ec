"""What the host's scripts share: the settings, Docker's API, instance metadata. Python 3.9, standard library."""

from __future__ import annotations

import http.client
import json
import shlex
import socket
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SETTINGS = Path("/etc/slipway/host.env")
RUN = Path("/run/slipway")
DOCKER_SOCKET = "/run/docker.sock"
METADATA = "http://169.254.169.254/latest"


def settings(path: Path = SETTINGS) -> dict[str, str]:
    """Return the lines ``NAME=VALUE`` of host.env, unquoted as the shell would."""
    pairs = (word.partition("=") for word in shlex.split(path.read_text("utf-8"), comments=True))
    return {name: value for name, _, value in pairs}


class UnixConnection(http.client.HTTPConnection):
    """HTTP on Docker's socket."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(DOCKER_SOCKET)


def docker(
    path: str, method: str = "GET", headers: dict[str, str] | None = None, timeout_seconds: float = 60
) -> bytes:
    """Return the body of Docker's answer; an answer that is no success is an OSError with what it said."""
    connection = UnixConnection("docker", timeout=timeout_seconds)
    try:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status >= 300:
        raise OSError(
            f"Docker answers {answer.status} to {method} {path}: {body[:300].decode('utf-8', 'replace')}"
        )
    return body


def docker_json(path: str) -> Any:
    """Return Docker's answer to a GET, parsed."""
    return json.loads(docker(path))


def docker_events(filters: dict[str, Any]) -> Iterator[Any]:
    """Subscribe at once, and return the events as they come; they end when Docker goes away."""
    connection = UnixConnection("docker", timeout=None)
    connection.request("GET", f"/events?filters={urllib.parse.quote(json.dumps(filters))}")
    answer = connection.getresponse()
    return (json.loads(line) for line in iter(answer.readline, b"") if line.strip())


def metadata(path: str, timeout_seconds: float = 2) -> str | None:
    """Return what the instance's metadata (version 2) says at ``path``; None where it has nothing."""
    asked = urllib.request.Request(
        f"{METADATA}/api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": "300"}
    )
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    token = direct.open(asked, timeout=timeout_seconds).read().decode()
    request = urllib.request.Request(
        f"{METADATA}/meta-data/{path}", headers={"X-aws-ec2-metadata-token": token}
    )
    try:
        text: str = direct.open(request, timeout=timeout_seconds).read().decode()
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise
    return text
