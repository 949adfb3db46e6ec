"""``slipway simulate``: what a day of jobs would wait and cost, under Slipway or what it is compared with."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.simulator.policies.registry import DEFAULT, NAMES
from local.slipway_cli.answers import (
    cannot_be_written,
    leave,
    print_json,
    refuse_input,
    unwritable,
    written_whole,
)
from local.slipway_cli.arguments import number, whole_number

if TYPE_CHECKING:
    from local.simulator.outcome import Outcome
    from local.simulator.policies.policy import Task
    from local.simulator.workload.jobs import Workload
    from slipway.domain.configuration import Configuration

_TABLE_WIDTH = 120


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "simulate", help="run many jobs in model time: waits and cost, by policy", allow_abbrev=False
    )
    _add_source(parser)
    _add_view(parser)
    _add_outputs(parser)
    parser.set_defaults(run=lambda arguments: run_command(arguments, parser))


def _add_source(parser: argparse.ArgumentParser) -> None:
    jobs = parser.add_mutually_exclusive_group(required=True)
    jobs.add_argument("--scenario", type=_scenario, metavar="NAME", help="jobs made up by rule, by name")
    jobs.add_argument(
        "--trace",
        type=Path,
        metavar="FILE",
        help="jobs of your own: CSV, one a line, or usage records (.jsonl) of --config's profiles",
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="slipway.yaml to run by (default: local/simulator/slipway.yaml)",
    )
    parser.add_argument(
        "--latencies",
        type=Path,
        metavar="FILE",
        help="your own figures for phases of local/twin/latencies.yaml",
    )
    parser.add_argument(
        "--jobs-per-day", type=whole_number(1), metavar="N", help="size of a scenario (default: its own)"
    )
    parser.add_argument(
        "--starts-at", type=_hours, metavar="H", help="first hour to run, from the jobs' start (default 0)"
    )
    parser.add_argument("--lasts", type=_hours, metavar="H", help="how many hours to run (default: all)")


def _add_view(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--policy",
        type=_policy,
        default=DEFAULT,
        metavar="P",
        help=f"one of {', '.join(NAMES)} (default {DEFAULT})",
    )
    which.add_argument("--compare", action="store_true", help="run every policy on the same jobs")
    parser.add_argument(
        "--seed", type=whole_number(0), default=1, metavar="N", help="what chance is made of (default 1)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--plot", type=Path, metavar="FILE.svg", help="draw waits, instances and cost over time"
    )
    parser.add_argument(
        "--usage", type=Path, metavar="FILE.jsonl", help="leave Slipway's usage records, for slipway report"
    )
    parser.add_argument(
        "--record", type=Path, metavar="FILE", help="leave a recording of the run, for slipway live"
    )


def run_command(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Run the policies and tell what came of them, or every fault of what was handed in."""
    from local.simulator.bad_input import BadInputError  # noqa: PLC0415 - all of these are slow to import
    from local.simulator.workload.scenarios import scenario  # noqa: PLC0415

    if arguments.jobs_per_day is not None and arguments.trace is not None:
        parser.error("--jobs-per-day is the size of a scenario; a trace has the jobs that it has")
    if arguments.jobs_per_day is not None and scenario(arguments.scenario).has_own_size:
        parser.error(f"--jobs-per-day: {arguments.scenario} has its own jobs, whose number is what it shows")
    if arguments.record is not None and (arguments.compare or arguments.policy != DEFAULT):
        parser.error(f"--record is of the policy {DEFAULT} alone")
    try:
        task = _task(arguments)
        outcomes = (
            _outcomes(arguments, task) if arguments.record is None else [_recorded_run(arguments, task)]
        )
    except BadInputError as fault:
        return _refuse(arguments, fault.faults)
    return _tell(arguments, outcomes, task)


