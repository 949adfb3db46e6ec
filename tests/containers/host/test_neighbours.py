"""Two jobs beside each other on docker0, and the host under them: who reaches whom, and who may speak as whom."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from local.containers.imitated_host import ImitatedHost
from local.containers.podman import Podman
from tests.containers.host.shapes import NESTED, NONE, Job, job

SERVES = "cd /tmp && echo {word} >index.html && exec python3 -m http.server 8000"
# A frame of our own making: an ARP answer to everyone, that ADDRESS is at the sender's hardware address.
SPOOFS_ARP = """
import socket, sys
mac = bytes.fromhex(open("/sys/class/net/eth0/address").read().strip().replace(":", ""))
address = socket.inet_aton("ADDRESS")
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind(("eth0", 0))
for operation in (1, 2):
    body = b"\\0\\1\\x08\\0\\6\\4\\0" + bytes([operation]) + mac + address + b"\\xff" * 6 + address
    for _ in range(3): wire.send(b"\\xff" * 6 + mac + b"\\x08\\x06" + body)
"""
# Everything of the victim: hardware address, address, and a service that answers in its place.
CLONES = """
ip link set eth0 down && ip link set eth0 address {mac} && ip link set eth0 up
ip address flush dev eth0 && ip address add {address}/16 dev eth0 && ip route replace default via 172.17.0.1
ping -c 3 -W 1 172.17.0.1 >/dev/null 2>&1 || python3 -c 'import socket; s = socket.socket(); s.settimeout(1); s.connect_ex(("172.17.0.1", 9))'
"""
GATEWAY = "172.17.0.1"
METADATA, INTROSPECTION, OF_THE_HOST = ("169.254.169.254", 80), (GATEWAY, 51678), (GATEWAY, 22)


@pytest.fixture(autouse=True)
def alone_with_the_guards(podman: Podman, host: ImitatedHost) -> Iterator[None]:
    """Tests that take a guard away, and those that rely on it, take turns."""
    with (podman.folder / "guards-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        host.run("systemctl", "start", "ecs")
        yield


@contextmanager
def without(host: ImitatedHost, family: str) -> Iterator[None]:
    """Take one of the two tables of guards away for a while."""
    host.run("nft", "delete", "table", family, "slipway")
    try:
        yield
    finally:
        host.run("/opt/slipway/raise_guards.sh")
        host.run("systemctl", "restart", "slipway-containers")  # fills the set again


def reaches(running: Job, address: str, port: int) -> bool:
    connect = "import socket, sys; s = socket.socket(); s.settimeout(1.5); sys.exit(s.connect_ex((sys.argv[1], int(sys.argv[2]))))"
    user = "0" if "--user=0" in NESTED else "1001"
    return running.run("python3", "-c", connect, address, str(port), user=user, check=False).returncode == 0


def served_to_the_host(host: ImitatedHost, address: str) -> str:
    return host.run("curl", "-s", "--max-time", "2", f"http://{address}:8000/", check=False).stdout.strip()


@contextmanager
def victim_and_attacker(host: ImitatedHost, image: str) -> Iterator[tuple[Job, Job]]:
    with (
        job(host, image, NESTED, SERVES.format(word="victim")) as victim,
        job(host, image, NESTED, SERVES.format(word="attacker")) as attacker,
    ):
        host.run(
            "curl",
            "-s",
            "--retry",
            "20",
            "--retry-all-errors",
            "--retry-delay",
            "0",
            f"http://{victim.address}:8000/",
        )
        yield victim, attacker


def hardware_address(running: Job) -> str:
    return running.run("cat", "/sys/class/net/eth0/address").stdout.strip()


def known_to_the_host(host: ImitatedHost, address: str) -> str:
    return host.run("ip", "neighbour", "show", address, "dev", "docker0").stdout


@pytest.mark.parametrize(
    ("endpoint"), [METADATA, INTROSPECTION, OF_THE_HOST], ids=["metadata", "51678", "host port"]
)
def test_imds_v4_51678_and_host_ports_unreachable(
    host: ImitatedHost, image: str, endpoint: tuple[str, int]
) -> None:
    with job(host, image, NONE) as running:
        assert not reaches(running, *endpoint)
        assert reaches(running, "169.254.170.2", 80)  # the task's own credentials, and nothing else


@pytest.mark.parametrize(
    ("endpoint"), [METADATA, INTROSPECTION, OF_THE_HOST], ids=["metadata", "51678", "host port"]
)
def test_without_the_guard_they_are_reached(
    host: ImitatedHost, image: str, endpoint: tuple[str, int]
) -> None:
    with job(host, image, NONE) as running, without(host, "inet"):
        assert reaches(running, *endpoint)


def test_other_ports_of_the_credentials_address_are_unreachable(host: ImitatedHost, image: str) -> None:
    with job(host, image, NONE) as running:
        assert [port for port in (22, 51678, 51679, 2375) if reaches(running, "169.254.170.2", port)] == []


def test_the_loopback_of_the_host_is_unreachable_though_its_kernel_routes_there(
    host: ImitatedHost, image: str
) -> None:
    """ecs-init sets route_localnet; a job of nested Docker may send what it likes."""
    with job(host, image, NESTED) as running:
        assert host.run("cat", "/proc/sys/net/ipv4/conf/all/route_localnet").stdout == "1\n"
        running.shell("ip address del 127.0.0.1/8 dev lo; ip route add 127.0.0.1 via 172.17.0.1", user="0")
        running.shell("echo 1 >/proc/sys/net/ipv4/conf/eth0/route_localnet", user="0", check=False)
        assert not reaches(running, "127.0.0.1", 51679)


def test_imds_v6_is_dropped_by_the_rules_and_has_no_route(host: ImitatedHost, image: str) -> None:
    with job(host, image, NONE) as running:
        connect = "import socket; s = socket.socket(socket.AF_INET6); s.settimeout(1); s.connect(('fd00:ec2::254', 80))"
        assert running.run("python3", "-c", connect, user="1001", check=False).returncode != 0
    assert (
        "ip6 daddr fd00:ec2::254 drop"
        in host.run("nft", "list", "chain", "inet", "slipway", "no_metadata").stdout
    )


def test_jobs_do_not_reach_each_other(host: ImitatedHost, image: str) -> None:
    with victim_and_attacker(host, image) as (victim, attacker):
        assert served_to_the_host(host, victim.address) == "victim"
        assert not reaches(attacker, victim.address, 8000)


def test_arp_spoof_between_neighbours_fails(host: ImitatedHost, image: str) -> None:
    with victim_and_attacker(host, image) as (victim, attacker):
        attacker.python(SPOOFS_ARP.replace("ADDRESS", victim.address))
        assert hardware_address(victim) in known_to_the_host(host, victim.address)
        assert served_to_the_host(host, victim.address) == "victim"


def test_without_the_guard_the_host_believes_a_spoofed_arp(host: ImitatedHost, image: str) -> None:
    with victim_and_attacker(host, image) as (victim, attacker), without(host, "bridge"):
        attacker.python(SPOOFS_ARP.replace("ADDRESS", victim.address))
        assert hardware_address(attacker) in known_to_the_host(host, victim.address)


def clone(attacker: Job, victim: Job) -> None:
    script = CLONES.format(mac=hardware_address(victim), address=victim.address)
    attacker.shell(script, user="0", check=False)


def test_mac_clone_steals_nothing(host: ImitatedHost, image: str) -> None:
    with victim_and_attacker(host, image) as (victim, attacker):
        clone(attacker, victim)
        assert [served_to_the_host(host, victim.address) for _ in range(3)] == ["victim"] * 3


def test_without_the_guard_a_mac_clone_takes_the_victims_traffic(host: ImitatedHost, image: str) -> None:
    with victim_and_attacker(host, image) as (victim, attacker), without(host, "bridge"):
        clone(attacker, victim)
        assert served_to_the_host(host, victim.address) != "victim"


def test_a_container_may_speak_from_its_first_packet_on(host: ImitatedHost, image: str) -> None:
    """Met late, a first packet is dropped and sent again a second later."""
    first = (
        "s=$EPOCHREALTIME; exec 3<>/dev/tcp/169.254.170.2/80; e=$EPOCHREALTIME; echo $(( ${e/./} - ${s/./} ))"
    )
    times = [
        int(host.docker("run", "--rm", *NONE, "--entrypoint=bash", image, "-c", first).stdout)
        for _ in range(3)
    ]
    assert sorted(times)[1] < 500_000, times


def test_a_mute_container_stays_mute_while_the_guard_is_down(host: ImitatedHost, image: str) -> None:
    host.run("systemctl", "stop", "slipway-containers")
    try:
        with job(host, image, NONE) as unseen:
            assert not reaches(unseen, "169.254.170.2", 80)
    finally:
        host.run("systemctl", "start", "slipway-containers")


def test_containers_inside_a_nested_job_speak_through_it(host: ImitatedHost, nested: Job) -> None:
    said = nested.shell("docker run --rm tiny wget -q -O - http://169.254.170.2/v1/metadata").stdout
    assert "slipway-general" in said


def test_agent_container_passes_unmapped(host: ImitatedHost, image: str) -> None:
    """As ecs-init starts the agent: the host's network and users."""
    shape = ["--rm", "--net=host", "--userns=host", "--user=0", "--cap-add=NET_ADMIN", "--cap-add=SYS_ADMIN"]
    said = host.docker("run", *shape, "--entrypoint=cat", image, "/proc/self/uid_map").stdout.split()
    assert said == ["0", "0", "4294967295"]


def test_privileged_task_refused_on_remapped_pool(host: ImitatedHost, image: str) -> None:
    refused = host.docker("run", "--rm", "--privileged", "--entrypoint=true", image, check=False)
    assert refused.returncode != 0
    assert "incompatible with user namespaces" in refused.stderr
