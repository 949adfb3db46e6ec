"""The runtime of `uid_ranges: per-container`: no two containers of a host are the same user to its kernel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from local.containers.imitated_host import ImitatedHost, booted
from local.containers.podman import Podman
from tests.containers.host.conftest import NESTED_POOL, look_when_asked
from tests.containers.host.shapes import Job

TINY_IMAGE = """
mkdir -p /run/tiny/bin /run/tiny/kept && cp /bin/busybox /run/tiny/bin/ && cd /run/tiny
for name in sh cat id ls mkdir mount sleep stat touch true; do ln -sf busybox bin/$name; done
echo layer >kept/file && tar -c . | docker import - tiny
"""


@pytest.fixture(scope="module")
def own_host(podman: Podman, image: str) -> Iterator[ImitatedHost]:
    with booted(podman, replace(NESTED_POOL, uid_ranges="per-container")) as host:
        look_when_asked(host)
        host.run("sh", "-ec", TINY_IMAGE)
        yield host


@pytest.fixture
def two(own_host: ImitatedHost) -> Iterator[tuple[Job, Job]]:
    started = [
        own_host.docker("run", "--detach", "--init", "--volume=/data", "tiny", "sleep", "1000").stdout.strip()
        for _ in range(2)
    ]
    yield Job(own_host, started[0]), Job(own_host, started[1])
    own_host.docker("rm", "--force", "--volumes", *started)


def first_uid(job: Job) -> int:
    return int(job.host.run("cat", f"/proc/{job.pid}/uid_map").stdout.split()[1])


def slots(host: ImitatedHost) -> str:
    return host.run(
        "sh", "-c", "ls /run/slipway-uids | grep -v lock; grep -c slipway-uids /proc/mounts", check=False
    ).stdout


def test_each_container_has_a_range_of_its_own(two: tuple[Job, Job]) -> None:
    one, other = map(first_uid, two)
    assert abs(one - other) >= 65536
    assert min(one, other) >= 1 << 20


def test_files_of_the_image_of_docker_and_of_volumes_are_the_containers_own(two: tuple[Job, Job]) -> None:
    for job in two:
        said = job.run(
            "sh",
            "-ec",
            "stat -c %u /kept/file /etc/hosts /data /; touch /kept/new /data/new /etc/new; cat /kept/file",
        )
        assert said.stdout == "0\n0\n0\n0\nlayer\n"


def test_what_a_container_writes_belongs_to_its_range_alone(two: tuple[Job, Job]) -> None:
    for job in two:
        job.run("touch", "/written")
        seen = job.host.run("stat", "--format=%u", f"/proc/{job.pid}/root/written").stdout
        assert int(seen) == first_uid(job)


def test_a_slot_is_free_again_when_its_container_is_gone(own_host: ImitatedHost) -> None:
    before = slots(own_host)
    for _ in range(3):
        own_host.docker("run", "--rm", "tiny", "true")
    assert slots(own_host) == before


def test_a_container_that_cannot_be_made_leaves_no_slot(own_host: ImitatedHost) -> None:
    before = slots(own_host)
    own_host.docker("run", "--rm", "tiny", "no-such-program", check=False)
    assert slots(own_host) == before


def test_a_container_in_the_network_of_another_has_its_range(own_host: ImitatedHost) -> None:
    """The shape of awsvpc: a pause container holds the network, and Docker joins its users too."""
    pause = own_host.docker("run", "--detach", "--network=none", "tiny", "sleep", "1000").stdout.strip()
    beside = own_host.docker(
        "run", "--detach", f"--network=container:{pause}", "tiny", "sleep", "1000"
    ).stdout.strip()
    ranges = {first_uid(Job(own_host, name)) for name in (pause, beside)}
    own_host.docker("rm", "--force", beside, pause)
    assert len(ranges) == 1


def test_the_agents_container_is_left_as_it_is(own_host: ImitatedHost) -> None:
    said = own_host.docker(
        "run", "--rm", "--net=host", "--userns=host", "tiny", "cat", "/proc/self/uid_map"
    ).stdout
    assert said.split() == ["0", "0", "4294967295"]


def test_its_preflight_passes(own_host: ImitatedHost) -> None:
    assert own_host.run("/opt/slipway/preflight.py").stdout == ""
