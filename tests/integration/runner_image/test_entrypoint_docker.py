"""A dockerd whose socket is there and which never answers on it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from tests.integration.runner_image.container import RUNNER_IMAGE, Container
from tests.integration.runner_image.loopback import Answer, ClaimApi

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the modes with Docker need root")


@pytest.fixture(autouse=True)
def _hung_docker(api: ClaimApi, container: Container) -> Iterator[None]:
    granted = {"jit_config": "QQ==", "runner_name": "r-1", "idle_timeout_seconds": 3600}
    api.claims, api.releases = [Answer(200, granted)], [Answer(200)]
    path, log = container.directory / "docker.sock", container.directory / "dockerd.log"
    library = (RUNNER_IMAGE / "lib" / "docker.sh").read_text()
    for place, here in (("=/run/docker.sock", path), ("=/var/log/dockerd.log", log)):
        assert place in library
        library = library.replace(place, f"={here}")
    # The machine that tests keeps its mounts and its cgroups.
    container.change_image(
        "lib/docker.sh", f"{library}\nunmask_proc() {{ :; }}\ndelegate_cgroups() {{ :; }}\n"
    )
    container.environment["SLIPWAY_DOCKER"] = "nested"
    container.put_command("dockerd", "echo it hangs\nexec sleep 600\n")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        yield
    container.kill()  # dockerd, which a real container takes along


def test_a_docker_that_hangs_is_given_up_after_its_minute(api: ClaimApi, container: Container) -> None:
    container.time_scale = 9_999
    assert container.run() == 24
    assert "it hangs\n" in container.output
    assert container.phase_names()[4:] == ["docker_failed", "release_asked", "released", "container_down"]
    assert api.asked("release") == 1


def test_a_stop_is_answered_while_a_docker_that_hangs_is_asked(container: Container) -> None:
    container.time_scale = 1
    asking = container.directory / "asking"
    container.wrap_command(
        "curl",
        f"""case $* in *_ping*) touch {asking}; exec sleep 600 ;; esac
exec "$real" "$@"
""",
    )
    container.start()
    container.wait_for(asking)
    container.signal()
    assert container.finish() == 0
    assert container.phase_names()[4:] == ["stop_asked", "release_asked", "released", "container_down"]
