"""A host of a privileged pool: no remap, one job, the same Docker in it; and what the host still keeps from it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.containers.imitated_host import ImitatedHost, booted
from local.containers.podman import Podman
from local.infrastructure.user_data import HostSettings
from tests.containers.host.conftest import look_when_asked
from tests.containers.host.shapes import PRIVILEGED, Job, job_with_docker

POOL = HostSettings(cluster="slipway-kvm", pool="kvm", isolation="instance", docker="privileged")


@pytest.fixture(scope="module")
def own_host(podman: Podman, image: str) -> Iterator[ImitatedHost]:
    with booted(podman, POOL) as host:
        look_when_asked(host)
        yield host


@pytest.fixture(scope="module")
def privileged(own_host: ImitatedHost, image: str) -> Iterator[Job]:
    own_host.load(image)
    with job_with_docker(own_host, image, PRIVILEGED) as running:
        yield running


def test_its_preflight_passes_and_its_agent_may_run_privileged_tasks(own_host: ImitatedHost) -> None:
    assert own_host.run("/opt/slipway/preflight.py").stdout == ""
    assert "ECS_DISABLE_PRIVILEGED=false" in own_host.run("cat", "/etc/ecs/ecs.config").stdout.splitlines()


def test_a_privileged_container_is_root_of_its_host(own_host: ImitatedHost, privileged: Job) -> None:
    assert own_host.run("cat", f"/proc/{privileged.pid}/uid_map").stdout.split() == ["0", "0", "4294967295"]


def test_privileged_docker_runs_builds_and_serves_on_localhost(privileged: Job) -> None:
    said = privileged.shell("""
        docker run --rm tiny echo ran
        mkdir -p /tmp/build && cd /tmp/build && printf 'FROM tiny\\nRUN echo built >/made\\n' >Dockerfile
        docker buildx build -q --load -t built . >/dev/null && docker run --rm built cat /made
        docker run -d --name service -p 6379:80 tiny httpd -f -h /www >/dev/null
        curl -sf --retry 20 --retry-delay 0 --retry-all-errors http://localhost:6379/
        printf 'services: {web: {image: tiny, stop_grace_period: 0s, command: [httpd, -f, -h, /www]}, ask: {image: tiny,' >compose.yaml
        printf ' depends_on: [web], command: [sh, -c, "sleep 1; wget -q -O - http://web/"]}}' >>compose.yaml
        docker compose up --quiet-pull --exit-code-from ask 2>&1 | grep -o 'served'
    """).stdout
    assert said.split() == ["ran", "built", "served", "served"]


def test_metadata_is_out_of_reach_on_the_bridge_too(own_host: ImitatedHost, privileged: Job) -> None:
    """Such a job is root on its host and may undo that; awsvpc, the hop limit and its own instance role bound it."""
    ask = ["curl", "-s", "--max-time", "2", "http://169.254.169.254/latest/meta-data/instance-id"]
    own_host.run(*ask)  # its own service answers, whatever it says
    assert privileged.run(*ask, check=False).returncode == 28  # dropped: curl waited in vain


# What the agent's plugins make of an awsvpc task, beside its own interface: a veth on a bridge of their own.
AWSVPC_TASK = """
ip link add ecs-bridge type bridge && ip address add 169.254.172.1/22 dev ecs-bridge && ip link set ecs-bridge up
ip netns add task && ip link add veth-task type veth peer name ecs-eth0 netns task
ip link set veth-task master ecs-bridge && ip link set veth-task up
ip -n task address add 169.254.172.2/22 dev ecs-eth0 && ip -n task link set ecs-eth0 up
ip -n task route add 169.254.170.2 via 169.254.172.1
"""
ASKS_FOR_CREDENTIALS = "ip netns exec task curl -s --max-time 2 http://169.254.170.2/v1/metadata"


def test_a_task_with_an_interface_of_its_own_reaches_its_credentials(own_host: ImitatedHost) -> None:
    try:
        own_host.run("bash", "-euc", AWSVPC_TASK)
        reached = own_host.run("sh", "-c", ASKS_FOR_CREDENTIALS, check=False).stdout
        own_host.run("nft", "--file", "/opt/slipway/guards.nft")  # as on other hosts
        mute = own_host.run("sh", "-c", ASKS_FOR_CREDENTIALS, check=False).stdout
    finally:
        own_host.run("/opt/slipway/raise_guards.sh")
        own_host.run("sh", "-c", "ip link del ecs-bridge; ip netns del task", check=False)
    assert ("slipway-general" in reached, mute) == (True, "")
