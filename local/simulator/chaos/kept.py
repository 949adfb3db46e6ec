"""The seeds that once failed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

KEPT_SEEDS: Final = Path(__file__).with_name("kept_seeds.txt")


def kept_seeds() -> list[int]:
    """Return every seed that ever failed, in the order in which they were found."""
    lines = KEPT_SEEDS.read_text("utf-8").splitlines()
    return [int(line.split()[0]) for line in lines if line.strip() and not line.startswith("#")]
