"""The list of attacks, with exactly the settings that ship: each must be refused, by the error named here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.containers.host import attacks
from tests.containers.host.shapes import Job

SOURCE = Path(attacks.__file__).read_text("utf-8")
# What refuses is the kernel, in words that differ between its versions and builds.
REFUSED = {"EPERM", "EACCES", "ENOENT", "EROFS", "ENODEV", "EINVAL", "ESTALE", "ENOTBLK", "EBUSY"}
# Where a guard of ours refuses, it is by this error and no other.
BY_OUR_GUARDS = {
    **dict.fromkeys(("add_key", "join_keyring", "request_key"), "ENOSYS"),  # seccomp.json
    **dict.fromkeys(
        ("make_bpf_map", "measure_every_process", "measure_tracepoints"), "EPERM"
    ),  # seccomp.json
    **dict.fromkeys(("set_quota", "watch_all_files", "io_uring"), "EPERM"),  # seccomp.json, sysctl.conf
    **dict.fromkeys(
        ("write_user_max_inotify_instances", "write_user_max_user_namespaces"), "EACCES"
    ),  # containers.py
}
# Root of the host would get another error, if any: only this one shows that the job lacks the right.
FOR_LACK_OF_RIGHTS = {
    "load_module",
    "unload_module",
    "open_host_root_by_handle",
    "set_time",
    "swap_on",
    "account_processes",
}
IMAGES = {f"mount_{kind}_image": kind for kind in ("ext4", "xfs", "btrfs", "squashfs")}


@pytest.fixture(scope="module")
def outcomes(nested: Job) -> dict[str, str]:
    """Every attack, tried once in the job with Docker, which has the most to attack with."""
    found: dict[str, str] = json.loads(nested.python(SOURCE).stdout)
    return found


@pytest.mark.parametrize("attack", sorted(attacks.ATTACKS))
def test_attack_list_all_refused(attack: str, outcomes: dict[str, str]) -> None:
    assert outcomes[attack] in expected(attack)


def expected(attack: str) -> set[str]:
    if attack in BY_OUR_GUARDS:
        return {BY_OUR_GUARDS[attack]}
    if attack in IMAGES and IMAGES[attack] not in Path("/proc/filesystems").read_text("utf-8").split():
        return {"ENODEV"}  # nobody could mount one here
    return {"EPERM"} if attack in FOR_LACK_OF_RIGHTS or attack in IMAGES else REFUSED
