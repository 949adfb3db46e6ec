"""The four ways in which jobs of one host reached each other: each shown open with its guard removed, then closed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.containers.imitated_host import ImitatedHost
from tests.containers.host.shapes import NESTED, NONE, Job, job

# Looks for keys of others, as root of the container, with /proc unmasked: prints what it can read.
READS_KEYS = """
import ctypes, json, subprocess
libc = ctypes.CDLL(None, use_errno=True)
subprocess.run("umount /proc/keys", shell=True, stderr=subprocess.DEVNULL)
found = []
for line in open("/proc/keys").read().splitlines():
    number = int(line.split()[0], 16)
    libc.syscall(250, 8, number, -2)  # KEYCTL_LINK into the own process keyring
    room = ctypes.create_string_buffer(4096)
    length = libc.syscall(250, 11, number, room, 4096)  # KEYCTL_READ
    if length > 0:
        found.append(room.raw[:length].decode("latin-1"))
print(json.dumps(found))
"""
# Holds a key with a secret in the session keyring that the runtime made, which all may search, as runc leaves it.
KEEPS_A_KEY = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
number = libc.syscall(248, b"user", b"token", b"the-neighbours-secret", 21, -3)
libc.syscall(250, 5, number, 0x3f3f3f3f)  # KEYCTL_SETPERM
print(number, flush=True)
"""
FILLS_THE_KEY_QUOTA = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
made = 0
while libc.syscall(248, b"user", b"k%d" % made, b"x" * 64, 64, -3) > 0: made += 1
print(made, ctypes.get_errno(), flush=True)
"""
# Keys live as long as a process of their session.
STAYS = "import time; time.sleep(60)"
TAKES_INOTIFY = """
import ctypes, json
libc = ctypes.CDLL(None, use_errno=True)
taken = 0
while taken < 2000 and libc.inotify_init() >= 0: taken += 1
print(taken, flush=True)
"""


@pytest.fixture(scope="module")
def without_keyring_guard(host: ImitatedHost) -> str:
    """A seccomp profile as Docker would take it: ours without the rule on keyrings, and with keyrings allowed."""
    profile = json.loads((Path(__file__).parents[3] / "infra/hosts/seccomp.json").read_text("utf-8"))
    profile["syscalls"] = [rule for rule in profile["syscalls"] if "keyctl" not in rule["names"]]
    profile["syscalls"].append({"names": ["add_key", "keyctl", "request_key"], "action": "SCMP_ACT_ALLOW"})
    host.run("sh", "-c", "cat >/run/open.json", given=json.dumps(profile))
    return "--security-opt=seccomp=/run/open.json"


@pytest.fixture
def few_keys(host: ImitatedHost, kernel_alone: None) -> Iterator[None]:
    """The kernel's own limit of keys, instead of the hundredfold that the host sets: exhausted in no time."""
    host.run("sh", "-c", "echo 200 >/proc/sys/kernel/keys/maxkeys")
    yield
    host.run("sh", "-c", "echo 20000 >/proc/sys/kernel/keys/maxkeys")


def held(running: Job, source: str) -> str:
    """Run Python in a job and leave it running there; return its first line."""
    running.host.docker(
        *("exec", "--detach", "--user=0", running.container_id, "sh", "-c"),
        *('python3 -c "$0" >/tmp/said 2>&1', f"{source}\n{STAYS}"),
    )
    said = f"/proc/{running.pid}/root/tmp/said"  # from outside: where keys are exhausted, nothing else starts inside
    return running.host.run("sh", "-c", f"until grep -q . {said}; do sleep 0.05; done; head -1 {said}").stdout


def keys_read_by_a_neighbour(host: ImitatedHost, image: str, flags: list[str]) -> str:
    with job(host, image, flags) as victim, job(host, image, flags) as thief:
        held(victim, KEEPS_A_KEY)
        return thief.python(READS_KEYS, check=False).stdout


def test_without_the_guard_a_neighbour_reads_a_key(
    host: ImitatedHost, image: str, without_keyring_guard: str
) -> None:
    assert "the-neighbours-secret" in keys_read_by_a_neighbour(host, image, [*NESTED, without_keyring_guard])


def test_neighbour_key_and_keyring_unreachable(host: ImitatedHost, image: str) -> None:
    with job(host, image, NESTED) as victim, job(host, image, NESTED) as thief:
        assert held(victim, KEEPS_A_KEY) == "-1\n"  # nobody has a keyring at all
        assert thief.python(READS_KEYS).stdout == "[]\n"


def test_without_the_guard_a_full_key_quota_keeps_neighbours_from_starting(
    host: ImitatedHost, image: str, without_keyring_guard: str, few_keys: None
) -> None:
    with job(host, image, [*NESTED, without_keyring_guard]) as greedy:
        assert held(greedy, FILLS_THE_KEY_QUOTA).endswith(" 122\n")  # EDQUOT
        started = host.docker("run", "--rm", *NESTED, "--entrypoint=true", image, check=False)
    assert started.returncode != 0
    assert "quota" in started.stderr


def test_neighbour_starts_when_keys_and_inotify_exhausted(
    host: ImitatedHost, image: str, few_keys: None
) -> None:
    with job(host, image, NESTED) as greedy:
        assert greedy.python(FILLS_THE_KEY_QUOTA).stdout == "0 38\n"  # ENOSYS
        taken = held(greedy, TAKES_INOTIFY)
        with job(host, image, NONE) as neighbour:
            left = inotify_of(neighbour)
    assert taken == "512\n"
    assert left == 512


def test_without_the_ceiling_inotify_is_gone_for_the_neighbour(
    host: ImitatedHost, image: str, kernel_alone: None
) -> None:
    """The kernel's default of 128 for all containers together, and no ceiling for each."""
    with job(host, image, NESTED) as greedy, job(host, image, NONE) as neighbour:
        for pid in (greedy.pid, neighbour.pid):
            host.run(
                "nsenter", "-t", str(pid), "-U", "sh", "-c", "echo 9999 >/proc/sys/user/max_inotify_instances"
            )
        host.run("sh", "-c", "echo 128 >/proc/sys/fs/inotify/max_user_instances")
        try:
            held(greedy, TAKES_INOTIFY)
            left = inotify_of(neighbour)
        finally:
            host.run("sh", "-c", "echo 65536 >/proc/sys/fs/inotify/max_user_instances")
    assert left < 10


def inotify_of(neighbour: Job) -> int:
    said = neighbour.run("python3", "-c", TAKES_INOTIFY, user="1001")
    return int(said.stdout)


def test_a_ceiling_cannot_be_raised_from_inside(host: ImitatedHost, image: str) -> None:
    with job(host, image, NESTED) as greedy:
        raised = greedy.shell("echo 9999 >/proc/sys/user/max_inotify_instances", user="0", check=False)
        assert raised.returncode != 0
        assert greedy.run("cat", "/proc/sys/user/max_inotify_instances").stdout == "512\n"
