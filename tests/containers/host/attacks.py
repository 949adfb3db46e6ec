"""What a hostile job tries as root of its nested container. Runs in the container: standard library, no arguments.

Prints one JSON object: the attack's name, and "allowed", or the error that refused it. The same file tells the tests
which attacks there are.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import platform
import resource
import stat
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

ARM = platform.machine() == "aarch64"
# Numbers of calls that Python has no word for: x86-64, arm64.
CALLS = {
    "init_module": (175, 105),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "iopl": (172, 9999),
    "settimeofday": (164, 170),
    "swapon": (167, 224),
    "acct": (163, 89),
    "syslog": (103, 116),
    "reboot": (169, 142),
    "quotactl": (179, 60),
    "fanotify_init": (300, 262),
    "open_by_handle_at": (304, 265),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "add_key": (248, 217),
    "keyctl": (250, 219),
    "request_key": (249, 218),
}
libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: object) -> int:
    ctypes.set_errno(0)
    answer: int = libc.syscall(CALLS[name][ARM], *arguments)
    if answer < 0:
        raise OSError(ctypes.get_errno(), name)
    return answer


def mount(source: str, kind: str, flags: int = 0, data: str = "", target: str = "/tmp/attacked") -> None:
    os.makedirs(target, exist_ok=True)
    if libc.mount(source.encode(), target.encode(), kind.encode(), flags, data.encode()) < 0:
        raise OSError(ctypes.get_errno(), kind)


def write(path: str, text: str = "1") -> None:
    with open(path, "w") as file:
        file.write(text)


def read(path: str) -> None:
    with open(path, "rb") as file:
        file.read(1)


def device(kind: int, major: int, minor: int) -> None:
    path = f"/tmp/device-{kind}-{major}-{minor}"
    os.mknod(path, kind | 0o600, os.makedev(major, minor))
    read(path)


def mount_image(kind: str) -> None:
    with open("/tmp/image", "wb") as image:
        image.truncate(1 << 20)
    mount("/tmp/image", kind)


def other_subtree() -> None:
    """A fresh cgroup2 mount that shows more than the container's own subtree."""
    mount("cgroup2", "cgroup2", target="/tmp/cgroups")
    if not any(Path("/tmp/cgroups").glob("*.slice")):
        raise OSError(errno.ENOENT, "own subtree only")


def release_agent() -> None:
    mount("cgroup", "cgroup", data="rdma")
    write("/tmp/attacked/release_agent", "/tmp/x")


def host_root_by_handle() -> None:
    """ "Shocker": the root directory of the host's file system, by its handle, through a file that is mounted in."""
    mount_fd = os.open("/etc/hostname", os.O_RDONLY)
    handle = struct.pack("=IiII", 8, 1, 2, 0)
    call("open_by_handle_at", mount_fd, ctypes.create_string_buffer(handle), os.O_RDONLY)


def account_processes() -> None:
    with open("/tmp/account", "wb"):
        call("acct", b"/tmp/account")  # root's would begin: the file is there


