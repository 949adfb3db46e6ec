"""Entrypoint and dockerd in one container: who runs as whom, and when. What a job can do with Docker: tests/containers/host."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slipway.domain.configuration import Docker
from tests.containers.definitions import shipped_flags
from tests.containers.image.conftest import GRANT
from tests.containers.image.jobs import JobContainer

# Without any network but its own loopback, so that dockerd's rules touch nothing of this machine.
FLAGS = shipped_flags(Docker.PRIVILEGED)
# The claim API has to be inside then; nothing checks signatures there.
SERVER = f"""
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *arguments): pass
    def answer(self, content):
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.answer({{"AccessKeyId": "AKIA", "SecretAccessKey": "x", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}})
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(json.loads({json.dumps(json.dumps(GRANT))}) if self.path.endswith("/claim") else {{}})
http.server.ThreadingHTTPServer(("127.0.0.1", 9999), Handler).serve_forever()
"""
SERVE = "until (exec 3<>/dev/tcp/127.0.0.1/9999) 2>/dev/null; do sleep 0.05; done"
# A machine that tests may not raise limits; hosts may.
LOWER_LIMITS = '#!/bin/bash\nexec /usr/sbin/dockerd --default-ulimit nofile=1024:1024 "$@"\n'


@pytest.fixture
def with_docker(full_image: str, container: JobContainer, tmp_path: Path) -> JobContainer:
    container.image, container.flags = full_image, FLAGS
    container.environment.update(
        SLIPWAY_DOCKER="privileged", AWS_CONTAINER_CREDENTIALS_FULL_URI="http://127.0.0.1:9999/c"
    )
    (tmp_path / "server.py").write_text(SERVER)
    container.flags += (f"--volume={tmp_path}/server.py:/server.py:ro", "--entrypoint=/bin/bash")
    container.command = (
        "-c",
        f"python3 /server.py & {SERVE}; exec /opt/slipway/bash /opt/slipway/entrypoint.sh",
    )
    return container


def test_dockerd_comes_up_beside_the_claim_and_the_job_uses_it_as_an_ordinary_user(
    with_docker: JobContainer, tmp_path: Path
) -> None:
    (tmp_path / "dockerd").write_text(LOWER_LIMITS)
    (tmp_path / "dockerd").chmod(0o755)
    with_docker.flags += (f"--volume={tmp_path}/dockerd:/usr/local/sbin/dockerd:ro",)
    with_docker.start_job(
        "http://127.0.0.1:9999",
        "echo user: $(id -un) $(id -Gn)\necho home: $HOME\necho root: $(sudo -n id -u)\n"
        "echo driver: $(docker info --format '{{.Driver}}')\necho hook: ${ACTIONS_RUNNER_CONTAINER_HOOKS:-Docker}\n",
        network="none",
    )
    assert with_docker.finish() == 0, with_docker.text
    assert [phase["phase"] for phase in with_docker.phases()][:6] == [
        *("container_up", "docker_asked", "claim_asked", "claim_answered", "docker_ready", "listener_started")
    ]
    assert with_docker.said("user") == "runner runner docker"
    assert with_docker.said("home") == "/home/runner"
    assert (with_docker.said("root"), with_docker.said("driver")) == ("0", "overlay2")
    assert with_docker.said("hook") == "Docker"
    assert with_docker.phase("job_ended")


def test_a_dockerd_that_does_not_come_up_ends_the_container_with_its_log_and_the_registration_given_back(
    with_docker: JobContainer, tmp_path: Path
) -> None:
    (tmp_path / "dockerd").write_text("#!/bin/bash\necho 'failed to start daemon: no bridge' >&2\nexit 1\n")
    (tmp_path / "dockerd").chmod(0o755)
    with_docker.flags += (f"--volume={tmp_path}/dockerd:/usr/local/sbin/dockerd:ro",)
    with_docker.start_job("http://127.0.0.1:9999", "echo ran: yes\n", network="none")
    assert with_docker.finish() == 24
    assert "failed to start daemon: no bridge\n" in with_docker.output
    assert [phase["phase"] for phase in with_docker.phases()][-4:] == [
        *("docker_failed", "release_asked", "released", "container_down")
    ]
    assert "ran: yes\n" not in with_docker.output
