"""Packages unpacked as Lambda does it, and what runs them: AWS's own runtime client, with nothing else on the path."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from local.packages.contents import LAYERLESS

LAYERS = ("core", "vendor")  # in the order in which the functions name them
RUNTIME_CLIENT = ("awslambdaric", "simplejson", "snapshot-restore-py")  # the first, and what it needs


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python without its environment: the program, and where the environment's packages lie."""

    program: str
    packages: Path

    @classmethod
    def of(cls, python: Path) -> Interpreter:
        """Return the interpreter behind the Python of a virtual environment."""
        script = "import json, sys, sysconfig; print(json.dumps([sys._base_executable, sysconfig.get_path('purelib')]))"
        told = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603
        program, packages = json.loads(told.stdout)
        return cls(program, Path(packages))


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A build laid out as in Lambda: ``task/NAME`` for /var/task, ``opt`` for /opt, ``runtime`` for /var/runtime."""

    folder: Path
    interpreter: Interpreter

    @property
    def program(self) -> tuple[str, ...]:
        """Return what runs a function's handler.

        ``-S``: no site-packages and none of their .pth files, one of which names the checkout.
        """
        return (self.interpreter.program, "-S", "-m", "awslambdaric")

    def task_root(self, name: str) -> Path:
        """Return the folder of a function's own package."""
        return self.folder / "task" / name

    def environment(self, name: str) -> dict[str, str]:
        """Return what Lambda sets for a function, and its search path [LAMBDA-PYTHON-PATH]."""
        root = self.task_root(name)
        layers = [] if name in LAYERLESS else [self.folder / "opt" / "python"]
        return {
            "LAMBDA_TASK_ROOT": str(root),
            "LAMBDA_RUNTIME_DIR": str(self.folder / "runtime"),
            "PYTHONPATH": os.pathsep.join(map(str, [root, *layers, self.folder / "runtime"])),
            "PYTHONDONTWRITEBYTECODE": "1",  # neither /var/task nor /opt can be written to
        }


def unpack(build: Path, folder: Path, interpreter: Interpreter) -> Unpacked:
    """Unpack a build, and lay the runtime client beside it as Lambda has it: in a folder of its own."""
    for path in sorted((build / "functions").glob("*.zip")):
        _extract(path, folder / "task" / path.stem)
    for name in LAYERS:
        _extract(build / "layers" / f"{name}.zip", folder / "opt")
    lay_runtime_client(interpreter.packages, folder / "runtime")
    return Unpacked(folder, interpreter)


def _extract(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)


def lay_runtime_client(packages: Path, folder: Path) -> None:
    """Copy AWS's runtime client out of an environment's packages."""
    for name in RUNTIME_CLIENT:
        (distribution,) = metadata.distributions(name=name, path=[str(packages)])
        for file in distribution.files or ():
            if ".." not in file.parts and file.suffix != ".pyc":
                target = folder / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(packages / file, target)
