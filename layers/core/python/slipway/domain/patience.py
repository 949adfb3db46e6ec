"""Patience: how long until something is tried again."""

from __future__ import annotations


def less_and_less_often(age: float, least: float, most: float) -> float:
    """Return the pause before the next try of what has waited for ``age`` seconds: a quarter of it, within bounds."""
    return min(most, max(least, age / 4))
