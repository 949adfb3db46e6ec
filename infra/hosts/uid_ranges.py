#!/usr/bin/python3 -SE
"""OCI runtime in front of runc: every container with a user namespace gets a range of host uids of its own.

Without it all containers of a host share Docker's one range, and the kernel takes their roots for the same user. On
``create`` the container's mappings are set to the range of a free slot, each read-only layer of its root and each file
or volume that Docker mounts into it is mounted once more, mapped by the kernel from Docker's range to the slot's, and
the root is an overlay of those under the container's own writable layer. On ``delete`` all that goes again.

A container without a user namespace (the ECS agent) goes to runc as it is; one that joins another's (awsvpc's pause)
keeps that one's range. Needs Linux 5.19, and 6.3 where /dev/shm is Docker's own tmpfs.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import shutil
import sys
import traceback
from pathlib import Path
from typing import Any

RUN = Path("/run/slipway-uids")
DOCKER = "/var/lib/docker/"
FIRST_UID, RANGE = 1 << 20, 65536
# Calls that C libraries of the day have no names for; the numbers are the same on every architecture.
OPEN_TREE, MOVE_MOUNT, MOUNT_SETATTR = 428, 429, 442
CLONE_NEWUSER, MNT_DETACH = 0x10000000, 2

libc = ctypes.CDLL(None, use_errno=True)


def main(arguments: list[str]) -> None:
    runc = shutil.which("runc") or "/usr/sbin/runc"
    if "create" in arguments:
        container_id = arguments[-1]
        try:
            create(Path(arguments[arguments.index("--bundle") + 1]) / "config.json", container_id)
        except Exception:  # noqa: BLE001 - a runtime that fails says so and leaves nothing behind
            traceback.print_exc()
            forget(container_id)
            sys.exit(1)
    if "delete" in arguments:
        code = os.spawnv(os.P_WAIT, runc, [runc, *arguments])
        forget(arguments[-1])
        sys.exit(code)
    os.execv(runc, [runc, *arguments])


def create(configuration: Path, container_id: str) -> None:
    container = json.loads(configuration.read_text("utf-8"))
    users = [namespace for namespace in container["linux"]["namespaces"] if namespace["type"] == "user"]
    if not users:
        return
    place = take_slot(container_id)
    on_disk = container["linux"]["uidMappings"][0]["hostID"]
    first = joined_range(users[0]["path"]) if users[0].get("path") else FIRST_UID + int(place.name) * RANGE
    for kind in ("uidMappings", "gidMappings"):
        container["linux"][kind] = [{"containerID": 0, "hostID": first, "size": RANGE}]
    mapping = namespace_of(on_disk, first)
    container["root"]["path"] = root_of(container["root"]["path"], place, first, mapping)
    for number, mount in enumerate(container["mounts"]):
        if mount["type"] == "bind" and mount["source"].startswith(DOCKER):
            mount["source"] = mapped(mount["source"], place / f"mount{number}", mapping)
    configuration.write_text(json.dumps(container), "utf-8")


def take_slot(container_id: str) -> Path:
    """Return the folder of the lowest free slot, now this container's. Slots are never of two containers at once."""
    RUN.mkdir(mode=0o711, exist_ok=True)
    with (RUN / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        number = next(number for number in range(1 << 14) if not (RUN / str(number)).exists())
        (RUN / str(number)).mkdir(mode=0o711)
        (RUN / f"of-{container_id}").symlink_to(str(number))
    return RUN / str(number)


def joined_range(namespace: str) -> int:
    """Return where the range of an existing namespace begins: ``/proc/PID/ns/user`` has its map beside it."""
    return int((Path(namespace).parents[1] / "uid_map").read_text("utf-8").split()[1])


def namespace_of(on_disk: int, first: int) -> int:
    """Return a user namespace, as a file descriptor, that maps Docker's range to another."""
    ready, made = os.pipe()
    done, over = os.pipe()
    child = os.fork()
    if not child:
        libc.unshare(CLONE_NEWUSER)
        os.write(made, b".")
        os.read(done, 1)
        os._exit(0)
    os.read(ready, 1)
    for kind in ("uid_map", "gid_map"):
        Path(f"/proc/{child}/{kind}").write_text(f"{on_disk} {first} {RANGE}", "utf-8")
    namespace = os.open(f"/proc/{child}/ns/user", os.O_RDONLY)
    os.write(over, b".")
    os.waitpid(child, 0)
    return namespace


def root_of(merged: str, place: Path, first: int, mapping: int) -> str:
    """Mount the container's root anew, of the layers that Docker made it of, and return where."""
    options = overlay_options(merged)
    layers = [
        mapped(os.path.realpath(layer), place / str(number), mapping)
        for number, layer in enumerate(options["lowerdir"].split(":"))
    ]
    # The writable layer is not mapped: it holds the container's real ids, and its top is the container's root's.
    upper, work = (os.path.realpath(options[kind]) for kind in ("upperdir", "workdir"))
    os.chown(upper, first, first)
    root = place / "root"
    root.mkdir()
    check(libc.umount2(merged.encode(), MNT_DETACH), merged)
    # Layers by short names, from their folder: a mount's options have 4,096 bytes for all of them.
    os.chdir(place)
    data = f"lowerdir={':'.join(os.path.basename(layer) for layer in layers)},upperdir={upper},workdir={work}"
    check(libc.mount(b"overlay", str(root).encode(), b"overlay", 0, data.encode()), "overlay")
    os.chdir("/")
    return str(root)


def overlay_options(merged: str) -> dict[str, str]:
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text("utf-8").splitlines()]
    options = [mount[3] for mount in mounts if mount[1] == merged][-1]
    return dict(option.partition("=")[::2] for option in options.split(","))


def mapped(source: str, target: Path, mapping: int) -> str:
    """Mount a file or folder once more with its owners mapped, and return where."""
    if os.path.isdir(source):
        target.mkdir()
    else:
        target.touch()
    # OPEN_TREE_CLONE and close on exec; MOUNT_ATTR_IDMAP by AT_EMPTY_PATH; MOVE_MOUNT_F_EMPTY_PATH.
    tree = check(libc.syscall(OPEN_TREE, -100, source.encode(), 0o2000001), source)
    attributes = (ctypes.c_uint64 * 4)(0x100000, 0, 0, mapping)
    check(libc.syscall(MOUNT_SETATTR, tree, b"", 0x1000, attributes, 32), source)
    check(libc.syscall(MOVE_MOUNT, tree, b"", -100, str(target).encode(), 4), source)
    os.close(tree)
    return str(target)


def forget(container_id: str) -> None:
    """Unmount what a container had here and free its slot; one that never had a slot is left alone."""
    link = RUN / f"of-{container_id}"
    if not link.is_symlink():
        return
    place = RUN / os.readlink(link)
    mounts: list[Any] = [
        line.split()[1] for line in Path("/proc/self/mounts").read_text("utf-8").splitlines()
    ]
    for mount in reversed(mounts):
        if mount.startswith(f"{place}/"):
            libc.umount2(mount.encode(), MNT_DETACH)
    link.unlink()
    # Empty by now: never a recursive removal where another's files could still be mounted.
    for entry in place.iterdir():
        entry.rmdir() if entry.is_dir() else entry.unlink()
    place.rmdir()


def check(answer: int, what: str) -> int:
    if answer < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), what)
    return answer


if __name__ == "__main__":
    main(sys.argv[1:])
