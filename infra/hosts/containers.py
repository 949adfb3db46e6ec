#!/usr/bin/python3
"""Lets each container speak for itself alone, and bounds what it may take of the kernel's per-user counts.

For every container, between its creation and the start of its process:
* its veth, hardware address and address go into the set of guards.nft, so that the bridge lets it speak;
* the ceilings below are written inside its user namespace, where nobody in it may raise them.

A container that was not seen yet cannot speak at all: slow is safe, and costs its first packet a second. Containers
of the host's user namespace (the ECS agent) are left alone. On a start of its own the service begins with what runs.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import host

LOCK = host.RUN / "containers.lock"  # held while this runs: preflight.py looks at it
# The host's own counts (sysctl.conf beside this) are many times as high, so that no container's ceiling empties them.
CEILINGS = {
    "max_inotify_instances": 512,
    "max_inotify_watches": 131_072,
    "max_user_namespaces": 256,
    "max_mnt_namespaces": 1024,
    "max_net_namespaces": 256,
    "max_pid_namespaces": 1024,
    "max_ipc_namespaces": 1024,
    "max_uts_namespaces": 1024,
    "max_cgroup_namespaces": 1024,
}
# Where systemd keeps a container's processes: the agent's tasks each have a slice of their own in ecstasks.slice.
# Docker itself tells a container's process only once it has started.
SCOPES = ("{}.scope", "*.slice/{}.scope", "*.slice/*.slice/{}.scope")
CGROUPS = Path("/sys/fs/cgroup")
CREATION_PATIENCE_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 0.01


class Speaker(NamedTuple):
    """Who may speak through a veth."""

    veth: str
    hardware_address: str
    address: str


class Guard:
    """What is known of the containers: who speaks, and who is bounded."""

    def __init__(self) -> None:
        self.speakers: dict[str, Speaker] = {}
        self.bounded: set[str] = set()

    def created(self, container_id: str, network_id: str) -> None:
        """Meet a container that joins its network: its process does not run yet."""
        hardware_address, address = endpoint(container_id, network_id)
        if not address:
            return
        give_up_at = time.monotonic() + CREATION_PATIENCE_SECONDS
        while time.monotonic() < give_up_at and container_id not in self.speakers:
            for pid in processes(container_id):
                if namespace_id(pid) is not None:
                    self.let_speak(container_id, pid, hardware_address, address)
                    self.bound(container_id, pid)
                    return
            time.sleep(LOOK_AGAIN_SECONDS)

    def started(self, container_id: str) -> None:
        """Meet a container that runs: whatever it lacks still is made good."""
        container = host.docker_json(f"/containers/{container_id}/json")
        pid = container["State"]["Pid"]
        if pid:
            for network in container["NetworkSettings"]["Networks"].values():
                self.let_speak(container_id, pid, network["MacAddress"], network["IPAddress"])
            self.bound(container_id, pid)

    def gone(self, container_id: str) -> None:
        self.bounded.discard(container_id)
        speaker = self.speakers.pop(container_id, None)
        if speaker is not None:
            nft("delete", speaker)

    def let_speak(self, container_id: str, pid: int, hardware_address: str, address: str) -> None:
        # Without an address of its own it uses another's network, or is mute.
        if container_id in self.speakers or not address:
            return
        speaker = Speaker(veth_of(pid), hardware_address, address)
        nft("add", speaker)
        self.speakers[container_id] = speaker
        # Frames go between this port and the bridge alone, never to another isolated port.
        Path(f"/sys/class/net/{speaker.veth}/brport/isolated").write_text("1", "utf-8")

    def bound(self, container_id: str, pid: int) -> None:
        if container_id not in self.bounded and has_own_users(pid):
            script = "\n".join(f"echo {ceiling} >/proc/sys/user/{name}" for name, ceiling in CEILINGS.items())
            subprocess.run(["nsenter", "--target", str(pid), "--user", "sh", "-ec", script], check=True)
            self.bounded.add(container_id)


def main() -> int:
    host.RUN.mkdir(mode=0o755, exist_ok=True)
    lock = LOCK.open("w")
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    guard = Guard()
    events = host.docker_events({"type": ["container", "network"], "event": ["connect", "start", "die"]})
    subprocess.run(["nft", "flush set bridge slipway who"], check=True)
    # The events were asked for first: what starts meanwhile is met twice, never missed.
    for running in host.docker_json("/containers/json"):
        meet(guard, "start", running["Id"], "")
    for event in events:
        actor = event["Actor"]
        container_id = actor["Attributes"].get("container", actor["ID"])
        # Each by a thread of its own: a slow creation keeps no other container mute.
        threading.Thread(
            target=meet, args=(guard, event["Action"], container_id, actor["ID"]), daemon=True
        ).start()
    return 1  # Docker went away: systemd starts this again, and the set is made anew


def meet(guard: Guard, action: str, container_id: str, network_id: str) -> None:
    """Do what an event asks for. What fails is said, and leaves that container mute or without ceilings."""
    try:
        if action == "connect":
            guard.created(container_id, network_id)
        elif action == "start":
            guard.started(container_id)
        else:
            guard.gone(container_id)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"container {container_id[:12]}: {error}", file=sys.stderr, flush=True)


def endpoint(container_id: str, network_id: str) -> tuple[str, str]:
    """Ask the network, for Docker tells nothing of a container while it starts it: both addresses, or nothing twice."""
    attached = host.docker_json(f"/networks/{network_id}")["Containers"].get(container_id, {})
    return attached.get("MacAddress", ""), attached.get("IPv4Address", "").partition("/")[0]


def processes(container_id: str) -> list[int]:
    """Return the processes of a container that is being created: the runtime's own, while its network is laid."""
    found = [scope for form in SCOPES for scope in CGROUPS.glob(form.format(f"docker-{container_id}"))]
    try:
        return [int(pid) for scope in found for pid in (scope / "cgroup.procs").read_text("utf-8").split()]
    except OSError:
        return []


def veth_of(pid: int) -> str:
    """Find the host's end of a process's network, from this side, where nothing in a container can lie about it."""
    namespace = namespace_id(pid)
    shown = subprocess.run(["ip", "-j", "link", "show", "type", "veth"], capture_output=True, check=True)
    links: list[dict[str, Any]] = json.loads(shown.stdout or b"[]")
    for link in links:
        if namespace is not None and link.get("link_netnsid") == namespace:
            return str(link["ifname"])
    raise OSError(f"no veth leads to process {pid}")


def namespace_id(pid: int) -> int | None:
    """Ask the kernel which number this network namespace gives to that of a process; None where it has none."""
    request = struct.pack("=IHHIIB3xHHI", 28, 90, 1, 1, 0, 0, 8, 2, pid)  # RTM_GETNSID by NETNSA_PID
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
        netlink.send(request)
        answer = netlink.recv(4096)
    kind, attribute, number = *struct.unpack_from("=H", answer, 4), *struct.unpack_from("=2xHi", answer, 20)
    return number if (kind, attribute) == (88, 1) and number >= 0 else None  # RTM_NEWNSID with NETNSA_NSID


def nft(verb: str, speaker: Speaker) -> None:
    """Add to the set, or take from it."""
    element = f"{{ {speaker.veth} . {speaker.hardware_address} . {speaker.address} }}"
    subprocess.run(["nft", f"{verb} element bridge slipway who {element}"], check=True)


def has_own_users(pid: int) -> bool:
    """Tell whether the process lives in a user namespace of its own."""
    return os.stat(f"/proc/{pid}/ns/user").st_ino != os.stat("/proc/self/ns/user").st_ino


if __name__ == "__main__":
    sys.exit(main())
