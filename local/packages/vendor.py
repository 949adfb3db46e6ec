"""The vendor layer: what layers/vendor/requirements.txt locks, for Lambda or for this machine."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from local.packages.botocore_models import cut_down, words_of
from local.packages.contents import CORE, ROOT, shared_adapters
from local.packages.faults import BuildError

ADAPTERS = CORE / "slipway" / "adapters"
REQUIREMENTS = ROOT / "layers" / "vendor" / "requirements.txt"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# Lambda's Amazon Linux 2023 has glibc 2.34 [LAMBDA-AL2023]; what was built for an older one runs there too.
_GLIBC_MINOR = 28
_PLATFORMS = [f"manylinux_2_{minor}_aarch64" for minor in range(_GLIBC_MINOR, 16, -1)] + [
    "manylinux2014_aarch64"
]
# Programs, tests, headers, type stubs, bytecode of the machine that builds: a function imports none of it.
_FOLDERS_LEFT_OUT = frozenset({"bin", "tests", "__pycache__"})
_SUFFIXES_LEFT_OUT = frozenset({".pyc", ".pyi", ".pyx", ".pxd", ".h", ".c"})
# Of what an installer writes beside a package: who installed it, when, from where, and lists of all that.
_KEPT_OF_METADATA = frozenset({"METADATA"})
_LICENCES = ("LICENSE", "LICENCE", "NOTICE", "COPYING", "AUTHORS")


@dataclass(frozen=True, slots=True)
class Target:
    """Where packages run: their manifest's words, and what both installers are told."""

    architecture: str
    python: str
    for_uv: Sequence[str]
    for_pip: Sequence[str]
    installer: Path = Path(sys.executable)


LAMBDA = Target(
    "arm64",
    "3.13",
    for_uv=("--python-platform", f"aarch64-manylinux_2_{_GLIBC_MINOR}", "--python-version", "3.13"),
    for_pip=(
        *(f"--platform={platform}" for platform in _PLATFORMS),
        "--python-version=3.13",
        "--implementation=cp",
        "--abi=cp313",
        "--abi=abi3",
        "--abi=none",
    ),
)


def this_machine(python: Path) -> Target:
    """Return the target which runs here under this Python, for the demo: the same layer, of this machine's wheels."""
    script = "import platform, sys; print(platform.machine(), '%d.%d' % sys.version_info[:2])"
    told = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603
    machine, version = told.stdout.split()
    return Target(machine, version, for_uv=("--python", str(python)), for_pip=(), installer=python)


def vendor_layer(target: Target) -> dict[str, bytes]:
    """Install what is locked and return the layer's files by path.

    Raises:
        BuildError: neither uv nor pip could install it.
    """
    with tempfile.TemporaryDirectory(prefix="slipway-vendor-") as name:
        folder = Path(name)
        _install(target, folder)
        files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and is_wanted(path.relative_to(folder))
        }
    clients = (ADAPTERS / "aws_clients.py").read_text("utf-8")
    cut = cut_down(files, words_of(shared_adapters()), words_of([clients]))
    return {f"python/{path}": content for path, content in cut.items()}


def versions_of(layer: Mapping[str, bytes]) -> dict[str, str]:
    """Return the packages of a layer with their versions."""
    names = {PurePosixPath(path).parts[1] for path in layer}
    pairs = (name.removesuffix(".dist-info").split("-") for name in names if name.endswith(".dist-info"))
    return {name.replace("_", "-"): version for name, version in sorted(pairs)}


def is_wanted(path: Path) -> bool:
    """Say whether a function can need an installed file, or its authors want it to go with the others."""
    is_of_installer = path.parts[0].startswith(".")  # uv's .lock
    if is_of_installer or _FOLDERS_LEFT_OUT & set(path.parts[:-1]) or path.suffix in _SUFFIXES_LEFT_OUT:
        return False
    if path.parts[0].endswith(".dist-info"):
        return path.name in _KEPT_OF_METADATA or path.name.upper().startswith(_LICENCES)
    return True


def _install(target: Target, folder: Path) -> None:
    """Try uv, then pip, which knows pip.conf: as local/setup.sh does."""
    failures = []
    for command in _commands(target, folder):
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - the installers
        if done.returncode == 0:
            return
        failures.append(f"{command[2]}: {done.stderr.strip() or done.stdout.strip()}")
    raise BuildError("the vendor layer cannot be installed\n" + "\n".join(failures))


def _commands(target: Target, folder: Path) -> Iterator[list[str]]:
    wanted = [
        "--only-binary",
        ":all:",
        "--require-hashes",
        "--no-deps",
        "--target",
        str(folder),
        "-r",
        str(REQUIREMENTS),
    ]
    certificates = ["--system-certs"] if CERTIFICATES.exists() else []
    # uv may link files from its cache: they are only read here.
    uv = ["install", "--quiet", "--no-config", *certificates, "--no-compile-bytecode"]
    yield [sys.executable, "-m", "uv", "pip", *uv, *target.for_uv, *wanted]
    pip = ["install", "--quiet", "--disable-pip-version-check", "--no-compile", *target.for_pip]
    yield [str(target.installer), "-m", "pip", *pip, *wanted]
