"""The reach function on real sockets of loopback; only names that should mislead it are made up."""

from __future__ import annotations

import ast
import ipaddress
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.reach.handler import lambda_handler
from local.packages.closure import Sources, closure
from slipway.adapters.tcp_probe import probe
from slipway.domain.probe_targets import MAX_TARGETS, Address, refusal, wanted

ROOT = Path(__file__).parents[3]


class Context:
    """As much of Lambda's context as it asks for."""

    def __init__(self, milliseconds: int = 30_000) -> None:
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


def anything(_address: Address) -> None:
    """Refuse nothing: the servers of these tests are on loopback."""


@pytest.fixture
def open_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as bound:  # and it never listens
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def resolve(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let every name resolve to these."""
    entries = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: entries)


def test_a_port_that_accepts_is_told_with_its_address_and_both_times(open_port: int) -> None:
    (result,) = probe([("localhost", open_port)], 10, anything)
    assert "127.0.0.1" in result["addresses"]
    assert result["connected_to"] == "127.0.0.1"
    assert 0 <= result["dns_milliseconds"] < 10_000
    assert 0 <= result["connect_milliseconds"] < 3_000
    assert "fault" not in result


def test_a_port_that_refuses_is_told_with_what_tcp_said(closed_port: int) -> None:
    (result,) = probe([("127.0.0.1", closed_port)], 10, anything)
    assert result["fault"] == "TCP: 127.0.0.1: Connection refused"
    assert "connected_to" not in result


def test_a_name_that_does_not_resolve_is_told_with_what_dns_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_args: Any, **_kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    (result,) = probe([("does-not-exist.invalid", 443)], 20, anything)
    assert result["fault"] == "DNS: Name or service not known"
    assert "addresses" not in result


def test_one_target_that_hangs_takes_nothing_from_the_others(
    open_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    released, look_up = threading.Event(), socket.getaddrinfo

    def slow(host: str, *args: Any, **kwargs: Any) -> Any:
        if host == "slow.example":
            released.wait(60)
            raise socket.gaierror(socket.EAI_AGAIN, "too late")
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    hung, reached = probe([("slow.example", 443), ("127.0.0.1", open_port)], 5, anything)
    released.set()
    assert hung == {"host": "slow.example", "port": 443, "fault": "no answer in time"}
    assert reached["connected_to"] == "127.0.0.1"


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "fe80::1",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "127.0.0.1",
        "127.8.9.1",
        "::1",
        "::ffff:127.0.0.1",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "255.255.255.255",
    ],
)
def test_metadata_link_local_and_own_addresses_are_refused(address: str) -> None:
    assert refusal(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["10.0.1.7", "172.31.0.9", "192.168.1.1", "140.82.112.5", "2606:50c0:8000::153"]
)
def test_private_and_public_addresses_are_tried(address: str) -> None:
    assert refusal(ipaddress.ip_address(address)) is None


@given(st.ip_addresses(v=4, network="169.254.0.0/16"))
def test_no_way_of_writing_a_link_local_address_gets_past(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    assert refusal(address)
    assert refusal(ipaddress.IPv6Address((0xFFFF << 32) | number))
    assert refusal(ipaddress.IPv6Address((0x64FF9B << 96) | number))


def test_a_name_that_resolves_to_a_metadata_address_is_not_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolve(monkeypatch, "140.82.112.5", "169.254.169.254")
    monkeypatch.setattr(socket, "create_connection", lambda *_args, **_kwargs: pytest.fail("it connected"))
    (result,) = probe([("rebound.example", 80)], 5)
    assert result["fault"] == "refused: 169.254.169.254 is a link-local or metadata address"


def test_it_connects_to_the_address_that_it_judged_and_not_to_the_name_again(
    open_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    connect = socket.create_connection

    def noted(address: tuple[str, int], **kwargs: Any) -> socket.socket:
        asked.append(address[0])
        return connect(address, **kwargs)

    monkeypatch.setattr(socket, "create_connection", noted)
    probe([("localhost", open_port)], 5, anything)
    assert asked
    assert set(asked) <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        {},
        {"targets": []},
        {"targets": "github.com:443"},
        {"targets": [{"host": "github.com", "port": 443}] * (MAX_TARGETS + 1)},
        {"targets": ["github.com:443"]},
        {"targets": [{"host": "github.com"}]},
        {"targets": [{"host": "github.com", "port": "443"}]},
        {"targets": [{"host": "github.com", "port": True}]},
        {"targets": [{"host": "github.com", "port": 0}]},
        {"targets": [{"host": "github.com", "port": 65_536}]},
        {"targets": [{"host": "", "port": 443}]},
        {"targets": [{"host": "a b", "port": 443}]},
        {"targets": [{"host": "ｇithub.com", "port": 443}]},
        {"targets": [{"host": "a" * 300, "port": 443}]},
    ],
)
def test_an_event_that_is_no_list_of_targets_is_answered_with_what_is_wrong(event: Any) -> None:
    assert set(lambda_handler(event, Context())) == {"fault"}


def test_as_many_targets_as_allowed_are_taken(closed_port: int) -> None:
    event = {"targets": [{"host": "127.0.0.1", "port": closed_port}] * MAX_TARGETS}
    answer = lambda_handler(event, Context())
    assert len(answer["targets"]) == MAX_TARGETS
    assert {result["fault"] for result in answer["targets"]} == {
        "refused: 127.0.0.1 is the function's own address"
    }
    assert wanted(event) == [("127.0.0.1", closed_port)] * MAX_TARGETS


def test_it_needs_nothing_but_the_standard_library() -> None:
    paths = closure("functions.reach.handler", Sources(ROOT, ROOT / "layers/core/python")).values()
    trees = [ast.parse(path.read_text("utf-8")) for path in paths]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} - {"slipway"} <= sys.stdlib_module_names
