"""The preflight fails by name when any one guard is gone, and then the agent does not start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from local.containers.imitated_host import ImitatedHost, booted
from local.containers.podman import Podman
from tests.containers.host.conftest import NESTED_POOL, look_when_asked

# Docker is slow to restart, so its guards go in one go: each is still looked at, and named, for itself.
OF_DOCKER = {
    "remapped": 'told.pop("userns-remap")',
    "seccomp": 'told.pop("seccomp-profile")',
    "docker_settings": 'told["userland-proxy"] = True',
    "neighbours_apart": 'told["icc"] = True',
}
EDIT_DAEMON = (
    'python3 -c \'import json; p = "/etc/docker/daemon.json"; told = json.load(open(p)); {edits};'
    ' json.dump(told, open(p, "w"))\''
).format(edits="; ".join(OF_DOCKER.values()))
MEND_DAEMON = "/opt/slipway/daemon_settings.py >/etc/docker/daemon.json"
RESTART = "systemctl reset-failed docker; systemctl restart docker"
FORGET_KEYRINGS = (
    'cp {p} /run/kept && python3 -c \'import json; p = "{p}"; profile = json.load(open(p)); profile["syscalls"].pop();'
    ' json.dump(profile, open(p, "w"))\''
).format(p="/opt/slipway/seccomp.json")


@dataclass(frozen=True, slots=True)
class Removal:
    """How a guard is taken away, and given back."""

    remove: str
    mend: str


def of_setting(name: str, value: str, before: str) -> Removal:
    edit = "sed -i 's/^{}=.*/{}={}/' /etc/slipway/host.env"
    return Removal(edit.format(name, name, value), edit.format(name, name, before))


REMOVALS = {
    "privileged_alone": of_setting("SLIPWAY_DOCKER", "privileged", "nested"),
    "keyrings": Removal(FORGET_KEYRINGS, "cp /run/kept /opt/slipway/seccomp.json"),
    "firewall": Removal("nft flush chain bridge slipway neighbours", "/opt/slipway/raise_guards.sh"),
    "spoof_guard": Removal("systemctl stop slipway-containers", "systemctl start slipway-containers"),
    # What is wanted moves, not the setting: the kernel is the machine's, and another test's host may put it right meanwhile.
    "kernel_settings": Removal(
        "sed -i '/^kernel.dmesg_restrict/s/1$/2/' /opt/slipway/sysctl.conf",
        "sed -i '/^kernel.dmesg_restrict/s/2$/1/' /opt/slipway/sysctl.conf",
    ),
    "clean_sysfs": Removal("umount /run/nested/sys", "/opt/slipway/raise_guards.sh"),
    "agent_settings": Removal(
        "sed -i s/^ECS_TASK_PIDS_LIMIT/NOTHING/ /etc/ecs/ecs.config",
        "sed -i s/^NOTHING/ECS_TASK_PIDS_LIMIT/ /etc/ecs/ecs.config",
    ),
    "no_exec": Removal(
        "mkdir -p /var/lib/ecs/deps/execute-command/bin", "rmdir /var/lib/ecs/deps/execute-command/bin"
    ),
    "disk_quota": of_setting("SLIPWAY_DISK_QUOTA_GIB", "10", "0"),
    "tier": Removal("rm /run/slipway/tier-settled", "touch /run/slipway/tier-settled"),
}
UNTIL_WELL = "for i in $(seq 50); do /opt/slipway/preflight.py && exit 0; sleep 0.1; done; exit 1"


@pytest.fixture(scope="module")
def own_host(podman: Podman, image: str) -> Iterator[ImitatedHost]:
    with booted(podman, NESTED_POOL) as host:
        look_when_asked(host)
        yield host


def test_every_guard_has_its_removal(own_host: ImitatedHost) -> None:
    names = own_host.run(
        "python3",
        "-c",
        "import sys; sys.path[0] = '/opt/slipway'; import preflight; print(*preflight.CHECKS)",
    )
    assert set(names.stdout.split()) == {*REMOVALS, *OF_DOCKER}


@pytest.fixture(scope="module")
def looked_without_docker_settings(own_host: ImitatedHost) -> str:
    """What the preflight says when Docker runs without all of OF_DOCKER."""
    own_host.run("sh", "-c", f"{EDIT_DAEMON} && {RESTART}")
    looked = own_host.run("/opt/slipway/preflight.py", check=False).stdout
    own_host.run("sh", "-c", f"{MEND_DAEMON} && {RESTART}")
    well = own_host.run("sh", "-c", UNTIL_WELL, check=False)
    assert well.returncode == 0, well.stdout
    return looked


@pytest.mark.parametrize("guard", OF_DOCKER)
def test_preflight_fails_by_name_when_docker_runs_without(
    guard: str, looked_without_docker_settings: str
) -> None:
    assert f"slipway: preflight: {guard}: " in looked_without_docker_settings


@pytest.mark.parametrize("guard", REMOVALS)
def test_preflight_fails_by_name_without(guard: str, own_host: ImitatedHost) -> None:
    own_host.run("sh", "-c", REMOVALS[guard].remove)
    try:
        looked = own_host.run("/opt/slipway/preflight.py", check=False)
    finally:
        own_host.run("sh", "-c", REMOVALS[guard].mend)
    assert looked.returncode == 1
    assert f"slipway: preflight: {guard}: " in looked.stdout
    well = own_host.run("sh", "-c", UNTIL_WELL, check=False)
    assert well.returncode == 0, well.stdout


def test_the_agent_never_starts_on_a_host_that_fails_and_says_why(own_host: ImitatedHost) -> None:
    own_host.run("systemctl", "stop", "ecs")
    own_host.run("umount", "/run/nested/sys")
    refused = own_host.run("systemctl", "start", "ecs", check=False)
    said = own_host.run("journalctl", "--unit=ecs", "--no-pager", "--lines=20").stdout
    own_host.run("systemctl", "stop", "ecs")
    own_host.run("/opt/slipway/raise_guards.sh")
    own_host.run("systemctl", "start", "ecs")
    assert refused.returncode != 0
    assert "slipway: preflight: clean_sysfs: no sysfs at /run/nested/sys" in said


def test_a_running_host_that_loses_a_guard_takes_no_more_tasks(own_host: ImitatedHost) -> None:
    own_host.run("systemctl", "start", "ecs")
    own_host.run("nft", "delete", "table", "inet", "slipway")
    own_host.run("systemctl", "start", "slipway-recheck")  # the timer does it every minute
    stopped = own_host.run("systemctl", "is-active", "ecs", check=False).stdout.strip()
    own_host.run("/opt/slipway/raise_guards.sh")
    own_host.run("systemctl", "start", "ecs")
    assert stopped == "inactive"


def test_one_look_that_fails_does_not_stop_the_agent(own_host: ImitatedHost) -> None:
    own_host.run("systemctl", "start", "ecs")
    blip = "nft delete table inet slipway; systemctl start --no-block slipway-recheck; sleep 2; /opt/slipway/raise_guards.sh"
    own_host.run("sh", "-c", blip)
    own_host.run("systemctl", "start", "slipway-recheck")  # returns when the look that is under way has ended
    assert own_host.run("systemctl", "is-active", "ecs", check=False).stdout == "active\n"


def test_a_host_that_cannot_be_configured_has_the_guards_of_the_agent_first(own_host: ImitatedHost) -> None:
    drop_ins = [f"/etc/systemd/system/{unit}.service.d/slipway.conf" for unit in ("docker", "ecs")]
    own_host.run("rm", *drop_ins)
    own_host.run("sed", "-i", "s/^SLIPWAY_DOCKER/NOTHING/", "/etc/slipway/host.env")
    try:
        failed = own_host.run("/opt/slipway/configure.sh", check=False)
    finally:
        own_host.run("sed", "-i", "s/^NOTHING/SLIPWAY_DOCKER/", "/etc/slipway/host.env")
    assert failed.returncode != 0
    assert "slipway: configure.sh failed" in failed.stderr
    assert own_host.run("ls", *drop_ins).stdout.split() == drop_ins


def test_a_stricter_kernel_setting_is_kept_and_passes(own_host: ImitatedHost) -> None:
    own_host.run("sh", "-c", "echo 2 >/proc/sys/kernel/kptr_restrict")
    own_host.run("/opt/slipway/raise_guards.sh")
    kept = own_host.run("cat", "/proc/sys/kernel/kptr_restrict").stdout
    looked = own_host.run("/opt/slipway/preflight.py", check=False).stdout
    own_host.run("sh", "-c", "echo 1 >/proc/sys/kernel/kptr_restrict")
    assert (kept, "kernel_settings" in looked) == ("2\n", False)


def test_the_rules_hold_although_ecs_init_lets_docker0_in(own_host: ImitatedHost) -> None:
    own_host.run("systemctl", "restart", "ecs")
    assert "51678 -j ACCEPT" in own_host.run("iptables", "-S", "INPUT").stdout
    assert own_host.run("/opt/slipway/preflight.py").stdout == ""
