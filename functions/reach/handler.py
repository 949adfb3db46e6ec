"""Reach function: asks, from the subnets that it was put into, whether names resolve and ports accept. Optional."""

from __future__ import annotations

import ipaddress
import re
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

MAX_TARGETS = 20
CONNECT_SECONDS = 3.0
LAST_ANSWER_MS = 1_000  # what is left for the answer itself
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9a-fA-F:.]{2,45}", re.ASCII)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Refusal = Callable[[Address], str | None]
Result = dict[str, Any]

# Beside link-local 169.254.0.0/16: where EC2 keeps the same services for IPv6, and where IPv4 hides in IPv6.
_EC2_SERVICES = ipaddress.IPv6Network("fd00:ec2::/32")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def lambda_handler(event: Any, context: Any) -> Result:
    """Answer, for each target ``{"host", "port"}``, what DNS and a TCP connection said and how long they took."""
    targets = wanted(event)
    if isinstance(targets, str):
        return {"fault": targets}
    seconds = (context.get_remaining_time_in_millis() - LAST_ANSWER_MS) / 1000
    return {"targets": reach(targets, seconds)}


def wanted(event: Any) -> list[tuple[str, int]] | str:
    """Return the targets of an event, or what is wrong with it."""
    entries = event.get("targets") if isinstance(event, dict) else None
    if not isinstance(entries, list) or not 0 < len(entries) <= MAX_TARGETS:
        return f"targets must be a list of 1 to {MAX_TARGETS} objects of host and port"
    targets: list[tuple[str, int]] = []
    for entry in entries:
        host, port = (entry.get("host"), entry.get("port")) if isinstance(entry, dict) else (None, None)
        if not isinstance(host, str) or not HOST.fullmatch(host):
            return f"target {len(targets)}: host must be a name or an address"
        if type(port) is not int or not 0 < port < 65_536:
            return f"target {len(targets)}: port must be a number from 1 to 65535"
        targets.append((host, port))
    return targets


def refusal(address: Address) -> str | None:
    """Say why an address is not tried, if it is not: this function is no way to a host's own services."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return refusal(address.ipv4_mapped)
        if address in _NAT64:
            return refusal(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address in _EC2_SERVICES:
            return "a metadata address"
    if address.is_link_local:
        return "a link-local or metadata address"
    if address.is_loopback or address.is_unspecified:
        return "the function's own address"
    return "no address of a host" if address.is_multicast or address.is_reserved else None


def reach(targets: list[tuple[str, int]], seconds: float, refuse: Refusal = refusal) -> list[Result]:
    """Try all targets at once; what has no result within ``seconds`` says so."""
    pool = ThreadPoolExecutor(max_workers=len(targets))
    tries = [pool.submit(_try, host, port, refuse) for host, port in targets]
    done, _ = wait(tries, timeout=max(0.0, seconds))
    pool.shutdown(wait=False, cancel_futures=True)  # a resolver that hangs is left to itself
    return [
        {"host": host, "port": port, **(one.result() if one in done else {"fault": "no answer in time"})}
        for (host, port), one in zip(targets, tries, strict=True)
    ]


def _try(host: str, port: int, refuse: Refusal) -> Result:
    began = time.monotonic()
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as fault:
        return {"fault": f"DNS: {fault.strerror or fault}", "dns_milliseconds": _since(began)}
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    result: Result = {"addresses": addresses, "dns_milliseconds": _since(began)}
    for address in addresses:
        if why := refuse(ipaddress.ip_address(address.partition("%")[0])):
            return {**result, "fault": f"refused: {address} is {why}"}
    return {**result, **_connect(addresses, port)}


def _connect(addresses: list[str], port: int) -> Result:
    """Connect to the first address that accepts: to what was looked up and judged, never to the name again."""
    faults = []
    for address in addresses[:4]:
        began = time.monotonic()
        try:
            with socket.create_connection((address, port), timeout=CONNECT_SECONDS):
                return {"connected_to": address, "connect_milliseconds": _since(began)}
        except OSError as fault:
            faults.append(f"{address}: {fault.strerror or fault}")
    return {"fault": "TCP: " + "; ".join(faults)}


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
