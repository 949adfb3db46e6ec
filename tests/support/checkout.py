"""This checkout: how a process of its own imports it, and what its tests are called."""

from __future__ import annotations

import os
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
IMPORT_PATH = os.pathsep.join(
    [str(ROOT), str(ROOT / "layers" / "core" / "python")]
)  # what PYTHONPATH must be


def names_of_tests() -> set[str]:
    """Return the names of all tests that stand in a module by themselves."""
    sources = (path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    return {name for source in sources for name in re.findall(r"^def (test_\w+)\(", source, re.MULTILINE)}
