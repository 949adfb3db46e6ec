"""``slipway pause``, ``resume``, ``drain``: what an operator orders of pools. They ask first, or take ``--yes``."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from local.operating.faults import NoSightError
from local.slipway_cli.answers import print_json, refuse
from local.slipway_cli.sight_arguments import add_sight_arguments, open_sight, pools_asked_for
from slipway.domain.snapshot import Control

if TYPE_CHECKING:
    from local.operating.sight import Sight

_ORDERS = {
    "pause": (Control.PAUSE, "start nothing new in a pool: jobs wait, what runs goes on"),
    "resume": (Control.RUN, "end a pause or a drain"),
    "drain": (Control.DRAIN, "start nothing new in a pool and let its instances go as their jobs end"),
}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommands."""
    for name, (control, help_text) in _ORDERS.items():
        parser = subparsers.add_parser(name, help=help_text, allow_abbrev=False)
        parser.add_argument("pool", metavar="POOL", nargs="*", help="whose; may be several")
        parser.add_argument("--all", action="store_true", help="every pool")
        add_sight_arguments(parser, is_read_only=False)
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--json", action="store_true", help="print one JSON array; needs --yes")
        parser.set_defaults(
            run=lambda arguments, parser=parser, name=name, control=control: _order(
                arguments, parser, name, control
            )
        )


def _order(
    arguments: argparse.Namespace, parser: argparse.ArgumentParser, name: str, control: Control
) -> int:
    if bool(arguments.pool) is arguments.all:
        parser.error("name the pools, or say --all")
    if arguments.json and not arguments.yes:
        parser.error("--json asks nothing: it needs --yes")
    try:
        sight = open_sight(arguments)
        pools = pools_asked_for(arguments.pool, sight.configuration)
        if not arguments.yes and not _agrees(
            f"{name} {', '.join(pools)} of {sight.configuration.deployment}?"
        ):
            print(f"slipway {name}: nothing was changed", file=sys.stderr)
            return 1
    except NoSightError as fault:
        return refuse(arguments, str(fault))
    given = []
    for pool in pools:
        given.append(_given(sight, pool, control))
        if not arguments.json:
            _tell(given[-1])
    if arguments.json:
        print_json(given)
    return 1 if any("error" in order for order in given) else 0


def _given(sight: Sight, pool: str, control: Control) -> dict[str, str]:
    """Return what became of an order: that one pool fails keeps no other from its own."""
    from local.operating.orders import give  # noqa: PLC0415 - boto3 is slow to import

    try:
        return give(sight, pool, control)
    except NoSightError as fault:
        return {"pool": pool, "order": control.value, "error": str(fault)}


def _tell(order: dict[str, str]) -> None:
    if "error" in order:
        said = f"{order['pool']}: {order['order']} was not given, or not whole: {order['error']}"
        print(said, file=sys.stderr)
        return
    news = f"was {order['before']}" if order["before"] != order["order"] else "was so already"
    print(f"{order['pool']}: {order['order']} ({news}); the scaler obeys within a minute", flush=True)


def _agrees(question: str) -> bool:
    if not sys.stdin.isatty():
        print("there is nobody to ask: say --yes", file=sys.stderr)
        return False
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except (EOFError, KeyboardInterrupt):
        print(file=sys.stderr)  # what is said next begins a line
        return False
