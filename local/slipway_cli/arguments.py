"""What several commands take on their command lines, and say of what they cannot take."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

_DIGITS = 18


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return what reads a whole number in plain digits, within its bounds."""

    def read(text: str) -> int:
        is_number = text.isascii() and text.isdigit() and len(text) <= _DIGITS
        if not is_number or int(text) < least or (most is not None and int(text) > most):
            bounds = f"from {least} on" if most is None else f"from {least} to {most}"
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number {bounds}")
        return int(text)

    return read


def number(text: str) -> float:
    """Read a number; what is none is not a number either."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def seconds(text: str) -> float:
    """Read seconds, a fifth of one to a day."""
    if not 0.2 <= (read := number(text)) <= 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0.2 to 86400")
    return read


def add_serving(parser: argparse.ArgumentParser) -> None:
    """Add what every command that serves the live view's page takes."""
    parser.add_argument(
        "--port",
        type=whole_number(0, 65_535),
        default=0,
        metavar="N",
        help="port on 127.0.0.1 (default: a free one)",
    )
    parser.add_argument(
        "--serve-seconds", type=seconds, metavar="S", help="stop serving after so long (default: at Ctrl-C)"
    )
