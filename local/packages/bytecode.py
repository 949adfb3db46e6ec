"""Bytecode beside the sources: what Lambda would otherwise compile anew in each cold start, for it keeps none."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from local.packages.faults import BuildError


def version_of(python: Path) -> str:
    """Return a Python's whole version, `3.13.0`.

    Raises:
        BuildError: it is no Python.
    """
    try:
        told = subprocess.run([python, "-V"], capture_output=True, text=True, check=False)  # noqa: S603
    except OSError as fault:
        raise BuildError(f"{python} cannot be run: {fault.strerror}") from fault
    if not told.stdout.startswith("Python "):
        raise BuildError(f"{python} is no Python")
    return told.stdout.removeprefix("Python ").strip()


def with_bytecode(files: Mapping[str, bytes], python: Path) -> dict[str, bytes]:
    """Return files with the bytecode of every module among them, by this Python.

    It is never checked against its source, whose time a zip does not keep. Another minor version passes it over.

    Raises:
        BuildError: a module cannot be compiled.
    """
    with tempfile.TemporaryDirectory(prefix="slipway-bytecode-") as name:
        folder = Path(name)
        for path, content in files.items():
            if path.endswith(".py"):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(content)
        command = [
            str(python),
            "-S",
            "-m",
            "compileall",
            "-q",
            "-j",
            "0",
            "--invalidation-mode",
            "unchecked-hash",
        ]
        done = subprocess.run(  # noqa: S603 - the Python that was named
            [*command, "-s", name, name],
            env={**os.environ, "PYTHONHASHSEED": "0"},  # the order of a set that is a constant
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BuildError(
                f"{python} cannot compile the packages: {done.stdout.strip() or done.stderr.strip()}"
            )
        compiled = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.pyc")}
    return {**files, **compiled}
