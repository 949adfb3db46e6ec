"""A container host that is imitated on this machine: systemd, Docker and cgroup v2 alone, in one privileged container.

Its user data is the one that ships, so its Docker, its firewall and its services are configured by ``infra/hosts`` and
by nothing else. Stand-ins play what only EC2 and ECS have: instance metadata, cloud-init, the agent's unit with the
firewall rules that the real one makes. On a machine whose cgroups are a hybrid of v1 and v2, v2 has hardly a
controller: limits of memory, CPU and process ids of inner containers are then not to be had.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.containers.images import runner_image
from local.containers.podman import Podman, PodmanError
from local.infrastructure import host_scripts
from local.infrastructure.user_data import HostSettings, boothook

FOLDER = Path(__file__).parent / "host"
# In memory, since loading the runner image writes a gigabyte, and taking it away takes as long again.
DOCKER_DATA = "--tmpfs=/var/lib/docker:rw,exec,suid,dev,size=6g"
BOOT_PATIENCE_SECONDS = 60.0
# What a host changes on the whole machine, since its kernel is the machine's.
SETTINGS = Path("/proc/sys")
RAISED_BY_SYSTEMD = ("fs/file-max", "fs/nr_open")
SET_BY_GUARDS = (
    "fs/inotify/max_user_instances",
    "fs/inotify/max_user_watches",
    "kernel/keys/maxkeys",
    "kernel/keys/maxbytes",
    "kernel/io_uring_disabled",
    "kernel/unprivileged_bpf_disabled",
    "kernel/kptr_restrict",
    "kernel/dmesg_restrict",
)


@dataclass(frozen=True, slots=True)
class ImitatedHost:
    """One booted host."""

    podman: Podman
    name: str

    def run(
        self, *command: str, check: bool = True, given: str | None = None, timeout_seconds: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on the host, as its root."""
        interactive = ["-i"] if given is not None else []
        return self.podman.run(
            "exec",
            *interactive,
            self.name,
            *command,
            check=check,
            given=given,
            timeout_seconds=timeout_seconds,
        )

    def docker(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the host's ``docker``."""
        return self.run("docker", *arguments, check=check)

    def load(self, image: str) -> None:
        """Bring an image of the machine's store into the host's Docker."""
        with _archive(self.podman, image).open("rb") as archive:
            subprocess.run(  # noqa: S603 - our own arguments
                self.podman.command("exec", "-i", self.name, "docker", "load", "--quiet"),
                env=self.podman.environment(),
                stdin=archive,
                capture_output=True,
                check=True,
                timeout=300,
            )

    def has_booted(self) -> bool:
        """Tell whether systemd is through with its units, however they fared."""
        said = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        return said in ("running", "degraded")


@contextmanager
def booted(
    podman: Podman, settings: HostSettings, metadata: Mapping[str, str] | None = None
) -> Iterator[ImitatedHost]:
    """Boot a host, and take it away in the end."""
    host = boot(podman, settings, metadata)
    try:
        await_boot(host)
        yield host
    finally:
        remove(host)


def boot(
    podman: Podman, settings: HostSettings, metadata: Mapping[str, str] | None = None, name: str | None = None
) -> ImitatedHost:
    """Start a host of those settings; ``remove`` takes it away, with every trace on the machine.

    Args:
        podman: where it runs.
        settings: what its user data tells it.
        metadata: what instance metadata says, by path below ``/latest/meta-data``.
        name: of its container; one is made up where none is given.
    """
    image = host_image(podman)
    host = ImitatedHost(podman, name or f"host-{uuid.uuid4().hex[:12]}")
    folder = podman.folder / host.name
    # Every instance has tags, and the launch template lets metadata tell them.
    (folder / "metadata" / "tags" / "instance").mkdir(parents=True)
    (folder / "user-data").write_text(boothook(settings, host_scripts.read()), "utf-8")
    for path, text in (metadata or {}).items():
        file = folder / "metadata" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    with (
        podman.alone()
    ):  # or the last of the other hosts, when it is removed, would put the machine back beneath this one
        _note_the_machine(podman)
        podman.run(
            *("run", "--detach", "--name", host.name, "--privileged", "--network=none", "--cgroupns=host"),
            *("--tmpfs=/run", "--tmpfs=/tmp", DOCKER_DATA, "--tmpfs=/var/lib/containerd"),
            f"--volume={folder}/user-data:/user-data:ro",
            f"--volume={folder}/metadata:/metadata/latest/meta-data:ro",
            *(image, host.name),
        )
    return host


def await_boot(host: ImitatedHost) -> None:
    """Return once every unit has started, or has failed to.

    Raises:
        PodmanError: that took too long; the message has what was still to be done.
    """
    give_up_at = time.monotonic() + BOOT_PATIENCE_SECONDS
    while not host.has_booted():
        if time.monotonic() > give_up_at:
            said = host.run("systemctl", "list-jobs", "--no-pager", check=False).stdout
            raise PodmanError(f"the imitated host did not boot in {BOOT_PATIENCE_SECONDS:g} s: {said}")
        time.sleep(0.1)
    _put_back(host.podman, RAISED_BY_SYSTEMD)


def remove(host: ImitatedHost) -> None:
    """Take a host away; after the last one the machine's settings are put back."""
    podman = host.podman
    podman.run("rm", "--force", "--ignore", "--time=0", "--volumes", host.name)
    shutil.rmtree(podman.folder / host.name, ignore_errors=True)
    with podman.alone():
        if _notes(podman).exists() and not podman.run("ps", "--quiet", "--filter=name=^host-").stdout.strip():
            _put_back(podman, _there())
            _notes(podman).unlink()


def host_image(podman: Podman) -> str:
    """Return the name of the host's image, built if it is not there."""
    base = runner_image(podman, "full")
    digest = hashlib.sha256(base.encode())
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(FOLDER)} {path.stat().st_mode}\n".encode() + path.read_bytes())
    name = f"localhost/slipway-host:{digest.hexdigest()[:16]}"
    with podman.alone():
        if not podman.has_image(name):
            podman.run(
                *("build", "--quiet", "--pull=never", "--network=host", "--layers=false"),
                *(f"--build-arg=BASE={base}", "--tag", name, str(FOLDER)),
            )
    return name


def _archive(podman: Podman, image: str) -> Path:
    """Return the image as a file, made if it is not there: while podman saves, nobody else can start a container."""
    archive = podman.folder / "archives" / f"{image.rpartition(':')[2]}.tar"
    with podman.alone():
        if not archive.exists():
            shutil.rmtree(archive.parent, ignore_errors=True)  # older images are of no more use
            archive.parent.mkdir()
            podman.run("save", "--quiet", "--output", f"{archive}.new", image)
            archive.with_suffix(".tar.new").rename(archive)
    return archive


def _note_the_machine(podman: Podman) -> None:
    """Note how the machine is set before the first host boots; notes that are there are older, and right."""
    notes = _notes(podman)
    if not notes.exists():
        found = {name: (SETTINGS / name).read_text("utf-8") for name in _there()}
        notes.write_text(json.dumps(found), "utf-8")


def _put_back(podman: Podman, names: Iterable[str]) -> None:
    found: dict[str, str] = json.loads(_notes(podman).read_text("utf-8"))
    for name in names:
        (SETTINGS / name).write_text(found[name], "utf-8")


def _there() -> list[str]:
    return [name for name in (*RAISED_BY_SYSTEMD, *SET_BY_GUARDS) if (SETTINGS / name).exists()]


def _notes(podman: Podman) -> Path:
    return podman.folder / "machine.json"
