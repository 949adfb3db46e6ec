"""Accounts for people, for spreadsheets and for scripts."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from local.reports.accounts import Report, Row
from local.reports.money import NANO, Prices
from local.reports.sizes import MARGIN, PART, Sized
from local.reports.targets import FEWEST_JOBS, Target
from local.words import iso, seconds
from slipway.domain.resources import CPU_UNITS_PER_VCPU
from slipway.domain.text import inert

COLUMNS = ("jobs", "minutes", "wait_p50_seconds", "wait_p90_seconds", "held_usd", "overhead_usd", "cost_usd")
# What makes a spreadsheet take a cell for a formula (threats: 14).
_LONGEST = 500  # characters of a line
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_json(report: Report, by: str) -> dict[str, Any]:
    """Return a report as JSON; money as exact decimal numbers in text, which add up to ``instances_usd``."""
    return {
        "from": iso(report.within.start),
        "to": iso(report.within.end),
        "by": by,
        "instances_usd": usd(report.bill.instances),
        "rows": [
            {by: row.name, **_cells(row), "waited_for_minutes": _minutes(row.waited_for)}
            for row in report.rows
        ],
        "notes": notes(report),
    }


def as_csv(report: Report, by: str) -> str:
    """Return a report as CSV; ``cost_usd`` of all rows adds up to the cost of the instances, exactly."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([by, *COLUMNS])
    for row in report.rows:
        cells = _cells(row)
        writer.writerow(
            [_harmless(row.name), *("" if cells[name] is None else cells[name] for name in COLUMNS)]
        )
    return stream.getvalue()


def as_table(report: Report, by: str) -> Table:
    """Return a report for a terminal; money in dollars and cents, rounded so that rows add up."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold", show_footer=True)
    total_jobs = sum(row.jobs for row in report.rows)
    minutes = sum(row.minutes for row in report.rows)
    footers = ("", f"{total_jobs:,}", f"{minutes:,.0f}", "", "", f"{report.cents / 100:,.2f}")
    for name, footer in zip((by, "jobs", "minutes", "wait p50", "p90", "$"), footers, strict=True):
        is_name = name == by
        table.add_column(
            name, footer, justify="left" if is_name else "right", overflow="fold", no_wrap=not is_name
        )
    for row in report.rows:
        cells = (
            row.name,
            f"{row.jobs:,}",
            f"{row.minutes:,.0f}",
            *map(seconds, (row.wait_p50, row.wait_p90)),
        )
        _add_row(table, (*cells, f"{row.cents / 100:,.2f}"))
    return table


def targets_as_json(found: Sequence[Target]) -> dict[str, Any]:
    """Return how targets were kept as JSON; waits in seconds, what was lost in minutes."""
    return {
        "targets": [
            {
                "profile": target.profile,
                "organization": target.organization,
                "target_seconds": target.target_seconds,
                "jobs": target.jobs,
                "p90_wait_seconds": round(target.p90, 3),
                "is_met": target.is_met,
                "top_workflow": target.top,
                "p90_without_top_seconds": _rounded(target.without_top),
                "is_met_without_top": target.is_met_without_top,
                "lost_minutes": _minutes(target.lost_to),
                "lost_minutes_by_reason": _minutes(target.held_by),
            }
            for target in found
        ]
    }


def targets_as_table(found: Sequence[Target]) -> RenderableType:
    """Return how targets were kept for eighty columns: figures in a table, below it what was lost to what."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for name in ("profile", "organization", "jobs", "target", "p90", "met", "without\ntop"):
        is_text = name in ("profile", "organization", "met")
        table.add_column(
            name,
            justify="left" if is_text else "right",
            overflow="fold",
            no_wrap=not is_text,
            vertical="bottom",
        )
    for target in found:
        met = "yes" if target.is_met else "but for one" if target.is_met_without_top else "no"
        cells = (
            target.profile,
            _organization(target),
            f"{target.jobs:,}" + (" (few)" if target.jobs < FEWEST_JOBS else ""),
            f"{target.target_seconds}",
            seconds(target.p90),
            met,
            seconds(target.without_top),
        )
        _add_row(table, cells)
    return Group(table, *(Text(inert(line, _LONGEST)) for line in _lost(found)))


def _organization(target: Target) -> str:
    return "all" if target.organization == "*" else target.organization


