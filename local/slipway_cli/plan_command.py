"""``slipway plan``: what the planner would decide for a pool as a file tells of it. It touches nothing outside."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from local.slipway_cli.answers import print_json, refuse_input

if TYPE_CHECKING:
    from local.planning.check import FileFault


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "plan", help="show what would be decided for a pool, from a file", allow_abbrev=False
    )
    parser.add_argument(
        "--snapshot", type=Path, required=True, metavar="FILE", help="the pool (docs/plan.md tells the keys)"
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="slipway.yaml to plan by (default: the one that it names)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.set_defaults(run=run_command)


def run_command(arguments: argparse.Namespace) -> int:
    """Print the plan, or every fault of the snapshot and its configuration."""
    # All of these are slow to import, or import what is.
    from local.planning.check import read_files  # noqa: PLC0415
    from local.planning.printing import as_json  # noqa: PLC0415
    from slipway.domain.planner import plan  # noqa: PLC0415
    from slipway.domain.policy import policy_of  # noqa: PLC0415

    reading = read_files(arguments.snapshot, arguments.config)
    situation = reading.situation
    if situation is None:
        return _refuse(arguments, reading.faults)
    snapshot = situation.snapshot
    decided = plan(snapshot, policy_of(situation.configuration, snapshot.pool, snapshot.now))
    if arguments.json:
        print_json(as_json(situation, decided))
        return 0
    from rich.console import Console  # noqa: PLC0415

    from local.planning.screen import show  # noqa: PLC0415

    show(situation, decided, Console())
    return 0


def _refuse(arguments: argparse.Namespace, faults: tuple[FileFault, ...]) -> int:
    found = [{"file": fault.file, **dataclasses.asdict(fault.fault)} for fault in faults]
    return refuse_input(arguments, found, [fault.fault.sentence(fault.file) for fault in faults])
