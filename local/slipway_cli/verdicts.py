"""What every action of ``slipway config`` does first: check the file, and refuse it with all of its faults."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from local.slipway_cli.answers import refuse_input

if TYPE_CHECKING:
    from local.configuration.check import Verdict


def checked(file: Path) -> Verdict:
    """Return the verdict on a file."""
    from local.configuration.check import check_file  # noqa: PLC0415 pydantic is slow to import

    return check_file(file)


def refuse_file(arguments: argparse.Namespace, verdict: Verdict, stream: TextIO) -> int:
    """Tell every fault, as JSON on stdout where that was asked for, and return the exit code.

    What is wrong is the very output of ``check``; other actions keep stdout for what they make.
    """
    faults = [dataclasses.asdict(fault) for fault in verdict.faults]
    sentences = [fault.sentence(str(arguments.file)) for fault in verdict.faults]
    return refuse_input(arguments, faults, sentences, stream)
