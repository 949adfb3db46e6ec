"""The ``slipway`` command: one parser, one module for each group of subcommands."""

from __future__ import annotations

import argparse
import importlib
import tomllib
from collections.abc import Collection, Sequence
from pathlib import Path

# Each module has add_parser(subparsers), which sets `run`: a function of the parsed arguments that returns
# the exit status. A module imports what is heavy inside that function, so that --help stays quick.
_COMMANDS = (
    "local.slipway_cli.config_command",
    "local.slipway_cli.build_command",
    "local.slipway_cli.plan_command",
    "local.slipway_cli.doctor_command",
    "local.slipway_cli.catalogue_command",
    "local.slipway_cli.github_app_command",
    "local.slipway_cli.simulate_command",
    "local.slipway_cli.report_command",
    "local.slipway_cli.live_command",
    "local.slipway_cli.demo_command",
    "local.slipway_cli.look_command",
    "local.slipway_cli.order_command",
    "local.slipway_cli.explain_command",
)
_PROJECT = (
    Path(__file__).parents[2] / "pyproject.toml"
)  # the command runs from its checkout, and from nowhere else


class _Version(argparse.Action):
    """Print the project's version, which stands once; read when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        version = tomllib.loads(_PROJECT.read_text("utf-8"))["project"]["version"]
        print(f"slipway {version}")
        parser.exit()


def main(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit status: 0 done, 1 the answer is no, 2 wrong usage."""
    parser = argparse.ArgumentParser(
        prog="slipway", description="One-shot GitHub Actions runners on Amazon ECS.", allow_abbrev=False
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    subparsers = parser.add_subparsers(required=True, dest="command", metavar="COMMAND")
    for name in _COMMANDS:
        importlib.import_module(name).add_parser(subparsers)
    if arguments and not arguments[0].startswith("-") and arguments[0] not in subparsers.choices:
        parser.error(_unknown(arguments[0], subparsers.choices))
    parsed = parser.parse_args(arguments)
    status: int = parsed.run(parsed)
    return status


def _unknown(word: str, commands: Collection[str]) -> str:
    from local.configuration.faults import nearest, printable  # noqa: PLC0415 - only where a word is wrong

    near = nearest(word, commands)
    hint = f"did you mean '{near}'?" if near else f"there are {', '.join(commands)}"
    return f"no command is called '{printable(word)}': {hint}"
