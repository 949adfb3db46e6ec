"""What a person sees of a plan: its intents, why jobs wait, and the jobs that have waited longest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from local.planning.printing import as_json
from local.planning.reading import Situation
from local.words import amount, in_words, span
from slipway.domain.jobs import JobKey
from slipway.domain.plan import Plan

JOBS_SHOWN = 20
Entry = Mapping[str, Any]


def show(situation: Situation, plan: Plan, console: Console) -> None:
    """Print a plan for people."""
    printed = as_json(situation, plan)
    console.print(Text(f"pool {printed['pool']} at {printed['now']}", style="bold"), highlight=False)
    console.print()
    if printed["intents"]:
        console.print(_intents(printed["intents"]))
    else:
        console.print("Nothing is left to do.")
    console.print()
    if not printed["reasons"]:
        console.print("No job waits.")
        return
    console.print(_counts(printed["waiting"]))
    console.print()
    console.print(_jobs(situation, printed["reasons"]))
    left = len(printed["reasons"]) - JOBS_SHOWN
    if left > 0:
        console.print(f"and {left} younger jobs (--json lists all)", highlight=False)


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for name in columns:
        is_number = name in ("count", "jobs", "waited")
        table.add_column(name, justify="right" if is_number else "left", overflow="fold", no_wrap=is_number)
    return table


def _intents(entries: list[Entry]) -> Table:
    table = _table("intent", "count", "what")
    for entry in entries:
        what = _WHATS.get(entry["kind"], _name)(entry)
        table.add_row(Text(entry["kind"]), Text(str(entry.get("count", ""))), Text(what))
    return table


def _counts(waiting: Mapping[str, int]) -> Table:
    table = _table("jobs", "reason")
    for code, count in sorted(waiting.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(Text(str(count)), Text(code))
    return table


def _jobs(situation: Situation, reasons: list[Entry]) -> Table:
    table = _table("job", "waited", "why it waits")
    queued = {str(key): at for key, (at, _) in situation.queued.items()}
    oldest_first = sorted(reasons, key=lambda reason: (queued[reason["job"]], JobKey.parse(reason["job"])))
    for reason in oldest_first[:JOBS_SHOWN]:
        waited = situation.snapshot.now - queued[reason["job"]]
        words = in_words(reason["code"], reason["parameters"])
        table.add_row(Text(reason["job"]), Text(span(waited)), Text(words))
    return table


def _start_tasks(entry: Entry) -> str:
    shape, avoid = entry["shape"], entry["avoid"]
    alone = ", one an instance" if entry["exclusive"] else ""
    not_on = f", not on {_some(avoid)}" if avoid else ""
    return f"{shape['profile']} ({amount(shape)}){alone}{not_on}"


def _launch(entry: Entry) -> str:
    types = list(dict.fromkeys(kind for kind, _ in entry["offerings"]))
    subnets = len({subnet for _, subnet in entry["offerings"]})
    tier = ", for the stopped tier" if entry["for_stopped_tier"] else ""
    wanted = [f"{share['instances']} with {_load(share['for'])}" for share in entry["loads"] if share["for"]]
    loads = f": {'; '.join(wanted)}" if wanted else ""
    return f"{entry['market']}, {' or '.join(types)} in {subnets} subnets{tier}{loads}"


def _start_stopped(entry: Entry) -> str:
    starts = [f"{start['instance']} with {_load(start['for'])}" for start in entry["starts"]]
    return f"{entry['offering'][0]}: {'; '.join(starts)}"


def _set_aside(entry: Entry) -> str:
    return f"{entry.get('instance') or entry['job']}: {entry['why']}"


def _name(entry: Entry) -> str:
    return str(entry.get("instance") or entry.get("task") or "")


_WHATS: Mapping[str, Callable[[Entry], str]] = {
    "start_tasks": _start_tasks,
    "launch": _launch,
    "start_stopped": _start_stopped,
    "set_aside": _set_aside,
    "no_room": lambda entry: (
        f"{entry['of']}: standby or headroom finds none, and no instance may be launched for it"
    ),
    "plan_again": lambda _: "a limit has room for more once these offers are out",
    "close_circuit": lambda entry: f"{entry['of'].replace('_', ' ')}: they succeed again",
    "count_failure": lambda entry: f"{entry['of'].replace('_', ' ')}: {entry['why']}",
}


def _load(tasks: Mapping[str, int]) -> str:
    """Return a load as ``2 medium (4 vCPU, 14 GiB), 1 × 8 vCPU, 28 GiB kept free``."""
    if not tasks:
        return "nothing yet"
    words = []
    for shape, count in tasks.items():
        profile, cpu_units, memory_mib = shape.rsplit("-", 2)
        size = amount({"cpu_units": int(cpu_units), "memory_mib": int(memory_mib)})
        words.append(f"{count} {profile} ({size})" if profile else f"{count} × {size} kept free")
    return ", ".join(words)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"
