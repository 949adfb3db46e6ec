"""What the reach function may be asked to try, and the addresses that it tries for nobody."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

MAX_TARGETS = 20
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9a-fA-F:.]{2,45}", re.ASCII)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Target = tuple[str, int]

# Beside link-local 169.254.0.0/16: where EC2 keeps the same services for IPv6, and where IPv4 hides in IPv6.
_EC2_SERVICES = ipaddress.IPv6Network("fd00:ec2::/32")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def wanted(event: Any) -> list[Target] | str:
    """Return the targets of an event ``{"targets": [{"host", "port"}]}``, or what is wrong with it."""
    entries = event.get("targets") if isinstance(event, dict) else None
    if not isinstance(entries, list) or not 0 < len(entries) <= MAX_TARGETS:
        return f"targets must be a list of 1 to {MAX_TARGETS} objects of host and port"
    targets: list[Target] = []
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
