"""What hosts are told follows from the configuration: the strongest of a pool's profiles decides."""

from __future__ import annotations

import base64
import gzip
import tomllib

import pytest

from local.infrastructure import host_scripts
from local.infrastructure.host_settings import (
    bottlerocket_settings,
    host_settings,
    user_data_files,
)
from slipway.domain.configuration import Docker
from tests.builders import a_configuration, a_pool, a_profile


@pytest.mark.parametrize(
    ("profiles", "strongest"),
    [
        ([Docker.NONE], "none"),
        ([Docker.NESTED, Docker.NONE], "nested"),
        ([Docker.PRIVILEGED, Docker.PRIVILEGED], "privileged"),
    ],
)
def test_the_strongest_docker_of_a_pool_s_profiles_is_what_its_hosts_are_ready_for(
    profiles: list[Docker], strongest: str
) -> None:
    made = [a_profile(name=f"p{number}", docker=docker) for number, docker in enumerate(profiles)]
    assert host_settings(a_configuration(made), a_pool()).docker == strongest


def test_hosts_pull_the_images_of_their_own_pool_s_profiles_and_no_other() -> None:
    made = [
        a_profile(),
        a_profile(name="twin"),
        a_profile(name="big", image="registry.example/big@sha256:1"),
        a_profile(name="elsewhere", pool="other", image="registry.example/other@sha256:2"),
    ]
    settings = host_settings(a_configuration(made, [a_pool(), a_pool(name="other")]), a_pool())
    assert settings.images == ("registry.example/big@sha256:1", "registry.example/runner@sha256:0")


def test_hosts_are_told_what_the_pool_says() -> None:
    pool = a_pool(uid_ranges="per-container", registry_mirror="https://mirror.example", exclusive=True)
    settings = host_settings(a_configuration(pools=[pool]), pool)
    assert (settings.cluster, settings.pool, settings.isolation) == ("slipway-general", "general", "instance")
    assert (settings.uid_ranges, settings.registry_mirror) == ("per-container", "https://mirror.example")


@pytest.mark.parametrize(("quota", "told"), [(None, "0"), (50, "50")])
def test_hosts_are_told_the_disk_quota_of_their_pool(quota: int | None, told: str) -> None:
    pool = a_pool(disk_quota_gib=quota)
    files = user_data_files(a_configuration(pools=[pool]), pool, host_scripts.read())
    assert f"SLIPWAY_DISK_QUOTA_GIB={told}\n" in files["general.sh"]


def test_the_user_data_is_for_a_launch_template_and_beside_it_can_be_read() -> None:
    files = user_data_files(a_configuration(), a_pool(), host_scripts.read())
    assert set(files) == {"general.txt", "general.sh"}
    assert gzip.decompress(base64.b64decode(files["general.txt"])).decode() == files["general.sh"]
    assert "SLIPWAY_POOL=general" in files["general.sh"]


def test_bottlerocket_gets_settings_instead_of_scripts() -> None:
    """[ECS-BOTTLEROCKET]"""
    pool = a_pool(operating_system="bottlerocket", registry_mirror="https://mirror.example")
    files = user_data_files(a_configuration(pools=[pool]), pool, {})
    assert base64.b64decode(files["general.txt"]).decode() == files["general.toml"]
    settings = tomllib.loads(files["general.toml"])["settings"]
    assert settings["ecs"]["cluster"] == "slipway-general"
    assert settings["ecs"]["instance-attributes"] == {"slipway.pool": "general"}
    assert settings["ecs"]["allow-privileged-containers"] is False
    assert settings["ecs"]["enable-spot-instance-draining"] is True
    assert settings["container-registry"]["mirrors"] == [
        {"registry": "docker.io", "endpoint": ["https://mirror.example"]}
    ]


def test_bottlerocket_runs_privileged_containers_only_where_a_profile_asks_for_them() -> None:
    profile = a_profile(docker=Docker.PRIVILEGED)
    settings = tomllib.loads(bottlerocket_settings(a_configuration([profile]), a_pool()))["settings"]
    assert settings["ecs"]["allow-privileged-containers"] is True