def _task(arguments: argparse.Namespace) -> Task:
    """Read everything that was handed in, before anything runs."""
    from local.simulator.bad_input import BadInputError  # noqa: PLC0415
    from local.simulator.configuration import CONFIGURATION, read_file  # noqa: PLC0415
    from local.simulator.latency_file import read_latencies  # noqa: PLC0415
    from local.simulator.policies.policy import Task  # noqa: PLC0415

    if faults := unwritable(arguments.plot, arguments.usage, arguments.record):
        raise BadInputError(faults)
    latency, configuration = read_latencies(arguments.latencies), _configuration(arguments)
    if all(pool.operating_system == "bottlerocket" for pool in configuration.pools.values()):
        latency = latency.on_bottlerocket()
    catalogue = read_file(arguments.config or CONFIGURATION).catalogue
    return Task(_workload(arguments), configuration, latency, arguments.seed, catalogue=catalogue)


def _workload(arguments: argparse.Namespace) -> Workload:
    from local.simulator.bad_input import BadInputError  # noqa: PLC0415

    workload = _jobs_asked_for(arguments)
    if not workload.jobs:
        raise BadInputError(["no job is queued in these hours: choose others with --starts-at and --lasts"])
    return workload


def _jobs_asked_for(arguments: argparse.Namespace) -> Workload:
    from local.simulator.workload.enterprise import JOBS_PER_DAY  # noqa: PLC0415
    from local.simulator.workload.scenarios import make_workload, scenario  # noqa: PLC0415
    from local.simulator.workload.trace import read_trace  # noqa: PLC0415
    from local.simulator.workload.windows import Size, cut, window_of  # noqa: PLC0415

    wanted = arguments.starts_at, arguments.lasts
    if arguments.trace is not None:
        is_recorded = arguments.trace.suffix == ".jsonl"
        trace = _recorded(arguments) if is_recorded else read_trace(arguments.trace)
        return cut(trace, window_of(trace.name, trace.hours, *wanted))
    chosen = scenario(arguments.scenario)
    window = window_of(chosen.name, chosen.hours, *wanted)
    return make_workload(chosen.name, arguments.seed, Size(arguments.jobs_per_day or JOBS_PER_DAY, window))


def _recorded(arguments: argparse.Namespace) -> Workload:
    from local.reports.lines import Lines, UsageFileError, read_lines  # noqa: PLC0415
    from local.simulator.bad_input import BadInputError  # noqa: PLC0415
    from local.simulator.workload.usage_records import workload_of  # noqa: PLC0415

    try:
        lines = Lines.of(read_lines(arguments.trace))
    except UsageFileError as fault:
        raise BadInputError([str(fault)]) from fault
    return workload_of(lines, _configuration(arguments).profiles, arguments.trace.name)


def _configuration(arguments: argparse.Namespace) -> Configuration:
    from local.simulator.configuration import configuration_for, read_configuration  # noqa: PLC0415
    from local.simulator.workload.enterprise import JOBS_PER_DAY  # noqa: PLC0415

    if arguments.config is not None:
        return read_configuration(arguments.config)
    return configuration_for(arguments.jobs_per_day or JOBS_PER_DAY)


def _outcomes(arguments: argparse.Namespace, task: Task) -> list[Outcome]:
    from dataclasses import replace  # noqa: PLC0415

    from local.simulator.bad_input import BadInputError  # noqa: PLC0415
    from local.simulator.policies.registry import policy  # noqa: PLC0415
    from local.simulator.policies.served import served_jobs  # noqa: PLC0415
    from local.simulator.policies.slipway import leaves_out_nothing  # noqa: PLC0415
    from local.simulator.report.progress import progress_of  # noqa: PLC0415

    served = len(served_jobs(task.workload, task.configuration))
    if left_out := len(task.workload.jobs) - served:
        print(f"left out, for no profile serves their labels: {left_out} jobs", file=sys.stderr)
    if not served:
        raise BadInputError(
            ["no profile serves any of these jobs: compare their labels with the configuration's"]
        )
    outcomes: list[Outcome] = []
    for name in NAMES if arguments.compare else (arguments.policy,):
        if outcomes and leaves_out_nothing(name, task.configuration):
            outcomes.append(
                replace(outcomes[0], policy=name)
            )  # the first is slipway: the same seed, the same run
            continue
        run = policy(name)
        with progress_of(name, served) as progress:
            outcomes.append(run(replace(task, progress=progress)))
    return outcomes


