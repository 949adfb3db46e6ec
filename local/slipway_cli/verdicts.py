"""What every action of ``slipway config`` does first: check the file, and refuse it with all of its faults."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from local.configuration.check import Verdict


def checked(file: Path) -> Verdict:
    """Return the verdict on a file."""
    from local.configuration.check import check_file  # noqa: PLC0415 pydantic is slow to import

    return check_file(file)


def refuse(arguments: argparse.Namespace, verdict: Verdict, stream: TextIO) -> int:
    """Tell every fault, as JSON on stdout where that was asked for, and return the exit code.

    What is wrong is the very output of ``check``; other actions keep stdout for what they make.
    """
    if arguments.json:
        print_json({"valid": False, "faults": [dataclasses.asdict(fault) for fault in verdict.faults]})
    else:
        for fault in verdict.faults:
            print(fault.sentence(str(arguments.file)), file=stream)
    return 1


def print_json(value: Any) -> None:
    """Print a value on one line."""
    print(json.dumps(value, separators=(",", ":")))
