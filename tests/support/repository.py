"""The files of this repository, as git has them or would take them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Made here, and changing while tests run: never entered, for a folder may go away under whoever walks it.
MADE_HERE = {ROOT / "build", ROOT / ".git", ROOT / ".hypothesis"}


@cache
def repository_files() -> tuple[Path, ...]:
    """Return the files that git has, or would take; a checkout without git is walked instead."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode == 0:
        paths = [ROOT / name.decode() for name in listing.stdout.split(b"\0") if name]
    else:
        paths = list(_walked())
    return tuple(path for path in sorted(paths) if path.is_file())


def _walked() -> Iterator[Path]:
    for folder, names, files in os.walk(ROOT):
        names[:] = [name for name in names if not _is_made_here(Path(folder) / name)]
        yield from (Path(folder) / file for file in files)


def _is_made_here(folder: Path) -> bool:
    return (
        folder in MADE_HERE or folder.name.startswith(".venv") or folder.name.endswith(("cache", "cache__"))
    )
