"""What commands answer with: JSON on one line, and why they can do nothing, as JSON too where that was asked for."""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO


def print_json(value: Any) -> None:
    """Print a value on one line."""
    print(json.dumps(value, separators=(",", ":")), flush=True)


def wants_json(arguments: argparse.Namespace) -> bool:
    """Say whether a program reads the answer: ``--json``, or ``--format json`` where there are several formats."""
    return bool(getattr(arguments, "json", False)) or getattr(arguments, "format", None) == "json"


def refuse(arguments: argparse.Namespace, fault: str) -> int:
    """Say why a command can do nothing, in one sentence; 1."""
    if wants_json(arguments):
        print_json({"error": fault})
    else:
        print(f"slipway {arguments.command}: {fault}", file=sys.stderr)
    return 1


def refuse_input(
    arguments: argparse.Namespace,
    faults: Sequence[object],
    sentences: Sequence[str],
    stream: TextIO | None = None,
) -> int:
    """Tell every fault of what was handed in, for a program or as sentences (on stdout if on no other stream); 1."""
    if wants_json(arguments):
        print_json({"valid": False, "faults": list(faults)})
    else:
        for sentence in sentences:
            print(sentence, file=stream or sys.stdout)
    return 1


def cannot_be_written(path: Path | str, fault: OSError) -> str:
    """Return why a file was not written."""
    return f"{path}: cannot be written: {fault.strerror}"


def unwritable(*paths: Path | None) -> list[str]:
    """Return why files cannot be written, before what would fill them has run; None names no file."""
    return [fault for path in paths if path is not None and (fault := _unwritable(path))]


def _unwritable(path: Path) -> str | None:
    if path.is_dir():
        return f"{path}: cannot be written: it is a folder"
    if not path.parent.is_dir():
        return f"{path}: cannot be written: there is no folder {path.parent}"
    place = path if path.exists() else path.parent
    return None if os.access(place, os.W_OK) else f"{path}: cannot be written: {place} may not be written"


def leave(arguments: argparse.Namespace, path: Path | None, write: Callable[[Path], object]) -> bool:
    """Leave a file, if one was asked for, or say why it cannot be written; what was told before stays told."""
    if path is None:
        return True
    try:
        write(path)
    except OSError as fault:
        print(f"slipway {arguments.command}: {cannot_be_written(path, fault)}", file=sys.stderr)
        return False
    return True


@contextlib.contextmanager
def written_whole(file: Path) -> Iterator[Path]:
    """Give a file to write that takes the place of ``file`` once it is whole, with that one's permissions.

    A link stays one: what it leads to is written anew.

    Raises:
        OSError: it cannot be written, or is none of which there can be a new one, such as a device.
    """
    place = Path(os.path.realpath(file))
    if place.exists() and not place.is_file():
        raise OSError(errno.EINVAL, "it is no ordinary file", str(file))
    mode = place.stat().st_mode & 0o777 if place.exists() else 0o644
    handle, name = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(mode)
        temporary.replace(place)
    finally:
        temporary.unlink(missing_ok=True)
