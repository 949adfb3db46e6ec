#!/usr/bin/python3
"""Looks at every guard of this host, prints what is missing, and then fails: the agent does not start."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import containers
import daemon_settings
import host
import stopped_tier

HERE = Path(__file__).resolve().parent
AGENT_SETTINGS = Path("/etc/ecs/ecs.config")
EXEC_BINARIES = Path("/var/lib/ecs/deps/execute-command/bin")
CLEAN_SYSFS = "/run/nested/sys"
DATA_ROOT = "/var/lib/docker"

Settings = dict[str, str]


def main() -> int:
    settings = host.settings()
    failed = {
        name: reason for name, check in CHECKS.items() if (reason := outcome(check, settings)) is not None
    }
    for name, reason in failed.items():
        print(f"slipway: preflight: {name}: {reason}", flush=True)
    return 1 if failed else 0


def outcome(check: Callable[[Settings], str | None], settings: Settings) -> str | None:
    """Return why a guard fails; one that cannot be looked at fails as well."""
    try:
        return check(settings)
    except (OSError, ValueError, KeyError, subprocess.CalledProcessError) as error:
        return f"cannot be looked at: {error}"


def remapped(settings: Settings) -> str | None:
    """Docker remaps container root (not in a pool of privileged tasks)."""
    is_remapped = any(option.startswith("name=userns") for option in security_options())
    if is_remapped != (settings["SLIPWAY_DOCKER"] != "privileged"):
        return "Docker's userns-remap is not as the pool needs it: did Docker start before daemon.json was there?"
    return None


def privileged_alone(settings: Settings) -> str | None:
    """Privileged tasks have hosts of their own."""
    if settings["SLIPWAY_DOCKER"] == "privileged" and settings["SLIPWAY_ISOLATION"] != "instance":
        return "docker: privileged needs isolation: instance"
    return None


def seccomp(settings: Settings) -> str | None:
    """Docker uses our profile."""
    if settings["SLIPWAY_DOCKER"] == "privileged":
        return None
    expected = f"name=seccomp,profile={HERE / 'seccomp.json'}"
    return None if expected in security_options() else "Docker does not use seccomp.json"


def keyrings(settings: Settings) -> str | None:
    """Keyring calls answer ENOSYS, in whatever container."""
    if settings["SLIPWAY_DOCKER"] == "privileged":
        return None
    rules = json.loads((HERE / "seccomp.json").read_text("utf-8"))["syscalls"]
    for call in ("add_key", "keyctl", "request_key"):
        answers = [rule for rule in rules if call in rule["names"]]
        if [(rule["action"], rule.get("errnoRet")) for rule in answers] != [("SCMP_ACT_ERRNO", 38)]:
            return f"seccomp.json does not answer {call} with ENOSYS"
    return None


def docker_settings(settings: Settings) -> str | None:
    """daemon.json is what configure.sh writes, and Docker runs by it."""
    told = json.loads(Path("/etc/docker/daemon.json").read_text("utf-8"))
    if told != daemon_settings.daemon_settings(settings, HERE):
        return "daemon.json is not as configure.sh wrote it"
    info = host.docker_json("/info")
    found = (info["Driver"], info["CgroupDriver"], info["CgroupVersion"], info["DefaultRuntime"])
    expected = ("overlay2", "systemd", "2", told.get("default-runtime", "runc"))
    if found != expected:
        return f"Docker runs with {found}, not {expected}"
    return None


def neighbours_apart(_: Settings) -> str | None:
    """docker0 forwards nothing between containers."""
    bridge = host.docker_json("/networks/bridge")["Options"]
    if bridge.get("com.docker.network.bridge.enable_icc") != "false":
        return "containers reach each other on docker0 (icc)"
    return None


def firewall(settings: Settings) -> str | None:
    """The rules of guards.nft stand, as raise_guards.sh loads them and the kernel itself words them."""
    is_alone = settings["SLIPWAY_DOCKER"] == "privileged"
    load = 'nft --file "$0"' + (" && nft flush chain bridge slipway neighbours" if is_alone else "")
    fresh = ["unshare", "--net", "sh", "-c", f"{load} && nft --stateless --terse list ruleset"]
    wanted = shown([*fresh, str(HERE / "guards.nft")])
    found = "".join(
        shown(["nft", "--stateless", "--terse", "list", "table", family, "slipway"])
        for family in ("inet", "bridge")
    )
    return None if found == wanted else "the tables slipway are not those of guards.nft"


def spoof_guard(_: Settings) -> str | None:
    """containers.py runs: it alone lets a container speak, and writes its ceilings."""
    with containers.LOCK.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
    return "containers.py does not run"


def kernel_settings(_: Settings) -> str | None:
    """The kernel's settings are those of sysctl.conf or stricter; where a kernel lacks one, it lacks what it guards."""
    for line in (HERE / "sysctl.conf").read_text("utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, _, wanted = (word.strip() for word in line.partition("="))
        setting = Path("/proc/sys", *name.split("."))
        found = setting.read_text("utf-8").strip() if setting.exists() else wanted
        is_shut_for_good = name == "kernel.unprivileged_bpf_disabled" and found == "1"
        if int(found) < int(wanted) and not is_shut_for_good:
            return f"{name} is {found}, below {wanted}"
    return None


def clean_sysfs(settings: Settings) -> str | None:
    """The sysfs for inner containers is mounted, and nothing of it can be written."""
    if settings["SLIPWAY_DOCKER"] != "nested":
        return None
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text("utf-8").splitlines()]
    if not any(mount[1] == CLEAN_SYSFS and mount[2] == "sysfs" for mount in mounts):
        return f"no sysfs at {CLEAN_SYSFS}"
    return None