def _lost(found: Iterable[Target]) -> Iterator[str]:
    """Yield what each target was lost to, where some job missed it."""
    for target in found:
        if target.lost_to:
            by = f"; held up by {_most(target.held_by)}" if target.held_by else ""
            top = f"; most often {target.top}" if target.top else ""
            lost = f"lost to {_most(target.lost_to)}"
            yield f"{target.profile}, {_organization(target)}: {lost}{by}{top}"


def sizes_as_json(found: Sequence[Sized]) -> dict[str, Any]:
    """Return what jobs used at most as JSON; money as exact decimal numbers in text."""
    return {
        "part": PART,
        "margin": float(MARGIN),
        "jobs": [
            {
                "repository": one.repository,
                "workflow": one.workflow,
                "job": one.name,
                "profile": one.profile,
                **one.size.as_parameters(),
                "jobs": one.jobs,
                "cpu_units_used": one.cpu_units,
                "memory_mib_used": one.memory_mib,
                "memory_mib_most": one.memory_most_mib,
                "is_tight": one.is_tight,
                "fits": one.fits,
                "fits_size": one.fits_size.as_parameters() if one.fits_size else None,
                "saved_usd": usd(one.saved),
            }
            for one in found
        ],
    }


def sizes_as_table(found: Sequence[Sized]) -> Table:
    """Return what jobs used at most for a terminal: CPUs and GiB, of each what the profile has besides."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    for name in ("job", "profile", "jobs", "CPU of", "GiB of", "kernel's", "would fit", "saves $"):
        is_text = name in ("job", "profile", "would fit")
        table.add_column(name, justify="left" if is_text else "right", overflow="fold", no_wrap=not is_text)
    for one in found:
        most = "–" if one.memory_most_mib is None else f"{one.memory_most_mib / 1_024:.1f}"
        cells = (
            " ".join(name for name in (one.repository, one.workflow, one.name) if name),
            one.profile,
            f"{one.jobs:,}",
            f"{one.cpu_units / CPU_UNITS_PER_VCPU:.1f} of {one.size.cpu_units / CPU_UNITS_PER_VCPU:g}",
            f"{one.memory_mib / 1_024:.1f} of {one.size.memory_mib / 1_024:g}",
            most,
            (one.fits or ("tight" if one.is_tight else "–")) + (" (few)" if one.is_of_few else ""),
            f"{one.saved / NANO:,.2f}" if one.fits else "–",
        )
        _add_row(table, cells)
    return table


def notes(report: Report) -> list[str]:
    """Return what a reader should know about the figures."""
    found = [price_note(report.prices)]
    if report.bill.unowned:
        pools = ", ".join(f"{pool} ({usd(cost)} USD)" for pool, cost in sorted(report.bill.unowned.items()))
        found.append(f"no job ran in these pools, so nobody owes their instances: {pools}")
    return found


def price_note(prices: Prices) -> str:
    """Return whose prices dollars are."""
    named = ", ".join(f"{name} {price:g}" for name, price in sorted(prices.named.items()))
    own = f"named: {named} USD an hour" if named else "--price TYPE=USD names another"
    return f"{prices.told}, where an instance's launch recorded no other; {own}"


def usd(nano: int) -> str:
    """Return nano-USD as an exact decimal number of USD."""
    return f"{Decimal(nano) / NANO:.9f}"


def _cells(row: Row) -> dict[str, Any]:
    return {
        "jobs": row.jobs,
        "minutes": round(row.minutes, 3),
        "wait_p50_seconds": _rounded(row.wait_p50),
        "wait_p90_seconds": _rounded(row.wait_p90),
        "held_usd": usd(row.held),
        "overhead_usd": usd(row.overhead),
        "cost_usd": usd(row.cost),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _minutes(parts: Sequence[tuple[str, float]]) -> dict[str, float]:
    return {name: round(minutes, 3) for name, minutes in parts}


def _most(parts: Sequence[tuple[str, float]]) -> str:
    return ", ".join(f"{name} {minutes:,.1f} min" for name, minutes in parts[:2])


def _add_row(table: Table, cells: Iterable[str]) -> None:
    """Add cells as text, never markup: names are whatever somebody wrote into a workflow, or into a file of usage."""
    table.add_row(*(Text(inert(cell)) for cell in cells))


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
