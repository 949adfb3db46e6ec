#!/usr/bin/python3
"""Lets each container speak for itself alone, and bounds what it may take of the kernel's per-user counts.

For every container that starts, from Docker's events:
* its veth, hardware address and address go into the set of guards.nft, so that the bridge lets it speak;
* the ceilings below are written inside its user namespace, where nobody in it may raise them.

A container that was not seen yet cannot speak at all: slow is safe. Containers of the host's user namespace (the ECS
agent) are left alone. On a start of its own the service begins with what runs already.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import time
from typing import Any, Dict, List, NamedTuple, Optional

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
LOOK_UP_PATIENCE_SECONDS = 2.0


class Speaker(NamedTuple):
    """Who may speak through a veth."""

    veth: str
    hardware_address: str
    address: str


def main() -> int:
    host.RUN.mkdir(mode=0o755, exist_ok=True)
    lock = LOCK.open("w")
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    events = host.docker_events({"type": ["container"], "event": ["start", "die"]})
    known: Dict[str, Speaker] = {}
    subprocess.run(["nft", "flush set bridge slipway who"], check=True)
    # The events were asked for first: what starts meanwhile is met twice, never missed.
    for running in host.docker_json("/containers/json"):
        admit(running["Id"], known)
    for event in events:
        if event["Action"] == "start":
            admit(event["Actor"]["ID"], known)
        elif event["Actor"]["ID"] in known:
            nft("delete", known.pop(event["Actor"]["ID"]))
    return 1  # Docker went away: systemd starts this again, and the set is made anew


def admit(container_id: str, known: Dict[str, Speaker]) -> None:
    """Let a container speak, and bound it; one that is gone again, or speaks for itself already, is left alone."""
    if container_id in known:
        return
    try:
        container = host.docker_json(f"/containers/{container_id}/json")
        pid = container["State"]["Pid"]
        if not pid:
            return
        speaker = speaker_of(pid, container["NetworkSettings"]["Networks"])
        if speaker is not None:
            nft("add", speaker)
            isolate(speaker.veth)
            known[container_id] = speaker
        if has_own_users(pid):
            bound(pid)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"container {container_id[:12]}: {error}", file=sys.stderr, flush=True)


def speaker_of(pid: int, networks: Dict[str, Any]) -> Optional[Speaker]:
    """Find the veth of the process's network on this side, where nothing in the container can lie about it."""
    addresses = [network for network in networks.values() if network.get("IPAddress")]
    if len(addresses) != 1:  # none: another container's network, or no network at all
        return None
    give_up_at = time.monotonic() + LOOK_UP_PATIENCE_SECONDS
    while time.monotonic() < give_up_at:
        namespace = namespace_id(pid)
        for link in bridge_ports():
            if namespace is not None and link.get("link_netnsid") == namespace:
                return Speaker(link["ifname"], addresses[0]["MacAddress"], addresses[0]["IPAddress"])
        time.sleep(0.01)
    raise OSError(f"no veth leads to process {pid}")


def bridge_ports() -> List[Dict[str, Any]]:
    """Return every veth of this host, as ``ip`` describes it."""
    shown = subprocess.run(["ip", "-j", "link", "show", "type", "veth"], capture_output=True, check=True)
    links: List[Dict[str, Any]] = json.loads(shown.stdout or b"[]")
    return links


def namespace_id(pid: int) -> Optional[int]:
    """Ask the kernel which number this network namespace gives to that of a process; None when it has none."""
    request = struct.pack("=IHHIIB3x HHI", 28, 90, 1, 1, 0, 0, 8, 2, pid)  # RTM_GETNSID, NETNSA_PID
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
        netlink.send(request)
        answer = netlink.recv(4096)
    if struct.unpack_from("=H", answer, 4)[0] != 90:  # an error, such as a process that is gone
        return None
    at = 20
    while at + 8 <= len(answer):
        length, kind, value = struct.unpack_from("=HHi", answer, at)
        if kind == 1:  # NETNSA_NSID
            return int(value) if value >= 0 else None
        at += (length + 3) & ~3
    return None


def nft(verb: str, speaker: Speaker) -> None:
    """Add to the set, or take from it."""
    element = f"{{ {speaker.veth} . {speaker.hardware_address} . {speaker.address} }}"
    subprocess.run(["nft", f"{verb} element bridge slipway who {element}"], check=True)


def isolate(veth: str) -> None:
    """Let the port exchange frames with the bridge itself only, never with another isolated port."""
    with open(f"/sys/class/net/{veth}/brport/isolated", "w") as switch:
        switch.write("1")


def has_own_users(pid: int) -> bool:
    """Tell whether the process lives in a user namespace of its own."""
    return os.stat(f"/proc/{pid}/ns/user").st_ino != os.stat("/proc/self/ns/user").st_ino


def bound(pid: int) -> None:
    """Write the ceilings: a child joins the user namespace, whose counts are then its own."""
    child = os.fork()
    if not child:
        os._exit(write_ceilings(pid))
    _, status = os.waitpid(child, 0)
    if status:
        raise OSError(f"the ceilings of process {pid} could not be written")


def write_ceilings(pid: int) -> int:
    try:
        namespace = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY)
        if ctypes.CDLL(None, use_errno=True).setns(namespace, 0x10000000):  # CLONE_NEWUSER
            return 1
        for name, ceiling in CEILINGS.items():
            with open(f"/proc/sys/user/{name}", "w") as count:
                count.write(str(ceiling))
    except OSError as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