def agent_settings(settings: Settings) -> str | None:
    """The agent is told its pool, its limits, and on shared hosts to take no privileged task."""
    lines = AGENT_SETTINGS.read_text("utf-8").splitlines()
    wanted = [
        f"ECS_CLUSTER={settings['SLIPWAY_CLUSTER']}",
        f"ECS_TASK_PIDS_LIMIT={int(settings['SLIPWAY_TASK_PIDS_LIMIT'])}",
        f"ECS_DISABLE_PRIVILEGED={'false' if settings['SLIPWAY_DOCKER'] == 'privileged' else 'true'}",
        "ECS_AWSVPC_BLOCK_IMDS=true",
    ]
    missing = [line for line in wanted if line not in lines]
    return f"ecs.config lacks {', '.join(missing)}" if missing else None


def no_exec(_: Settings) -> str | None:
    """ECS Exec is off."""
    return f"{EXEC_BINARIES} exists, so the agent offers ECS Exec" if EXEC_BINARIES.exists() else None


def disk_quota(settings: Settings) -> str | None:
    """Docker's folder has project quotas, where the pool asks for a limit per container."""
    if not int(settings.get("SLIPWAY_DISK_QUOTA_GIB", "0")):
        return None
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text("utf-8").splitlines()]
    ours = [mount for mount in mounts if mount[1] == DATA_ROOT]
    if not ours or ours[-1][2] != "xfs" or "prjquota" not in ours[-1][3].split(","):
        return f"{DATA_ROOT} is no XFS with project quotas"
    return None


def tier(_: Settings) -> str | None:
    """Whether this is a host of the stopped tier is settled."""
    return None if stopped_tier.SETTLED.exists() else "stopped_tier.py has not let this host go on"


def security_options() -> list[str]:
    options: list[str] = host.docker_json("/info")["SecurityOptions"]
    return options


def shown(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


GUARDS: list[Any] = [
    remapped,
    privileged_alone,
    seccomp,
    keyrings,
    docker_settings,
    neighbours_apart,
    firewall,
    spoof_guard,
    kernel_settings,
    clean_sysfs,
    agent_settings,
    no_exec,
    disk_quota,
    tier,
]
CHECKS: dict[str, Callable[[Settings], str | None]] = {guard.__name__: guard for guard in GUARDS}

if __name__ == "__main__":
    sys.exit(main())
