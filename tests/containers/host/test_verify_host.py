"""The script for a real host, on an imitated one: what it finds wrong here is what only a real one has."""

from __future__ import annotations

from pathlib import Path

from local.containers.imitated_host import ImitatedHost

SCRIPT = Path(__file__).parents[3] / "runner-image" / "verify-host.sh"
# No registry is in reach here, no task has started, and cgroup v2 may have no memory controller.
NEEDS_A_REAL_HOST = {
    "tasks have a limit of process ids",
    "Docker runs a container",
    "a service answers on localhost",
    "Docker builds",
    "an inner container's limits hold",
    "inner --privileged works",
    "buildx with its own builder works",
}


def test_the_script_for_a_real_host_finds_everything_else_in_order(host: ImitatedHost, image: str) -> None:
    host.run("sh", "-c", "cat >/run/verify-host.sh", given=SCRIPT.read_text("utf-8"))
    nowhere = ("env", "VERIFY_BUSYBOX=localhost:1/busybox", "VERIFY_BUILDKIT=localhost:1/buildkit")
    done = host.run(*nowhere, "bash", "/run/verify-host.sh", image, check=False)
    lines = done.stdout.splitlines()
    failed = {line[8:].partition(":")[0] for line in lines if line.startswith("FAILED")}
    passed = {line[8:] for line in lines if line.startswith("ok")}
    assert failed <= NEEDS_A_REAL_HOST, done.stdout
    assert done.returncode == len(failed)
    assert {
        "every guard stands",
        "metadata is out of reach",
        "Docker answers in a job",
        "a container runs at all",
        "no module can be loaded",
        "keyrings are refused",
    } <= passed


def test_where_no_container_runs_nothing_counts_as_out_of_reach(host: ImitatedHost) -> None:
    host.run("sh", "-c", "cat >/run/verify-host.sh", given=SCRIPT.read_text("utf-8"))
    done = host.run("bash", "/run/verify-host.sh", "localhost/not-there", check=False)
    assert done.returncode == 1
    assert [line[:6] for line in done.stdout.splitlines() if not line.startswith(" ")] == ["FAILED"]
