"""Policies side by side, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

_BOUND = "clairvoyant"
_COLUMNS = (
    "policy",
    "completed",
    "wait p50",
    "p90",
    "p99",
    "max",
    "own p90",
    "instance h",
    "cost $",
    f"× {_BOUND}",
    "idle",
)


def comparison(summaries: Sequence[Mapping[str, Any]]) -> Table:
    """Return a row for each policy; waits in seconds, cost also as a multiple of the bound's where it was run."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for name in _COLUMNS:
        is_name = name == "policy"
        table.add_column(name, justify="left" if is_name else "right", no_wrap=True)
    bound = next((summary["cost_usd"] for summary in summaries if summary["policy"] == _BOUND), None)
    for summary in summaries:
        table.add_row(*(Text(cell) for cell in _cells(summary, bound)))
    return table


def _cells(summary: Mapping[str, Any], bound: float | None) -> tuple[str, ...]:
    waits, cost = summary["wait_seconds"], summary["cost_usd"]
    is_bound = summary["policy"] == _BOUND  # it buys no whole instance
    return (
        summary["policy"],
        f"{summary['completed']}/{summary['jobs']}",
        *(_seconds(waits[name]) for name in ("p50", "p90", "p99", "max")),
        _seconds(summary["own_seconds"]["p90"]),
        "–" if is_bound else f"{summary['instance_hours']:,.1f}",
        f"{cost:,.2f}",
        f"{cost / bound:.2f}" if bound else "–",
        "–" if is_bound else f"{100 * summary['idle_fraction']:.0f} %",
    )


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f}"
