"""The dated list prices that ship with Slipway."""

from __future__ import annotations

import csv
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

_FILE = Path(__file__).with_name("prices.csv")
BASES = ("quoted", "page", "assumed")


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit costs: of which service, how sure, of when, read where."""

    service: str
    what: str
    usd: float
    basis: str
    as_of: str
    source: str


@functools.cache
def prices_of(region: str) -> Mapping[str, Price]:
    """Return a region's prices of one unit each, by key.

    Raises:
        KeyError: there are none of this region.
    """
    with _FILE.open(encoding="ascii", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["region"] == region]
    if not rows:
        raise KeyError(region)
    return MappingProxyType({row["key"]: _price(row) for row in rows})


def regions() -> tuple[str, ...]:
    """Return the regions that there are prices of."""
    with _FILE.open(encoding="ascii", newline="") as file:
        return tuple(dict.fromkeys(row["region"] for row in csv.DictReader(file)))


def _price(row: Mapping[str, str]) -> Price:
    usd = float(row["usd"]) / float(row["per"])
    return Price(row["service"], row["what"], usd, row["basis"], row["as_of"], row["source"])
