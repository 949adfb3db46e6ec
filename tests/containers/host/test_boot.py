"""How a host boots: Docker configured before it starts, the stopped tier filled before the agent ever registers."""

from __future__ import annotations

import json
import time

import pytest

from local.containers.imitated_host import ImitatedHost, await_boot, boot, remove
from local.containers.podman import Podman
from tests.containers.host.conftest import NESTED_POOL

MARK = "/var/lib/ecs/agent-began"  # made by the stand-in of ecs-init


@pytest.fixture
def filling(podman: Podman, image: str) -> object:
    host = boot(podman, NESTED_POOL, metadata={"tags/instance/slipway:tier": "stopped"})
    yield host
    remove(host)


def state(host: ImitatedHost) -> str:
    return host.podman.run("inspect", "--format={{.State.Status}}", host.name).stdout.strip()


def test_an_instance_for_the_stopped_tier_powers_off_before_the_agent_begins_and_then_boots_as_any_other(
    podman: Podman, filling: ImitatedHost
) -> None:
    give_up_at = time.monotonic() + 60
    while state(filling) != "exited" and time.monotonic() < give_up_at:
        time.sleep(0.2)
    assert state(filling) == "exited"
    assert began(podman, filling) is False

    podman.run("start", filling.name)  # StartInstances: the same disk, the same tag
    await_boot(filling)
    assert filling.run("systemctl", "is-active", "ecs").stdout == "active\n"
    assert began(podman, filling) is True


def began(podman: Podman, host: ImitatedHost) -> bool:
    return podman.run("cp", f"{host.name}:{MARK}", "-", check=False).returncode == 0


def test_docker_started_once_with_the_settings_of_the_pool(host: ImitatedHost) -> None:
    """A boothook comes before docker.service: nothing had to be restarted."""
    starts = host.run("journalctl", "--unit=docker", "--no-pager", "--grep=Started docker.service").stdout
    assert starts.count("Started docker.service") == 1
    options = json.loads(host.docker("info", "--format={{json .SecurityOptions}}").stdout)
    assert {"name=userns", "name=seccomp,profile=/opt/slipway/seccomp.json"} <= set(options)


def test_the_agent_is_told_pool_limits_and_attributes(host: ImitatedHost) -> None:
    lines = dict(line.split("=", 1) for line in host.run("cat", "/etc/ecs/ecs.config").stdout.splitlines())
    attributes = json.loads(lines.pop("ECS_INSTANCE_ATTRIBUTES"))
    assert attributes.keys() == {"slipway.pool", "slipway.generation", "slipway.docker"}
    assert lines == {
        "ECS_CLUSTER": "slipway-general",
        "ECS_IMAGE_PULL_BEHAVIOR": "prefer-cached",
        "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION": "1m",
        "ECS_CONTAINER_STOP_TIMEOUT": "120s",
        "ECS_ENABLE_SPOT_INSTANCE_DRAINING": "true",
        "ECS_RESERVED_MEMORY": "512",
        "ECS_TASK_PIDS_LIMIT": "16384",
        "ECS_PROPAGATE_TASK_MEMORY_LIMIT_CGROUPV2": "true",
        "ECS_DISABLE_PRIVILEGED": "true",
        "ECS_AWSVPC_BLOCK_IMDS": "true",
        "ECS_APPARMOR_CAPABLE": "true",
    }


def test_all_tasks_together_leave_process_ids_to_the_host(host: ImitatedHost) -> None:
    limit = int(host.run("systemctl", "show", "ecstasks.slice", "--property=TasksMax", "--value").stdout)
    assert 0 < limit < int(host.run("cat", "/proc/sys/kernel/pid_max").stdout)


def test_ecs_exec_is_off(host: ImitatedHost) -> None:
    assert host.run("test", "-e", "/var/lib/ecs/deps/execute-command/bin", check=False).returncode == 1
