"""``slipway report``: who used what, what they waited for, what it cost."""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from local.operating.faults import NoSightError
from local.reports.accounts import BY
from local.slipway_cli.answers import leave, print_json, refuse, unwritable
from local.slipway_cli.arguments import number
from local.slipway_cli.sight_arguments import add_region, configuration_of, file_of
from local.words import minute

if TYPE_CHECKING:
    from local.reports.accounts import Report
    from local.reports.lines import Lines
    from local.reports.money import Prices, Range
    from local.reports.targets import Target
    from local.reports.waits import Wait
    from local.simulator.headroom import Advice
    from slipway.domain.configuration import Configuration
    from slipway.domain.usage import Usage

_TABLE_WIDTH = 120
_BEST_HOURS = 10


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "report", help="jobs, minutes, waits and money, by who used them", allow_abbrev=False
    )
    _add_source(parser)
    _add_view(parser)
    _add_outputs(parser)
    parser.set_defaults(run=lambda arguments: run_command(arguments, parser))


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--usage", type=Path, metavar="FILE.jsonl", help="usage lines that a demo or a simulation left"
    )
    parser.add_argument(
        "--config",
        type=Path,
        default=Path("slipway.yaml"),
        metavar="FILE",
        help="slipway.yaml whose table is read where there is no --usage, whose targets --slo judges by, whose"
        " profiles --right-size compares with, and whose catalogue has the list prices (default slipway.yaml)",
    )
    add_region(parser)
    parser.add_argument("--from", dest="start", type=_day, metavar="DAY", help="first day, UTC (2026-11-01)")
    parser.add_argument("--to", dest="end", type=_day, metavar="DAY", help="day after the last, UTC")
    parser.add_argument(
        "--price",
        type=_price,
        action="append",
        default=[],
        metavar="TYPE=USD",
        help="what an hour of an instance type costs, instead of its list price",
    )


def _add_view(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--by", choices=BY, default="repository", help="whose accounts (default repository)")
    parser.add_argument(
        "--slo",
        action="store_true",
        help="instead: was each profile's target kept, for whom, and what was lost to what",
    )
    parser.add_argument(
        "--headroom",
        action="store_true",
        help="with --slo: also ask the simulator which headroom would have kept a target that was missed (minutes)",
    )
    parser.add_argument(
        "--right-size",
        action="store_true",
        help="instead: which jobs would do with a smaller profile, by what their containers' logs say",
    )
    parser.add_argument(
        "--logs",
        type=Path,
        metavar="DIR",
        help="with --right-size: what slipway demo --keep-logs left, instead of the deployment's log groups",
    )
    parser.add_argument(
        "--quiet-hours",
        action="store_true",
        help="instead: in which hours of the week a cron or a deploy would wait least",
    )
    parser.add_argument(
        "--timezone", type=_zone, default="UTC", metavar="ZONE", help="of the week's hours (default UTC)"
    )


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--plot", type=Path, metavar="FILE.svg", help="draw the week's demand and waits, and what it cost"
    )
    parser.add_argument("--format", choices=("table", "csv", "json"), default="table", help="(default table)")
    parser.add_argument(
        "--json", dest="format", action="store_const", const="json", help="the same as --format json"
    )


