"""Policies side by side, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from local.words import seconds

_BOUND = "clairvoyant"
# Two lines each, with the unit: eleven columns of one line would not fit a terminal.
_HEADS = (
    "policy",
    "jobs\ndone",
    "wait s\np50",
    "\np90",
    "\np99",
    "\nmax",
    "own s\np90",
    "inst.\nhours",
    "cost\n$",
    f"cost ×\n{_BOUND}",
    "idle\n%",
)
_MULTIPLE = _HEADS.index(f"cost ×\n{_BOUND}")


def comparison(summaries: Sequence[Mapping[str, Any]]) -> Table:
    """Return a row for each policy; waits in seconds, cost also as a multiple of the bound's where it was run."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    bound = next((summary["cost_usd"] for summary in summaries if summary["policy"] == _BOUND), None)
    shown = [at for at in range(len(_HEADS)) if at != _MULTIPLE or bound]
    for at in shown:
        table.add_column(_HEADS[at], justify="left" if at == 0 else "right", no_wrap=True)
    for summary in summaries:
        cells = _cells(summary, bound)
        table.add_row(*(Text(cells[at]) for at in shown))
    return table


def _cells(summary: Mapping[str, Any], bound: float | None) -> tuple[str, ...]:
    waits, cost = summary["wait_seconds"], summary["cost_usd"]
    is_bound = summary["policy"] == _BOUND  # it buys no whole instance
    return (
        summary["policy"],
        f"{summary['completed']}/{summary['jobs']}",
        *(seconds(waits[name]) for name in ("p50", "p90", "p99", "max")),
        seconds(summary["own_seconds"]["p90"]),
        "–" if is_bound else f"{summary['instance_hours']:,.1f}",
        f"{cost:,.2f}",
        f"{cost / bound:.2f}" if bound else "–",
        "–" if is_bound else f"{100 * summary['idle_fraction']:.0f}",
    )