def _recorded_run(arguments: argparse.Namespace, task: Task) -> Outcome:
    """Run Slipway and leave a recording, which takes the place of an older one once it is whole."""
    from dataclasses import replace  # noqa: PLC0415

    from local.simulator.bad_input import BadInputError  # noqa: PLC0415
    from local.simulator.policies.served import served_jobs  # noqa: PLC0415
    from local.simulator.recording import recorded_run  # noqa: PLC0415
    from local.simulator.report.progress import progress_of  # noqa: PLC0415

    name = arguments.scenario or arguments.trace.name
    served = len(served_jobs(task.workload, task.configuration))
    try:
        with progress_of(DEFAULT, served) as progress, written_whole(arguments.record) as temporary:
            return recorded_run(replace(task, progress=progress), temporary, f"{name}, seed {task.seed}")
    except OSError as fault:
        raise BadInputError([cannot_be_written(arguments.record, fault)]) from fault


def _tell(arguments: argparse.Namespace, outcomes: Sequence[Outcome], task: Task) -> int:
    """Print what came of it, then leave the files that were asked for: one that cannot be written costs no result."""
    from local.simulator.report.summary import summarize  # noqa: PLC0415

    name = arguments.scenario or str(arguments.trace)
    summaries = [summarize(outcome) for outcome in outcomes]
    if not arguments.json:
        pools = task.configuration.pools.values()
        _show(summaries, task.catalogue.told(pool.region for pool in pools))
    elif arguments.compare:
        print_json({"scenario": name, "seed": arguments.seed, "policies": summaries})
    else:
        print_json(summaries[0])
    violations = [f"{outcome.policy}: {told}" for outcome in outcomes for told in outcome.violations]
    for wrong in violations:
        print(wrong, file=sys.stderr)
    is_left = _leave_files(arguments, outcomes, f"{name}, seed {arguments.seed}")
    return 1 if violations or not is_left else 0


def _leave_files(arguments: argparse.Namespace, outcomes: Sequence[Outcome], title: str) -> bool:
    from local.reports.lines import write_lines  # noqa: PLC0415
    from local.simulator.report.plot import draw  # noqa: PLC0415

    def usage(path: Path) -> None:
        with written_whole(path) as temporary:
            write_lines(temporary, outcomes[0].usage)

    def plot(path: Path) -> None:
        with written_whole(path) as temporary:
            temporary.write_text(draw(outcomes, title), "utf-8")

    return all([leave(arguments, arguments.usage, usage), leave(arguments, arguments.plot, plot)])


def _show(summaries: Sequence[dict[str, Any]], prices: str) -> None:
    from rich.console import Console  # noqa: PLC0415

    from local.simulator.report.table import comparison  # noqa: PLC0415

    # A line that a narrow terminal breaks can be read; a number that is cut short cannot.
    Console(width=max(_TABLE_WIDTH, Console().width)).print(comparison(summaries))
    print(f"$: {prices}")


def _refuse(arguments: argparse.Namespace, faults: Sequence[str]) -> int:
    from local.simulator.bad_input import shown  # noqa: PLC0415

    return refuse_input(arguments, faults, shown(faults))


def _scenario(text: str) -> str:
    from local.simulator.bad_input import BadInputError  # noqa: PLC0415
    from local.simulator.workload.scenarios import scenario  # noqa: PLC0415

    try:
        return scenario(text).name
    except BadInputError as fault:
        raise argparse.ArgumentTypeError(str(fault)) from fault


def _policy(text: str) -> str:
    if text in NAMES:
        return text
    from local.configuration.faults import nearest, printable  # noqa: PLC0415

    near = nearest(text, NAMES)
    hint = f"; did you mean '{near}'?" if near else ""
    raise argparse.ArgumentTypeError(
        f"no policy is called '{printable(text)}': there are {', '.join(NAMES)}{hint}"
    )


def _hours(text: str) -> float:
    if not 0 <= (hours := number(text)) < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of hours: write 5, or 0.25 for a quarter")
    return hours
