"""``slipway explain``: why a job waits, or what became of it."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.operating.faults import NoSightError
from local.slipway_cli.answers import print_json, refuse
from local.slipway_cli.sight_arguments import add_sight_arguments, environments_of, open_sight

if TYPE_CHECKING:
    from local.explain.refusals import Refusal
    from local.explain.story import Story
    from local.operating.sight import Sight

_LONGEST = 1_000  # characters of a sentence
_PULL_REQUEST = re.compile(r"([\w.-]{1,39}/[\w.-]{1,100})#([0-9]{1,9})", re.ASCII)
_ADDRESS = re.compile(r"https?://\S+/job/([0-9]+)(?:[/?#]\S*)?", re.ASCII)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "explain", help="why a job waits, or what became of it: its whole story", allow_abbrev=False
    )
    parser.add_argument(
        "job",
        type=asked_for,
        metavar="JOB",
        help="a job's id, or its address at GitHub; or OWNER/REPOSITORY#NUMBER, a pull request with an environment",
    )
    add_sight_arguments(parser)
    parser.add_argument(
        "--logs",
        type=Path,
        metavar="DIR",
        help="where `slipway demo --keep-logs` left the webhook's log, which knows of jobs that were refused",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_explain)


def asked_for(text: str) -> int | tuple[str, int]:
    """Read what is asked for: a job's id, or a pull request's repository and number."""
    pull_request = _PULL_REQUEST.fullmatch(text)
    return (pull_request[1].lower(), int(pull_request[2])) if pull_request else job_id(text)


def job_id(text: str) -> int:
    """Read a job's id, or the address of its page."""
    address = _ADDRESS.fullmatch(text)
    digits = address[1] if address else text
    if not re.fullmatch(r"[0-9]{1,18}", digits, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is neither a job's id nor its address at GitHub")
    return int(digits)


def _explain(arguments: argparse.Namespace) -> int:
    """Print the story; 1 where nothing is known of the job."""
    if isinstance(arguments.job, tuple):
        return _explain_environment(arguments)
    from local.explain.evidence import gather  # noqa: PLC0415 - boto3 is slow to import
    from local.explain.story import Ending, stories  # noqa: PLC0415

    try:
        sight = open_sight(arguments)
        notes: list[str] = []
        evidence = gather(sight, arguments.job, lambda: _refusals(arguments, sight, notes))
    except NoSightError as fault:
        return refuse(arguments, str(fault))
    told, note = stories(evidence), notes[0] if notes else None
    if arguments.json:
        print_json({"job_id": arguments.job, "tries": [_as_json(story) for story in told], "note": note})
    else:
        _show(told, note)
    return 1 if told[-1].ending is Ending.UNKNOWN else 0


def _explain_environment(arguments: argparse.Namespace) -> int:
    from local.explain.environments import as_json  # noqa: PLC0415
    from local.operating.sight import told_what_is_needed  # noqa: PLC0415
    from slipway.domain.environments.names import EnvironmentKey  # noqa: PLC0415
    from slipway.domain.text import inert  # noqa: PLC0415

    try:
        settings = environments_of(arguments.config)
        if settings is None:
            return refuse(
                arguments, f"{arguments.config} has no section environments: pull requests get none"
            )
        sight = open_sight(arguments)
        with told_what_is_needed(sight.configuration):
            told = as_json(EnvironmentKey(*arguments.job), sight.environments(), settings)
    except NoSightError as fault:
        return refuse(arguments, str(fault))
    if arguments.json:
        print_json(told)
    else:
        print(f"{inert(told['pull_request'])}  {told['state']}\n{inert(told['answer'], _LONGEST)}")
    return 1 if told["state"] == "unknown" else 0


def _refusals(arguments: argparse.Namespace, sight: Sight, notes: list[str]) -> list[Refusal]:
    """Return what the webhook's log says, or note why it could not be read: the ledger's part stands alone."""
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    from local.explain.evidence import KEPT_SECONDS  # noqa: PLC0415
    from local.explain.refusals import NoLogError, of_deployment, of_folder  # noqa: PLC0415
    from local.operator_account import Account, home_session  # noqa: PLC0415

    profiles = sight.configuration.profiles.values()
    try:
        if arguments.logs:
            return of_folder(arguments.logs, arguments.job, profiles)
        if not arguments.ledger:
            regions = (pool.region for pool in sight.configuration.pools.values())
            session = home_session(arguments.region, regions)
            logs = Account(session, reads_pages=True).client("logs", session.region_name)
            group = f"/aws/lambda/{sight.configuration.deployment}-webhook"
            return of_deployment(logs, group, arguments.job, profiles, sight.now() - KEPT_SECONDS)
        notes.append("--logs names the logs that were kept: they know of jobs that were refused")
    except (NoLogError, BotoCoreError) as fault:
        notes.append(f"the webhook's log cannot be read, which knows of jobs that were refused: {fault}")
    return []


def _as_json(story: Story) -> dict[str, Any]:
    from local.words import iso  # noqa: PLC0415

    return {
        "job": story.job,
        "repository": story.repository,
        "state": story.ending.value,
        "answer": story.answer,
        "was_robbed": story.was_robbed,
        "wait_seconds": story.wait.seconds if story.wait else None,
        "phases": dict(story.wait.phases) if story.wait else {},
        "held_by": dict(story.wait.held_by) if story.wait else {},
        "story": [{"at": iso(one.at), "code": one.code, "words": one.words} for one in story.moments],
    }


def _show(told: tuple[Story, ...], note: str | None) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from local.words import clock, iso  # noqa: PLC0415
    from slipway.domain.text import inert  # noqa: PLC0415

    console = Console()
    for story in told:
        where = f"  {story.repository}" if story.repository else ""
        console.print(Text.assemble((inert(f"{story.job}{where}"), "bold"), f"  {story.ending.value}"))
        console.print(Text(inert(story.answer, _LONGEST)))
        moments = Table.grid(padding=(0, 2, 0, 0))
        times = [iso(moment.at) for moment in story.moments]
        is_of_days = len({time[:10] for time in times}) > 1
        for time, moment in zip(times, story.moments, strict=True):
            shown = f"{time[:10]} {clock(time)}" if is_of_days else clock(time)
            moments.add_row(Text(f"  {shown}", style="dim"), Text(inert(moment.words, _LONGEST)))
        console.print(moments)
    if note:
        console.print(Text(note, style="dim"))
