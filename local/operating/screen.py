"""What a person sees of pools, jobs, runners and instances: a table each, narrower where the terminal is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from local.operating.views import Row
from local.words import phrase, span
from slipway.domain.text import inert

NARROW = 100  # columns of a terminal below which only what matters most is shown: ids and reasons, whole
ROWS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class _Column:
    """A column: the key of its value in a row, and whether it is left out where there is little room."""

    key: str
    is_extra: bool = False
    is_number: bool = False


_COLUMNS: Mapping[str, Sequence[_Column]] = {
    "jobs": (
        _Column("job"),
        _Column("state", is_extra=True),
        _Column("repository", is_extra=True),
        _Column("profile", is_extra=True),
        _Column("seconds", is_number=True),
        _Column("why"),
    ),
    "runners": (
        _Column("task"),
        _Column("state"),
        _Column("profile", is_extra=True),
        _Column("instance", is_extra=True),
        _Column("job"),
        _Column("seconds", is_number=True),
    ),
    "instances": (
        _Column("instance"),
        _Column("state"),
        _Column("type"),
        _Column("market", is_extra=True),
        _Column("tasks", is_extra=True, is_number=True),
        _Column("fill", is_number=True),
        _Column("seconds", is_extra=True, is_number=True),
        _Column("why", is_extra=True),
    ),
}
_HEADS = {"seconds": "for", "fill": "full"}


def rows_as_table(kind: str, rows: Sequence[Row], width: int) -> RenderableType:
    """Return rows of a kind (``jobs``, ``runners``, ``instances``) as a table."""
    if not rows:
        return Text(f"no {kind}")
    columns = [column for column in _COLUMNS[kind] if width >= NARROW or not column.is_extra]
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for column in columns:
        name = _HEADS.get(column.key, column.key)
        justify = "right" if column.is_number else "left"
        table.add_column(name, justify=justify, overflow="fold", no_wrap=column.is_number)  # type: ignore[arg-type]
    for row in rows[:ROWS_SHOWN]:
        table.add_row(*(Text(_shown(column.key, row[column.key])) for column in columns))
    left = len(rows) - ROWS_SHOWN
    return Group(table, Text(f"and {left} more (--json lists all)")) if left > 0 else table


def pools_as_text(pools: Sequence[Row]) -> RenderableType:
    """Return how pools are: a few lines each."""
    lines = [line for pool in pools for line in _pool(pool)]
    if any(pool["reasons"] for pool in pools):
        lines.append(Text("what to do about a reason: docs/reasons.md", style="dim"))
    return Group(*lines)


def show(console: Console, kind: str, rows: Sequence[Row]) -> None:
    """Print rows of a kind."""
    console.print(picture(kind, rows, console.width))


def picture(kind: str, rows: Sequence[Row], width: int) -> RenderableType:
    """Return what is shown of a kind: ``status`` or one of the tables."""
    return pools_as_text(rows) if kind == "status" else rows_as_table(kind, rows, width)


def _pool(pool: Row) -> Iterator[Text]:
    order = "" if pool["order"] == "run" else f"  [{pool['order']}]"
    yield Text(f"{pool['pool']}{order}", style="bold")
    longest = f", the longest for {span(pool['longest_wait_seconds'])}" if pool["waiting"] else ""
    yield Text(f"  {_number(pool['waiting'], 'job')} waiting{longest}")
    for code, count in pool["reasons"].items():
        yield Text(f"    {count:>5}  {code}: {phrase(code)}")
    yield Text(f"  runners    {_counts(pool['runners'])}")
    fill = "" if pool["fill"] is None else f", {pool['fill']:.0%} full"
    yield Text(f"  instances  {_counts(pool['instances'])} (at most {pool['max_instances']}){fill}")
    for trouble in pool["troubles"]:
        yield Text(f"  ! {trouble}", style="bold red")


def _shown(key: str, value: Any) -> str:
    if value is None:
        return "-"
    if key == "seconds":
        return span(value)
    if key == "fill":
        return f"{value:.0%}"
    # The ledger holds nothing else, if the webhook wrote it; a terminal is not left to rely on that.
    return inert(str(value)[:8] if key == "task" else str(value))


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in counts.items()) or "none"


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
