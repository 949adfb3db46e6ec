"""The demo's functions from the built packages: unpacked as in Lambda, nothing of the checkout on their path."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from local.configuration.check import check_file
from local.packages.build import Order, build
from local.packages.contents import ROOT
from local.packages.unpacked import Interpreter, Unpacked, unpack
from local.packages.vendor import this_machine


def python_of_functions() -> Path:
    """Return Lambda's version, 3.13, where ``local/setup.sh python313`` made an environment of it; else this one."""
    lambdas = ROOT / ".venv313" / "bin" / "python"
    return lambdas if lambdas.exists() else Path(sys.executable)


def build_and_unpack(configuration: Path, folder: Path, say: Callable[[str], None]) -> Unpacked:
    """Build the packages of a ``slipway.yaml`` for this machine, and unpack them.

    Raises:
        BuildError: they cannot be built.
    """
    python = python_of_functions()
    verdict = check_file(configuration)
    if verdict.file is None:
        raise ValueError("; ".join(fault.sentence(configuration.name) for fault in verdict.faults))
    build(Order(configuration, verdict.file, this_machine(python)), folder / "deployment", say)
    return unpack(folder / "deployment", folder / "unpacked", Interpreter.of(python))
