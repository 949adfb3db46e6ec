"""Task definitions as flags of `docker run`: what is deployed is what is tested."""

from __future__ import annotations

from typing import Any

import pytest

from local.containers.task_flags import Host, task_flags
from local.infrastructure.places import Places
from local.infrastructure.task_definitions import task_definitions
from slipway.domain.configuration import Docker, Isolation
from tests.builders import a_configuration, a_pool, a_profile

PLACES = Places("111122223333", "https://claims.example", "eu-west-1", "a1b2c3d4e5")


def definition(docker: Docker = Docker.NONE, **profile: Any) -> dict[str, Any]:
    isolation = Isolation.INSTANCE if docker is Docker.PRIVILEGED else Isolation.SHARED
    made = a_profile(**{"docker": docker, "isolation": isolation, **profile})
    return task_definitions(a_configuration([made], [a_pool(git_cache=True)]), PLACES)["medium"]


def test_a_job_without_docker_runs_as_the_runner_without_capabilities() -> None:
    flags = task_flags(definition())
    assert {"--user=1001", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--stop-timeout=120"} <= set(
        flags
    )
    assert not [flag for flag in flags if flag.startswith(("--privileged", "--cap-add", "--device"))]


def test_a_nested_job_gets_its_capabilities_an_anonymous_volume_and_the_clean_sysfs() -> None:
    flags = task_flags(definition(Docker.NESTED), Host(folders={"/run/nested/sys": "/tmp/sys"}))
    assert [flag for flag in flags if flag.startswith("--cap")] == [
        "--cap-add=SYS_ADMIN",
        "--cap-add=NET_ADMIN",
    ]
    volumes = [flag.removeprefix("--volume=") for flag in flags if flag.startswith("--volume")]
    assert volumes == [
        "/var/lib/docker",
        "/tmp/sys:/run/nested/sys:rw",
        "/var/lib/slipway/git-cache:/opt/git-cache:ro",
    ]
    assert "--user=0" in flags


def test_the_size_of_a_job_s_volume_is_kept() -> None:
    """[KERNEL-DOCKER-VOLUME-QUOTA]"""
    made = definition(Docker.NESTED)
    settings = next(v for v in made["volumes"] if v["name"] == "docker")["dockerVolumeConfiguration"]
    settings["driverOpts"] = {"size": "50G"}
    assert "--mount=type=volume,dst=/var/lib/docker,volume-opt=size=50G" in task_flags(made)


@pytest.mark.parametrize(
    "changed",
    [{"driverOpts": {"type": "tmpfs"}}, {"labels": {}}, {"scope": "shared"}, {"driver": "nfs"}],
)
def test_a_volume_that_no_flag_would_make_is_refused(changed: dict[str, Any]) -> None:
    made = definition(Docker.NESTED)
    settings = next(v for v in made["volumes"] if v["name"] == "docker")["dockerVolumeConfiguration"]
    settings |= changed
    with pytest.raises(ValueError, match=r"no flag is known|local ones"):
        task_flags(made)


def test_a_privileged_job_is_privileged() -> None:
    assert "--privileged" in task_flags(definition(Docker.PRIVILEGED))


def test_kvm_is_a_device_that_may_be_read_and_written() -> None:
    assert "--device=/dev/kvm:/dev/kvm:rw" in task_flags(definition(kvm=True))


def test_the_container_has_the_limits_of_its_task() -> None:
    """[ECS-AGENT-CGROUP]"""
    flags = task_flags(definition(), Host(pids_limit=4096))
    assert {"--cpus=2", "--memory=7168m", "--memory-swap=7168m", "--pids-limit=4096"} <= set(flags)
    assert {"--ulimit=nofile=65536:1048576", "--ulimit=nproc=32768:32768", "--shm-size=3584m"} <= set(flags)


def test_a_machine_that_cannot_do_it_all_says_so() -> None:
    flags = task_flags(definition(), Host(network="none", has_limits=False, highest_ulimit=4096))
    assert not [flag for flag in flags if flag.startswith(("--cpus", "--memory"))]
    assert {"--ulimit=nofile=4096:4096", "--ulimit=nproc=4096:4096", "--network=none"} <= set(flags)


def test_the_environment_is_the_task_s_and_then_the_host_s() -> None:
    flags = task_flags(definition(), Host(environment={"AWS_REGION": "here", "MORE": "x y"}))
    assert {"--env=SLIPWAY_DOCKER=none", "--env=AWS_REGION=here", "--env=MORE=x y"} <= set(flags)


@pytest.mark.parametrize("docker", Docker)
def test_a_read_only_root_and_tmpfs_become_flags_too(docker: Docker) -> None:
    made = definition(docker)
    made["containerDefinitions"][0]["readonlyRootFilesystem"] = True
    parameters = made["containerDefinitions"][0]["linuxParameters"]
    parameters["tmpfs"] = [{"containerPath": "/work", "size": 64, "mountOptions": ["nosuid"]}]
    assert {"--read-only", "--tmpfs=/work:size=64m,nosuid"} <= set(task_flags(made))


@pytest.mark.parametrize("level", ["task", "container", "linux"])
def test_a_setting_that_has_no_flag_here_is_refused_and_not_lost(level: str) -> None:
    made = definition()
    container = made["containerDefinitions"][0]
    place = {"task": made, "container": container, "linux": container["linuxParameters"]}[level]
    place["pidMode"] = "host"
    with pytest.raises(ValueError, match="pidMode"):
        task_flags(made)


def test_a_task_of_two_containers_is_refused() -> None:
    made = definition()
    made["containerDefinitions"] *= 2
    with pytest.raises(ValueError, match="one container"):
        task_flags(made)
