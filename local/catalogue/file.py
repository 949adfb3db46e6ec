"""The file of a catalogue: read with every fault at its line and column, written in one order."""

from __future__ import annotations

import csv
import dataclasses
import functools
import io
import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from pathlib import Path

from local.catalogue import Catalogue, CatalogueEntry, catalogue_of

SHIPPED = Path(__file__).with_name("ec2.csv")
ARCHITECTURES = ("x64", "arm64")
COLUMNS = (
    "region",
    "instance_type",
    "vcpu",
    "memory_mib",
    "architecture",
    "gpus",
    "on_demand_usd_per_hour",
    "as_of",
)
_MOST_FAULTS = 5  # of one file: whoever mends these sees the others then
_LONGEST_SHOWN = 40
REGION = re.compile(r"[a-z]{2}(-[a-z]{2,10}){1,3}-[0-9]", re.ASCII)
_TYPE = re.compile(r"[a-z0-9-]{1,20}\.[a-z0-9-]{1,20}", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,9}", re.ASCII)
_PRICE = re.compile(r"[0-9]{1,6}(\.[0-9]{1,20})?([eE]-[0-9]{1,2})?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class CatalogueError(ValueError):
    """A file is no catalogue; the message names the line and the column of what is wrong."""


def read_catalogue(file: Path) -> Catalogue:
    """Read a file.

    Raises:
        CatalogueError: it is not there, or not in form.
    """
    try:
        text = file.read_text("utf-8-sig")
    except OSError as fault:
        cure = "; slipway catalogue refresh writes it" if isinstance(fault, FileNotFoundError) else ""
        raise CatalogueError(f"{file}: cannot be read: {fault.strerror}{cure}") from fault
    except UnicodeDecodeError as fault:
        raise CatalogueError(f"{file}: is not UTF-8 text") from fault
    return parse_catalogue(text, str(file))


@functools.cache
def shipped() -> Catalogue:
    """Return what ships with Slipway: one region's list, which stands in for every region."""
    read = read_catalogue(SHIPPED)
    (only,) = read.lists.values()
    return dataclasses.replace(read, stand_in=only)


def parse_catalogue(text: str, name: str) -> Catalogue:
    """Read the text of a file of that name; CatalogueError as ``read_catalogue``."""
    faults: list[str] = []
    rows: dict[tuple[str, str], CatalogueEntry] = {}
    lines = csv.reader(io.StringIO(text, newline=""))
    try:
        _check_header(next(lines, []), name)
        for cells in lines:
            if any(cells):  # a spreadsheet writes emptied rows as commas
                _take(cells, f"{name}:{lines.line_num}", rows, faults)
    except csv.Error as fault:
        raise CatalogueError(f"{name}:{lines.line_num}: is not CSV: {fault}") from fault
    if not rows and not faults:
        faults.append(f"{name}: has no rows")
    if faults:
        more = f"; and {len(faults) - _MOST_FAULTS} more" if len(faults) > _MOST_FAULTS else ""
        raise CatalogueError("; ".join(faults[:_MOST_FAULTS]) + more)
    return catalogue_of(name, rows.values())


def catalogue_text(entries: Iterable[CatalogueEntry]) -> str:
    """Return the text of a file with these rows, in the order of regions and types."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for entry in sorted(entries, key=lambda entry: (entry.region, entry.name)):
        writer.writerow(dataclasses.astuple(entry))
    return stream.getvalue()


def _check_header(header: list[str], name: str) -> None:
    if missing := [column for column in COLUMNS if column not in header]:
        raise CatalogueError(f"{name}:1: has no column {', '.join(missing)}")
    if tuple(header) != COLUMNS:
        raise CatalogueError(f"{name}:1: columns are {','.join(COLUMNS)}, in this order, and no others")


def _take(
    cells: list[str], place: str, rows: dict[tuple[str, str], CatalogueEntry], faults: list[str]
) -> None:
    """Take one row in, or note what is wrong with it."""
    if len(cells) != len(COLUMNS):
        faults.append(f"{place}: has {len(cells)} cells, not {len(COLUMNS)}")
        return
    row = dict(zip(COLUMNS, cells, strict=True))
    wrong = [
        f"{place}: {column}: {_shown(row[column])} is not {what}"
        for column, (is_right, what) in _RIGHT.items()
        if not is_right(row[column])
    ]
    if wrong:
        faults += wrong
        return
    entry = _entry(row)
    if rows.setdefault((entry.region, entry.name), entry) is not entry:
        faults.append(f"{place}: instance_type: {entry.name} is there already for {entry.region}")


def _entry(row: Mapping[str, str]) -> CatalogueEntry:
    return CatalogueEntry(
        region=row["region"],
        name=row["instance_type"],
        vcpu=int(row["vcpu"]),
        memory_mib=int(row["memory_mib"]),
        architecture=row["architecture"],
        gpus=int(row["gpus"]),
        on_demand_usd_per_hour=float(row["on_demand_usd_per_hour"]),
        as_of=row["as_of"],
    )


def _shown(cell: str) -> str:
    text = ascii(cell)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"


def _is_day(cell: str) -> bool:
    try:
        return bool(_DATE.fullmatch(cell) and date.fromisoformat(cell))
    except ValueError:
        return False


def _is_positive(cell: str) -> bool:
    return bool(_WHOLE.fullmatch(cell)) and int(cell) > 0


def _is_price(cell: str) -> bool:
    return bool(_PRICE.fullmatch(cell)) and 0 < float(cell) < math.inf


_RIGHT: Mapping[str, tuple[Callable[[str], object], str]] = {
    "region": (REGION.fullmatch, "a region such as ap-northeast-1"),
    "instance_type": (_TYPE.fullmatch, "an instance type such as m7i.4xlarge"),
    "vcpu": (_is_positive, "a whole number of vCPU, 1 or more"),
    "memory_mib": (_is_positive, "a whole number of MiB, 1 or more"),
    "architecture": (ARCHITECTURES.__contains__, "one of x64, arm64"),
    "gpus": (_WHOLE.fullmatch, "a whole number of GPUs"),
    "on_demand_usd_per_hour": (_is_price, "a price above 0 such as 0.8064"),
    "as_of": (_is_day, "a day such as 2026-07-20"),
}
