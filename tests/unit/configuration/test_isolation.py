"""What keeps jobs apart is refused or allowed by `slipway config check`, each with its cure."""

from __future__ import annotations

import pytest

from local.configuration.check import LocatedFault
from tests.unit.configuration.test_check import example_with, faults_of, only_fault

ONE = ("github.allow.organizations", ["acme-web"])
Changes = list[tuple[str, object]]


def profile_like_docker(**changes: object) -> dict[str, object]:
    profile: dict[str, object] = {
        "labels": ["self-hosted", "alone"],
        "cpu": 2,
        "memory": "6GiB",
        "image": "registry.example/runner@sha256:" + "a" * 64,
        "pool": "alone",
        "isolation": "instance",
    }
    return {**profile, **changes}


def test_nested_docker_between_organizations_needs_a_range_of_user_ids_for_each_container() -> None:
    nested = ("profiles.small.docker", "nested")
    fault = only_fault(nested)
    assert fault.path == "profiles.small.docker"
    assert "uid_ranges: per-container in pool 'general'" in fault.message
    assert faults_of(example_with(nested, ("pools.general.uid_ranges", "per-container"))) == []


def test_public_repositories_are_refused_on_shared_hosts_whatever_the_user_ids() -> None:
    fault = only_fault(
        ("github.allow.public_repositories", True),
        ("profiles.small.docker", "nested"),
        ("pools.general.uid_ranges", "per-container"),
    )
    assert fault.path == "github.allow.public_repositories"
    assert "isolation: instance" in fault.message


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        ("profiles.small.worker_logs", "s3://acme-logs/runners", "write among the logs"),
        ("pools.general.git_cache", True, "read the Git objects of every organization"),
    ],
)
def test_what_organizations_would_share_is_refused_with_the_reason_and_allowed_for_one(
    path: str, value: object, why: str
) -> None:
    fault = only_fault((path, value))
    assert fault.path == path
    assert why in fault.message
    assert "exactly one organization" in fault.message
    assert faults_of(example_with(ONE, (path, value))) == []


def test_a_pool_of_privileged_hosts_takes_no_other_profile() -> None:
    """Its hosts map no user ids: there, root in a nested container would be root on the host."""
    for docker in ("none", "nested"):
        fault = only_fault(("profiles.odd", profile_like_docker(docker=docker)))
        assert fault.path == "profiles.odd.pool"
        assert "privileged Docker ('docker')" in fault.message
    assert faults_of(example_with(("profiles.odd", profile_like_docker(docker="privileged")))) == []


def test_privileged_docker_has_no_range_of_user_ids() -> None:
    fault = only_fault(("pools.alone.uid_ranges", "per-container"))
    assert fault.path == "pools.alone.uid_ranges"
    assert "map no user ids" in fault.message


def test_kvm_needs_a_host_of_its_own() -> None:
    assert only_fault(("profiles.small.kvm", True)).path == "profiles.small.kvm"
    assert faults_of(example_with(("profiles.docker.kvm", True))) == []


def test_bottlerocket_takes_only_jobs_that_are_alone_on_their_host() -> None:
    found = faults_of(example_with(ONE, ("pools.general.operating_system", "bottlerocket")))
    assert paths(found) == {
        "profiles.small.isolation",
        "profiles.medium.isolation",
        "profiles.large.isolation",
        "pools.general.stopped_instances",
    }
    alone = [("pools.alone.operating_system", "bottlerocket"), ("pools.alone.stopped_instances", 0)]
    assert faults_of(example_with(*alone)) == []
    fault = only_fault(*alone, ("profiles.docker.docker", "nested"))
    assert fault.path == "profiles.docker.docker"


@pytest.mark.parametrize(
    ("key", "value"), [("uid_ranges", "per-container"), ("git_cache", True), ("disk_quota", "50GiB")]
)
def test_bottlerocket_does_nothing_that_needs_a_script_on_the_host(key: str, value: object) -> None:
    fault = only_fault(
        ONE,
        ("pools.alone.operating_system", "bottlerocket"),
        ("pools.alone.stopped_instances", 0),
        ("profiles.docker.docker", "none"),
        (f"pools.alone.{key}", value),
    )
    assert fault.path == f"pools.alone.{key}"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("pools.general.registry_mirror", "http://mirror.example"),
        ("pools.general.registry_mirror", "https://mirror.example/"),
        ("profiles.docker.worker_logs", "https://bucket/prefix"),
        ("profiles.docker.worker_logs", "s3://bucket/"),
        ("profiles.docker.worker_logs", "s3://acme.logs/runners"),
        ("pools.general.disk_quota", "512MiB"),
        ("pools.general.disk_quota", 50),
        ("pools.general.operating_system", "ubuntu"),
        ("pools.general.security_groups", [f"sg-0a1b2c3d4e5f6000{number}" for number in range(6)]),
    ],
)
def test_values_out_of_form_are_faults_at_their_place(path: str, value: object) -> None:
    assert only_fault(ONE, (path, value)).path == path


def paths(found: list[LocatedFault]) -> set[str]:
    return {fault.path for fault in found}
