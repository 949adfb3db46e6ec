"""``slipway status``, ``jobs``, ``runners``, ``instances``: what there is now, and why. They change nothing."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from local.operating.faults import NoSightError
from local.slipway_cli.answers import print_json, refuse
from local.slipway_cli.sight_arguments import add_sight_arguments, open_sight, pools_asked_for
from local.words import clock, iso
from slipway.domain.text import inert

if TYPE_CHECKING:
    from rich.console import Console

    from local.operating.sight import Sight
    from local.operating.views import Row

_KINDS = {
    "status": "how each pool is: jobs that wait and why, runners, instances, what is wrong",
    "jobs": "the jobs that wait, each with its reason, and those that run",
    "runners": "the containers of pools, and what each is for",
    "instances": "the instances of pools, and how full each is",
}
_EVERY_SECONDS = 2.0
_LONGEST = 1_000  # characters of a sentence


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommands."""
    for kind, help_text in _KINDS.items():
        parser = subparsers.add_parser(kind, help=help_text, allow_abbrev=False)
        add_sight_arguments(parser)
        parser.add_argument(
            "--pool", action="append", default=[], metavar="NAME", help="this pool alone; may be repeated"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON array")
        parser.add_argument("--watch", action="store_true", help="look again every two seconds, until Ctrl-C")
        parser.set_defaults(run=lambda arguments, kind=kind, parser=parser: _look(arguments, kind, parser))


def _look(arguments: argparse.Namespace, kind: str, parser: argparse.ArgumentParser) -> int:
    if arguments.watch and arguments.json:
        parser.error("--watch is for people: a program asks again for --json")

    from rich.console import Console  # noqa: PLC0415 - --help stays quick

    try:
        sight = open_sight(arguments)
        pools = pools_asked_for(arguments.pool, sight.configuration)

        def rows() -> list[Row]:
            return _rows(sight, kind, pools)

        if arguments.watch:
            return watch(kind, rows, Console())
        found = rows()
    except NoSightError as fault:
        return refuse(arguments, str(fault))
    if arguments.json:
        print_json(found)
        return 0
    from local.operating.screen import show  # noqa: PLC0415

    show(Console(), kind, found)
    return 0


def watch(
    kind: str, rows: Callable[[], list[Row]], console: Console, sleep: Callable[[float], None] = time.sleep
) -> int:
    """Show rows again and again until Ctrl-C; what cannot be read leaves the last picture, and says since when.

    Raises:
        NoSightError: not even the first look succeeds.
    """
    from rich.console import Group  # noqa: PLC0415
    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from local.operating.screen import picture  # noqa: PLC0415

    last, read_at = picture(kind, rows(), console.width), time.time()
    try:
        with Live(last, console=console, auto_refresh=False) as live:
            while True:
                sleep(_EVERY_SECONDS)
                try:
                    last, read_at = picture(kind, rows(), console.width), time.time()
                    live.update(last, refresh=True)
                except NoSightError as fault:
                    said = f"not read since {clock(iso(read_at))} UTC: {fault}"
                    live.update(Group(last, Text(inert(said, _LONGEST), style="bold red")), refresh=True)
    except KeyboardInterrupt:
        return 0


def _rows(sight: Sight, kind: str, pools: list[str]) -> list[Row]:
    from local.operating.views import instance_rows, job_rows, pool_row, runner_rows  # noqa: PLC0415

    if kind == "status":
        return [pool_row(sight.pool(name)) for name in pools]
    of_pool = {"jobs": job_rows, "runners": runner_rows, "instances": instance_rows}[kind]
    return [row for name in pools for row in of_pool(sight.pool(name))]
