"""The ``slipway`` command: one parser, one module for each group of subcommands."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence

# Each module has add_parser(subparsers), which sets `run`: a function of the parsed arguments that returns
# the exit status. A module imports what is heavy inside that function, so that --help stays quick.
_COMMANDS = (
    "local.slipway_cli.config_command",
    "local.slipway_cli.build_command",
    "local.slipway_cli.plan_command",
    "local.slipway_cli.doctor_command",
    "local.slipway_cli.github_app_command",
    "local.slipway_cli.simulate_command",
    "local.slipway_cli.report_command",
    "local.slipway_cli.live_command",
    "local.slipway_cli.demo_command",
    "local.slipway_cli.look_command",
    "local.slipway_cli.order_command",
    "local.slipway_cli.explain_command",
)


def main(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit status: 0 done, 1 the answer is no, 2 wrong usage."""
    parser = argparse.ArgumentParser(
        prog="slipway", description="One-shot GitHub Actions runners on Amazon ECS.", allow_abbrev=False
    )
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for name in _COMMANDS:
        importlib.import_module(name).add_parser(subparsers)
    parsed = parser.parse_args(arguments)
    status: int = parsed.run(parsed)
    return status
