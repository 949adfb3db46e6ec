"""The images that tests and demo run: a Debian base made here, the runner image on it, a stand-in for the runner in it.

A machine that tests may reach no registry, so the base comes from Debian's packages, and the archive of actions/runner
is one with the twin's listener in it. Everything else is the Dockerfile that ships. An image's tag is a fingerprint of
what it was made from: it is built once, and again when that changes.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from local.containers.podman import Podman

ROOT = Path(__file__).parents[2]
RUNNER_IMAGE = ROOT / "runner-image"
LISTENER = ROOT / "local" / "twin" / "listener" / "bin" / "Runner.Listener"
ARCHIVE_NAME = "runner.tar.gz"
# What the twin's listener needs, and what every image would otherwise fetch again.
BASE_PACKAGES = ("ca-certificates", "curl", "libpython3-stdlib", "python3-minimal")
# Debian's names for what the Dockerfile calls by Ubuntu's; few tools, because a test needs none.
DEBIAN_ARGUMENTS = {
    "DOCKER_CLIENT_PACKAGES": "docker-cli docker-buildx",
    "DOCKER_PACKAGES": "docker.io docker-cli docker-buildx docker-compose",
    "TOOL_PACKAGES": "make",
    "IMAGE_OS": "debian13",
}

Variant = Literal["slim", "full"]


def base_image(podman: Podman) -> str:
    """Return the name of a Debian base image, made if it is not there: half a minute, and Debian's packages.

    Raises:
        CalledProcessError: the root file system could not be made; its output is on stderr.
        PodmanError: it could not be imported.
    """
    name = f"localhost/slipway-base:{_fingerprint([b' '.join(p.encode() for p in BASE_PACKAGES)])}"
    with podman.alone():
        if not podman.has_image(name):
            _make_base(podman, name)
    return name


def runner_image(podman: Podman, variant: Variant = "slim") -> str:
    """Return the name of the runner image, built if it is not there; ``full`` is built on ``slim``.

    Raises:
        CalledProcessError: the base could not be made.
        PodmanError: the build failed; the message has its end.
    """
    base = base_image(podman)
    name = f"localhost/slipway-runner-{variant}:{_fingerprint([base.encode(), *_inputs()])}"
    with podman.alone():
        if not podman.has_image(name):
            _build(podman, name, base, variant)
    return name


def runner_archive() -> bytes:
    """Return a runner archive with the twin's listener: the same bytes for the same listener."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("bin/Runner.Listener")
        content = LISTENER.read_bytes()
        entry.size, entry.mode = len(content), 0o755
        archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), mtime=0)


def _make_base(podman: Podman, name: str) -> None:
    with tempfile.TemporaryDirectory(dir=podman.folder) as folder:
        root_file_system = Path(folder) / "base.tar"
        subprocess.run(  # noqa: S603 - our own arguments
            [  # noqa: S607 - looked for by podman.why_not
                "mmdebstrap",
                "--quiet",
                "--variant=apt",
                '--aptopt=Acquire::Languages "none"',
                f"--include={','.join(BASE_PACKAGES)}",
                "trixie",
                str(root_file_system),
            ],
            check=True,
        )
        podman.run("import", "--quiet", str(root_file_system), name)


def _build(podman: Podman, name: str, base: str, variant: Variant) -> None:
    archive = runner_archive()
    arguments = {
        **DEBIAN_ARGUMENTS,
        "BASE_IMAGE": base,
        "RUNNER_ARCHIVE": ARCHIVE_NAME,
        "RUNNER_ARCHIVE_SHA256": hashlib.sha256(archive).hexdigest(),
    }
    with tempfile.TemporaryDirectory(dir=podman.folder) as folder:
        context = Path(folder) / "context"
        shutil.copytree(RUNNER_IMAGE, context)
        (context / ARCHIVE_NAME).write_bytes(archive)
        podman.run(
            *("build", "--quiet", "--pull=never", "--network=host", "--target", variant, "--tag", name),
            *(f"--build-arg={key}={value}" for key, value in arguments.items()),
            str(context),
        )


def _inputs() -> Iterable[bytes]:
    """What an image is made from, besides its base."""
    yield repr(DEBIAN_ARGUMENTS).encode()
    yield LISTENER.read_bytes()
    for path in sorted(RUNNER_IMAGE.rglob("*")):
        if path.is_file() and path.suffix != ".md":
            yield str(path.relative_to(RUNNER_IMAGE)).encode() + oct(path.stat().st_mode).encode()
            yield path.read_bytes()


def _fingerprint(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:16]
