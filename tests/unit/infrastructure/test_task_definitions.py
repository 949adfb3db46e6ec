"""Task definitions: accepted by AWS's own model, and by the rules that keep a job in its container."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from local.configuration.check import check_file
from local.configuration.compilation import compiled_body
from local.infrastructure.places import Places
from local.infrastructure.task_definitions import task_definitions
from slipway.config import decode_configuration
from slipway.domain.configuration import Configuration, Docker, Isolation
from slipway.domain.resources import Resources
from tests.builders import a_configuration, a_pool, a_profile

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.yaml"))
PLACES = Places("111122223333", "https://claims.example/stage", "eu-west-1", "a1b2c3d4e5")
# Every namespace of the host, and what else a container must never get from a task definition.
NEVER_OF_A_TASK = {"pidMode", "ipcMode", "proxyConfiguration", "inferenceAccelerators"}
NEVER_OF_A_CONTAINER = {
    "secrets",
    "environmentFiles",
    "repositoryCredentials",
    "hostname",
    "links",
    "portMappings",
}


@cache
def configuration_of(example: Path) -> Configuration:
    file = check_file(example).file
    assert file is not None
    return decode_configuration(compiled_body(file))


def definition(configuration: Configuration | None = None, profile: str = "medium") -> dict[str, Any]:
    return task_definitions(configuration or a_configuration(), PLACES)[profile]


def container(configuration: Configuration | None = None, profile: str = "medium") -> dict[str, Any]:
    found: dict[str, Any] = definition(configuration, profile)["containerDefinitions"][0]
    return found


def with_docker(docker: Docker, **changes: Any) -> Configuration:
    isolation = Isolation.INSTANCE if docker is Docker.PRIVILEGED else Isolation.SHARED
    profile = a_profile(docker=docker, isolation=isolation)
    return a_configuration([profile], [a_pool(**changes)])


def environment(configuration: Configuration, profile: str = "medium") -> dict[str, str]:
    return {item["name"]: item["value"] for item in container(configuration, profile)["environment"]}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_every_definition_is_a_request_that_the_model_of_ecs_accepts(example: Path) -> None:
    ecs = botocore.session.get_session().get_service_model("ecs")
    shape = ecs.operation_model("RegisterTaskDefinition").input_shape
    assert shape is not None
    configuration = configuration_of(example)
    definitions = task_definitions(configuration, PLACES)
    assert set(definitions) == set(configuration.profiles)
    for request in definitions.values():
        report = ParamValidator().validate(request, shape)
        assert not report.has_errors(), report.generate_report()


@pytest.mark.parametrize("docker", Docker)
def test_no_task_gets_a_namespace_a_secret_or_a_port_of_the_host(docker: Docker) -> None:
    request = definition(with_docker(docker))
    (only,) = request["containerDefinitions"]
    assert NEVER_OF_A_TASK & set(request) == set()
    assert NEVER_OF_A_CONTAINER & set(only) == set()
    assert request["networkMode"] != "host"


def test_no_caps_no_sudo_on_shared_hosts() -> None:
    only = container(with_docker(Docker.NONE))
    assert only["user"] == "1001"
    assert only["dockerSecurityOptions"] == ["no-new-privileges"]
    assert only["linuxParameters"]["capabilities"] == {"drop": ["ALL"]}
    assert "privileged" not in only
    assert "devices" not in only["linuxParameters"]
    assert only["mountPoints"] == []


def test_nested_docker_gets_two_capabilities_its_own_volume_and_no_privilege() -> None:
    request = definition(with_docker(Docker.NESTED))
    (only,) = request["containerDefinitions"]
    assert "privileged" not in only
    assert only["user"] == "0"
    assert only["linuxParameters"]["capabilities"] == {"add": ["SYS_ADMIN", "NET_ADMIN"]}
    assert request["networkMode"] == "bridge"
    volumes = {volume["name"]: volume for volume in request["volumes"]}
    assert volumes["docker"]["dockerVolumeConfiguration"] == {"scope": "task", "driver": "local"}
    assert volumes["sysfs"]["host"] == {"sourcePath": "/run/nested/sys"}
    assert {mount["containerPath"] for mount in only["mountPoints"]} == {"/var/lib/docker", "/run/nested/sys"}


def test_only_privileged_docker_is_privileged_and_has_an_interface_of_its_own() -> None:
    request = definition(with_docker(Docker.PRIVILEGED))
    (only,) = request["containerDefinitions"]
    assert only["privileged"] is True
    assert request["networkMode"] == "awsvpc"
    assert [mount["containerPath"] for mount in only["mountPoints"]] == ["/var/lib/docker"]


def test_kvm_is_the_only_device_that_a_job_can_ask_for() -> None:
    profile = a_profile(kvm=True, isolation=Isolation.INSTANCE)
    devices = container(a_configuration([profile]))["linuxParameters"]["devices"]
    assert devices == [
        {"hostPath": "/dev/kvm", "containerPath": "/dev/kvm", "permissions": ["read", "write"]}
    ]


@pytest.mark.parametrize("docker", Docker)
def test_no_host_folder_is_mounted_but_the_clean_sysfs_and_a_read_only_git_cache(docker: Docker) -> None:
    request = definition(with_docker(docker, git_cache=True))
    (only,) = request["containerDefinitions"]
    sources = {v["name"]: v["host"]["sourcePath"] for v in request["volumes"] if "host" in v}
    assert set(sources.values()) <= {"/run/nested/sys", "/var/lib/slipway/git-cache"}
    cache = next(mount for mount in only["mountPoints"] if mount["sourceVolume"] == "git-cache")
    assert cache == {"sourceVolume": "git-cache", "containerPath": "/opt/git-cache", "readOnly": True}


@pytest.mark.parametrize("docker", [Docker.NESTED, Docker.PRIVILEGED])
@pytest.mark.parametrize(("quota", "options"), [(None, {}), (50, {"driverOpts": {"size": "50G"}})])
def test_the_volume_of_a_job_s_docker_has_the_disk_quota_of_its_pool(
    docker: Docker, quota: int | None, options: dict[str, object]
) -> None:
    """[KERNEL-DOCKER-VOLUME-QUOTA]"""
    request = definition(with_docker(docker, disk_quota_gib=quota))
    (volume,) = (v["dockerVolumeConfiguration"] for v in request["volumes"] if "host" not in v)
    assert volume == {"scope": "task", "driver": "local", **options}


def test_a_task_has_its_profile_s_size_and_its_pool_s_roles_and_runs_on_its_pool_s_hosts_only() -> None:
    """[ECS-TASK-SIZE]"""
    request = definition()
    assert request["family"] == "slipway-medium"
    assert (request["cpu"], request["memory"]) == ("2048", "7168")
    assert request["taskRoleArn"] == "arn:aws:iam::111122223333:role/slipway-general-task"
    assert request["executionRoleArn"] == "arn:aws:iam::111122223333:role/slipway-general-exec-eu-west-1"
    assert request["placementConstraints"] == [
        {"type": "memberOf", "expression": "attribute:slipway.pool == general"}
    ]
    assert request["requiresCompatibilities"] == ["EC2"]


def test_the_container_s_size_is_left_to_the_task_so_that_a_sized_label_can_change_it() -> None:
    assert {"cpu", "memory", "memoryReservation"} & set(container()) == set()


@pytest.mark.parametrize("docker", Docker)
def test_limits_patience_and_logs_are_the_same_for_every_kind_of_job(docker: Docker) -> None:
    only = container(with_docker(docker))
    assert only["stopTimeout"] == 120
    assert {limit["name"] for limit in only["ulimits"]} == {"nofile", "nproc"}
    assert "initProcessEnabled" not in only["linuxParameters"]  # the entrypoint is process 1
    options = only["logConfiguration"]["options"]
    assert options["mode"] == "non-blocking"
    assert options["awslogs-group"] == "/ecs/slipway-general"
    assert options["awslogs-stream-prefix"] == "medium"


def test_the_environment_tells_places_and_names_and_no_secret() -> None:
    values = environment(a_configuration())
    assert values == {
        "SLIPWAY_CLAIM_URL": "https://claims.example/stage",
        "AWS_REGION": "eu-west-1",
        "SLIPWAY_PROFILE": "medium",
        "SLIPWAY_POOL": "general",
        "SLIPWAY_DOCKER": "none",
    }


def test_the_environment_has_what_pool_and_profile_ask_for() -> None:
    pool = a_pool(registry_mirror="https://mirror.example", git_cache=True)
    profile = a_profile(worker_logs="s3://acme-logs/workers")
    values = environment(a_configuration([profile], [pool]))
    assert values["SLIPWAY_REGISTRY_MIRROR"] == "https://mirror.example"
    assert values["SLIPWAY_WORKER_LOGS"] == "s3://acme-logs/workers"
    assert values["GIT_ALTERNATE_OBJECT_DIRECTORIES"] == "/opt/git-cache/objects"


def test_a_job_without_docker_is_told_which_labels_have_it() -> None:
    docker = a_profile(name="docker", labels=frozenset({"linux", "docker"}), docker=Docker.NESTED)
    big = a_profile(name="big", labels=frozenset({"big"}), docker=Docker.NESTED)
    values = environment(a_configuration([a_profile(), docker, big]))
    assert values["SLIPWAY_DOCKER_LABELS"] == "[big] or [docker, linux]"


def test_images_are_named_by_digest() -> None:
    for example in EXAMPLES:
        for name in configuration_of(example).profiles:
            assert "@sha256:" in container(configuration_of(example), name)["image"]


def test_a_gpu_is_asked_for_where_the_profile_has_one() -> None:
    profile = a_profile(size=Resources(2048, 7168, 2))
    assert container(a_configuration([profile]))["resourceRequirements"] == [{"type": "GPU", "value": "2"}]
    assert "resourceRequirements" not in container()
