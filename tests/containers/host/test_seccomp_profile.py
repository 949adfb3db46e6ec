"""The profile that ships is what Docker's own comes to, with our changes and no other."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import pytest

from local.containers.imitated_host import ImitatedHost
from local.containers.seccomp_profile import host_profile

SHIPPED = Path(__file__).parents[3] / "infra" / "hosts" / "seccomp.json"
BUILTIN = "--security-opt=seccomp=builtin"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="an engine hands on the rules of its own machine")
def test_the_profile_follows_from_what_an_engine_gives_its_containers(host: ImitatedHost, image: str) -> None:
    made = host_profile(handed_to_runc(host, image), handed_to_runc(host, image, "--cap-add=SYS_ADMIN"))
    assert json.loads(SHIPPED.read_text("utf-8")) == made


def handed_to_runc(host: ImitatedHost, image: str, *flags: str) -> Any:
    options = ("--detach", "--network=none", BUILTIN, *flags, "--entrypoint=sleep", image, "60")
    container_id = host.docker("run", *options).stdout.strip()
    place = host.run(
        "find", "/run/containerd", "/run/docker", "-path", f"*{container_id}/config.json"
    ).stdout.split()[0]
    configuration = json.loads(host.run("cat", place).stdout)
    host.docker("rm", "--force", container_id)
    return configuration["linux"]["seccomp"]
