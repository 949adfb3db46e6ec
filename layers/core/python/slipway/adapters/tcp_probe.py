"""TCP connections that are opened and closed again: what names resolve to, and which ports accept."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from slipway.domain.probe_targets import Address, Target, refusal

CONNECT_SECONDS = 3.0

Refusal = Callable[[Address], str | None]
Result = dict[str, Any]


def probe(targets: Sequence[Target], seconds: float, refuse: Refusal = refusal) -> list[Result]:
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