def run_command(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Print the accounts; 1 with the reason where there is nothing to count, or no price."""
    from local.reports.accounts import report  # noqa: PLC0415 - --help stays quick
    from local.reports.lines import UsageFileError  # noqa: PLC0415
    from local.reports.money import NoPriceError  # noqa: PLC0415

    if misuse := _misuse(arguments):
        parser.error(misuse)
    if faults := unwritable(arguments.plot):
        return refuse(arguments, faults[0])
    try:
        lines, within = _read(arguments)
        for is_asked, tell in (
            (arguments.slo, _judge),
            (arguments.quiet_hours, _tell_quiet_hours),
            (arguments.right_size, _tell_right_sizes),
        ):
            if is_asked:
                return tell(arguments, lines, within)
        made = report(lines, within, arguments.by, _prices(arguments))
    except (UsageFileError, NoSightError, _NothingError) as fault:
        return refuse(arguments, str(fault))
    except NoPriceError as fault:
        cure = " ".join(f"--price {name or 'TYPE'}=USD" for name in fault.types)
        return refuse(arguments, f"{fault}: add {cure}")
    _print(arguments, made)
    drawing = _drawing(arguments, lines, made) if arguments.plot else ""
    return 0 if leave(arguments, arguments.plot, lambda path: path.write_text(drawing, "utf-8")) else 1


def _misuse(arguments: argparse.Namespace) -> str | None:
    """Return what is wrong with the arguments together, if anything."""
    for name in ("slo", "right_size"):
        if getattr(arguments, name) and arguments.format == "csv":
            return f"--{name.replace('_', '-')} is a table or JSON"
    if arguments.headroom and not arguments.slo:
        return "--headroom goes with --slo"
    if arguments.right_size and arguments.usage is not None and arguments.logs is None:
        return "--right-size of a file of usage needs the logs of the same run: --logs DIR"
    return None


def _tell_quiet_hours(arguments: argparse.Namespace, lines: Lines, within: Range) -> int:
    from local.reports.hours import quietest, week  # noqa: PLC0415

    hours = quietest(week(_waits(lines, within), arguments.timezone))
    if arguments.format == "json":
        keys = ("name", "jobs", "wait_p90")
        print_json([{key: getattr(hour, key) for key in keys} for hour in hours])
        return 0
    print(f"hours ({arguments.timezone.key}) in which something new would wait least:")
    for hour in hours[:_BEST_HOURS]:
        print(f"  {hour.name}  {_counted(hour.jobs)}, wait p90 {hour.wait_p90 or 0.0:,.1f} s")
    return 0


def _counted(jobs: float) -> str:
    """Return a mean number of jobs, its part of one only where there is any."""
    return f"{jobs:,.1f}".removesuffix(".0") + (" job" if jobs == 1 else " jobs")


def _tell_right_sizes(arguments: argparse.Namespace, lines: Lines, within: Range) -> int:
    from local.reports.peaks import NoLogsError  # noqa: PLC0415
    from local.slipway_cli.report_right_size import tell_right_sizes  # noqa: PLC0415

    try:
        tell_right_sizes(arguments, lines, within, configuration_of(arguments.config), _prices(arguments))
    except NoLogsError as fault:
        raise _NothingError(str(fault)) from fault
    return 0


def _drawing(arguments: argparse.Namespace, lines: Lines, made: Report) -> str:
    from local.reports.hours import week  # noqa: PLC0415
    from local.reports.plot import draw  # noqa: PLC0415

    zone = arguments.timezone
    title = f"{minute(made.within.start)} to {minute(made.within.end)}, by {arguments.by}"
    return draw(week(_waits(lines, made.within), zone), made.rows, title, zone.key)


def _waits(lines: Lines, within: Range) -> list[Wait]:
    from local.reports.waits import waits  # noqa: PLC0415

    return [wait for wait in waits(lines) if within.start <= wait.job.completed_at < within.end]


def _judge(arguments: argparse.Namespace, lines: Lines, within: Range) -> int:
    """Print how targets were kept; 1 where one was not, also without its top contributor."""
    from local.reports.output import targets_as_json, targets_as_table  # noqa: PLC0415
    from local.reports.targets import targets  # noqa: PLC0415

    configuration = configuration_of(arguments.config)
    profiles = configuration.profiles
    if not any(profile.wait_target for profile in profiles.values()):
        raise _NothingError(f"no profile of {arguments.config} has a target: give it slo.p90_wait")
    found = targets(_waits(lines, within), profiles)
    advice = _advise(found, lines, within, configuration) if arguments.headroom else []
    if arguments.format == "json":
        from local.simulator.headroom import as_json  # noqa: PLC0415

        told = {"headroom": [as_json(one) for one in advice]} if arguments.headroom else {}
        print_json(targets_as_json(found) | told)
    else:
        from rich.console import Console  # noqa: PLC0415

        Console().print(targets_as_table(found))
        _tell_advice(advice)
    return 0 if all(target.is_met_without_top for target in found) else 1


def _advise(found: list[Target], lines: Lines, within: Range, configuration: Configuration) -> list[Advice]:
    """Ask the simulator for each target that was missed by all together; how far it is goes to stderr."""
    from dataclasses import replace  # noqa: PLC0415

    from local.simulator.headroom import Adviser, missed_by_all  # noqa: PLC0415
    from local.simulator.report.progress import progress_of  # noqa: PLC0415

    recorded = replace(
        lines, jobs=tuple(job for job in lines.jobs if within.start <= job.completed_at < within.end)
    )
    adviser = Adviser(recorded, configuration, progress_of)
    advice = [adviser.advise(target) for target in missed_by_all(found)]
    return [one for one in advice if one is not None]


def _tell_advice(advice: list[Advice]) -> None:
    from local.simulator.headroom import sentence  # noqa: PLC0415

    for one in advice:
        print(sentence(one))


class _NothingError(Exception):
    """There is nothing to report; the message says why, and where there is something."""


def _read(arguments: argparse.Namespace) -> tuple[Lines, Range]:
    from local.reports.lines import Lines, read_lines  # noqa: PLC0415
    from local.reports.money import Range  # noqa: PLC0415
    from slipway.domain.usage import ended_at  # noqa: PLC0415

    start = arguments.start.timestamp() if arguments.start else None
    end = arguments.end.timestamp() if arguments.end else None
    if start is not None and end is not None and start >= end:
        raise _NothingError("--from is not before --to: the last day is the one before --to")
    usages = list(read_lines(arguments.usage)) if arguments.usage else _of_deployment(arguments, start, end)
    if not usages:
        raise _NothingError(f"no usage is recorded in {arguments.usage or 'these days'}")
    ends = [ended_at(usage) for usage in usages]
    begun = min(getattr(usage, "launched_at", at) for usage, at in zip(usages, ends, strict=True))
    within = Range(begun if start is None else start, max(ends) + 1 if end is None else end)
    if within.end <= begun or within.start > max(ends):
        raise _NothingError(
            f"nothing is recorded in these days: records reach from {minute(begun)} to {minute(max(ends))}"
        )
    if start is not None and begun > start:
        print(f"recorded only since {minute(begun)}: what was before is missing", file=sys.stderr)
    return Lines.of(usages), within


def _of_deployment(arguments: argparse.Namespace, start: float | None, end: float | None) -> list[Usage]:
    from local.reports.deployment import read_deployment  # noqa: PLC0415

    return read_deployment(configuration_of(arguments.config), arguments.region, start, end, time.time())


def _prices(arguments: argparse.Namespace) -> Prices:
    """Return the prices of the configuration's catalogue; records without a configuration have those that ship."""
    from local.reports.money import Prices  # noqa: PLC0415

    named = dict(arguments.price)
    if arguments.usage is not None and not arguments.config.exists():
        return Prices(named=named)
    file = file_of(arguments.config)
    return Prices(file.catalogue, {name: pool.region for name, pool in file.pools.items()}, named)


def _print(arguments: argparse.Namespace, made: Report) -> None:
    from local.reports.output import as_csv, as_json, as_table, notes  # noqa: PLC0415

    if arguments.format == "json":
        print_json(as_json(made, arguments.by))
        return
    if arguments.format == "csv":
        sys.stdout.write(as_csv(made, arguments.by))
    else:
        from rich.console import Console  # noqa: PLC0415

        Console(width=None if sys.stdout.isatty() else _TABLE_WIDTH).print(as_table(made, arguments.by))
    for note in notes(made):
        print(note, file=sys.stderr)


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day such as 2026-11-01") from None


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError):
        raise argparse.ArgumentTypeError(f"{text!r} is not a time zone such as Asia/Tokyo") from None


def _price(text: str) -> tuple[str, float]:
    name, _, amount = text.partition("=")
    if not name or not 0 < (price := number(amount)) < 1_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not TYPE=USD, such as m7i.4xlarge=0.8064")
    return name, price