def set_time() -> None:
    """To what it is, since where nothing refuses this the machine's clock is set."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    call("settimeofday", struct.pack("=qq", seconds, nanoseconds // 1_000), None)


def bpf_map() -> None:
    attributes = struct.pack("=IIIII", 1, 4, 4, 1, 0)
    call("bpf", 0, ctypes.create_string_buffer(attributes, 128), len(attributes))


def perf(kind: int, pid: int, cpu: int) -> None:
    attributes = struct.pack("=IIQ", kind, 112, 0)
    call("perf_event_open", ctypes.create_string_buffer(attributes, 112), pid, cpu, -1, 0)


def raise_open_files() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard + 1, hard + 1))
    except ValueError as refused:  # Python's word for EPERM here
        raise OSError(errno.EPERM, str(refused)) from refused


def clean_sysfs_written() -> None:
    """A file of the sysfs for inner containers that opens for writing."""
    for folder, _, files in os.walk("/run/nested/sys"):
        for name in files:
            path = os.path.join(folder, name)
            try:
                os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
            except OSError:
                continue
            return
    raise OSError(errno.EACCES, "none")


def sysfs_remounted() -> None:
    mount("sysfs", "sysfs", 32, target="/sys")  # MS_REMOUNT, writable
    write("/sys/kernel/mm/transparent_hugepage/enabled", "never")


def sees(path: str) -> None:
    if not os.path.exists(path):
        raise OSError(errno.ENOENT, path)


def host_processes() -> None:
    names = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):  # one that has ended since
            names.add(Path(f"/proc/{pid}/comm").read_text().strip())
    if "containers.py" not in names and "systemd" not in names:
        raise OSError(errno.ENOENT, "own processes only")


def of_table() -> dict[str, Callable[[], object]]:
    table: dict[str, Callable[[], object]] = {}
    for name, kind, major, minor in (
        ("disk_device", stat.S_IFBLK, 8, 0),
        ("virtual_disk_device", stat.S_IFBLK, 254, 0),
        ("memory_device", stat.S_IFCHR, 1, 1),
        ("fuse_device", stat.S_IFCHR, 10, 229),
    ):
        table[f"make_{name}"] = lambda k=kind, a=major, i=minor: device(k, a, i)  # type: ignore[misc]
    for path in ("/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/vda", "/dev/nvme0n1", "/dev/kvm", "/dev/fuse"):
        table[f"read{path.replace('/', '_')}"] = lambda p=path: read(p)  # type: ignore[misc]
    for kind_name in ("ext4", "xfs", "btrfs", "squashfs"):
        table[f"mount_{kind_name}_image"] = lambda k=kind_name: mount_image(k)  # type: ignore[misc]
    for kind_name in (
        "debugfs",
        "tracefs",
        "securityfs",
        "bpf",
        "devtmpfs",
        "pstore",
        "configfs",
        "hugetlbfs",
    ):
        table[f"mount_{kind_name}"] = lambda k=kind_name: mount("none", k)  # type: ignore[misc]
    for setting in (
        *(
            "kernel/core_pattern",
            "vm/drop_caches",
            "kernel/panic",
            "fs/file-max",
            "kernel/randomize_va_space",
        ),
        *("kernel/keys/maxkeys", "kernel/unprivileged_bpf_disabled", "kernel/perf_event_paranoid"),
        *("fs/inotify/max_user_instances", "vm/overcommit_memory", "net/core/rmem_max", "kernel/modprobe"),
        *("user/max_inotify_instances", "user/max_user_namespaces"),
    ):
        table[f"write_{setting.replace('/', '_').replace('-', '_')}"] = lambda s=setting: write(
            f"/proc/sys/{s}"
        )  # type: ignore[misc]
    for path in ("/proc/kcore", "/proc/kmsg", "/proc/slabinfo"):
        table[f"read{path.replace('/', '_')}"] = lambda p=path: read(p)  # type: ignore[misc]
    for path in (
        *("/proc/sysrq-trigger", "/sys/kernel/uevent_helper", "/sys/power/state"),
        *("/sys/devices/system/cpu/cpu1/online", "/sys/fs/cgroup/cgroup.max.descendants"),
        *("/sys/fs/cgroup/cgroup.freeze", "/sys/fs/cgroup/cgroup.kill"),
    ):
        name = path.strip("/").replace("/", "_").replace(".", "_").replace("-", "_")
        table[f"write_{name}"] = lambda p=path: write(p, "1")  # type: ignore[misc]
    table |= {
        "mount_old_cgroup_and_set_release_agent": release_agent,
        "mount_cgroup2_and_see_others": other_subtree,
        "remount_sysfs_writable": sysfs_remounted,
        "write_clean_sysfs": clean_sysfs_written,
        "open_host_root_by_handle": host_root_by_handle,
        "load_module": lambda: call("init_module", b"", 0, b""),
        "unload_module": lambda: call("delete_module", b"overlay", 0),
        "load_kernel": lambda: call("kexec_load", 0, 0, 0, 0),
        "get_ports": lambda: call("iopl", 3),
        "set_time": set_time,
        "swap_on": lambda: call("swapon", b"/tmp/image", 0),
        "account_processes": account_processes,
        "read_kernel_log": lambda: call("syslog", 3, ctypes.create_string_buffer(64), 64),
        "reboot": lambda: call("reboot", 0xFEE1DEAD, 672274793, 0x89ABCDEF, 0),  # only "Ctrl-Alt-Del off"
        "set_quota": lambda: call("quotactl", 0x80000200, b"/dev/root", 0, 0),
        "watch_all_files": lambda: call("fanotify_init", 0, 0),
        "make_bpf_map": bpf_map,
        "measure_every_process": lambda: perf(1, -1, 0),
        "measure_tracepoints": lambda: perf(2, 0, -1),
        "userfaultfd": lambda: call("userfaultfd", 0),
        "io_uring": lambda: call("io_uring_setup", 1, ctypes.create_string_buffer(256)),
        "add_key": lambda: call("add_key", b"user", b"name", b"secret", 6, -2),
        "join_keyring": lambda: call("keyctl", 1, b"joined"),
        "request_key": lambda: call("request_key", b"user", b"name", None, -2),
        "raise_open_files": raise_open_files,
        "outrun_neighbours": lambda: os.setpriority(os.PRIO_PROCESS, 0, -20),
        "survive_out_of_memory": lambda: write("/proc/self/oom_score_adj", "-1000"),
        "see_host_processes": host_processes,
        "see_host_settings": lambda: sees("/proc/1/root/etc/slipway/host.env"),
        "see_host_agent": lambda: sees("/etc/ecs/ecs.config"),
        "see_other_containers": lambda: sees("/var/lib/docker/165536.165536"),
    }
    return table


ATTACKS = of_table()


def outcome(attack: Callable[[], object]) -> str:
    try:
        attack()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return "allowed"


if __name__ == "__main__":
    print(json.dumps({name: outcome(attack) for name, attack in ATTACKS.items()}))
