"""``slipway live``: a page on loopback that shows a deployment, or a recording of one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from local.operating.faults import NoSightError
from local.slipway_cli.answers import cannot_be_written, refuse
from local.slipway_cli.arguments import add_serving, seconds
from local.slipway_cli.sight_arguments import add_region, open_sight

if TYPE_CHECKING:
    from local.live.history import History

_EVERY_SECONDS = 2.0


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "live",
        help="watch jobs, instances and reasons on a page of this machine's own",
        description="Serve one page on 127.0.0.1 until Ctrl-C. It only reads.",
        allow_abbrev=False,
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--recording", type=Path, metavar="FILE", help="what slipway simulate --record or demo --record left"
    )
    what.add_argument(
        "--config",
        type=Path,
        default=Path("slipway.yaml"),
        metavar="FILE",
        help="slipway.yaml of a deployment, whose table is read (default slipway.yaml)",
    )
    add_region(parser)
    parser.add_argument(
        "--every",
        type=seconds,
        default=_EVERY_SECONDS,
        metavar="S",
        help=f"seconds between two looks at a deployment (default {_EVERY_SECONDS:g})",
    )
    parser.add_argument(
        "--record", type=Path, metavar="FILE", help="keep what is seen of a deployment as a recording"
    )
    add_serving(parser)
    parser.set_defaults(run=lambda arguments: run_command(arguments, parser))


def run_command(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Serve the page; 1 with the reason where there is nothing to show."""
    if arguments.recording is not None:
        if arguments.record is not None:
            parser.error("--record keeps what is seen of a deployment: a recording is one already")
        return _show_recording(arguments)
    return _show_deployment(arguments)


def _show_recording(arguments: argparse.Namespace) -> int:
    from local.live.recording import RecordingError, open_recording  # noqa: PLC0415 - --help stays quick
    from local.live.replay import history_of  # noqa: PLC0415

    try:
        history = history_of(open_recording(arguments.recording))
    except RecordingError as fault:
        return refuse(arguments, str(fault))
    return serve(history, arguments)


def _show_deployment(arguments: argparse.Namespace) -> int:
    from local.live.follow import Follower  # noqa: PLC0415
    from local.live.frames import FrameMaker, about  # noqa: PLC0415
    from local.live.history import History  # noqa: PLC0415
    from local.live.serving import recorded  # noqa: PLC0415
    from local.live.source_deployment import deployment_source  # noqa: PLC0415

    try:
        sight = open_sight(arguments)
        configuration = sight.configuration
        source = deployment_source(sight)
    except NoSightError as fault:
        return refuse(arguments, str(fault))
    history = History(about(configuration, "deployment"))
    follower = Follower(source.read, FrameMaker(configuration), history, arguments.every)
    try:
        with recorded(arguments.record, history.about) as follower.keep, follower:
            return serve(history, arguments)
    except OSError as fault:
        return refuse(arguments, cannot_be_written(arguments.record, fault))


def serve(history: History, arguments: argparse.Namespace) -> int:
    """Serve a history as long as was asked for; 1 where the port is taken."""
    from local.live.serving import serving, wait  # noqa: PLC0415

    try:
        with serving(history, arguments.port):
            wait(arguments.serve_seconds)
    except OSError as fault:
        return refuse(arguments, f"port {arguments.port}: {fault.strerror}")
    return 0
