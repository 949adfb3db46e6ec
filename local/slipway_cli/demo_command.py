"""``slipway demo``: an enterprise's jobs get runners on this machine."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.slipway_cli.answers import cannot_be_written, leave, print_json, refuse, unwritable
from local.slipway_cli.arguments import add_serving, whole_number

if TYPE_CHECKING:
    from rich.console import Console

    from local.demo.report import Result
    from local.demo.world import World
    from local.packages.unpacked import Unpacked

FASTEST, SLOWEST = 8, 2
JOBS_AT_FASTEST = 120  # what two processor cores carry; more jobs get more time
# A container takes a few tenths of a second of a core to start, and as long to end.
CONTAINERS_AT_FASTEST, JOBS_IN_CONTAINERS = 15, 20
_COUNT = whole_number(1, 9_999)
_NEEDED = ("bash", "curl")
_OF_ENVIRONMENTS = frozenset({"environments", "seed", "json", "command", "run"})
_LONGEST = 300  # characters of an error of the logs


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "demo", help="watch an enterprise's jobs get runners, all on this machine", allow_abbrev=False
    )
    _add_run(parser)
    _add_view(parser)
    _add_outputs(parser)
    parser.set_defaults(run=lambda arguments: run_command(arguments, parser))


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--jobs",
        type=_COUNT,
        metavar="N",
        help=f"jobs to queue (default {JOBS_AT_FASTEST}, in containers {JOBS_IN_CONTAINERS})",
    )
    parser.add_argument(
        "--containers",
        action="store_true",
        help="run each job in a real container of the runner image (podman, root; jobs that need Docker are left out)",
    )
    parser.add_argument(
        "--packaged",
        action="store_true",
        help="run the functions from the packages that `slipway build` makes, instead of the checkout's",
    )
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="what happens when (default 1)")
    parser.add_argument(
        "--registration",
        choices=("enterprise", "organization", "repository"),
        default="enterprise",
        help="at which level of GitHub runners are registered (default enterprise)",
    )
    parser.add_argument(
        "--clock-scale",
        type=_COUNT,
        metavar="X",
        help=f"how much faster than the wall time passes (default {FASTEST}, less for many jobs)",
    )
    parser.add_argument(
        "--environments",
        action="store_true",
        help="watch environments of pull requests instead: a day of thirty, on a clock that is not real",
    )


def _add_view(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object and no progress")
    parser.add_argument(
        "--serve", action="store_true", help="show it on a page too, during the run and after it"
    )
    add_serving(parser)


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--keep-logs",
        metavar="DIR",
        help="where to leave the logs of functions and containers, and the slipway.yaml",
    )
    parser.add_argument(
        "--usage", type=Path, metavar="FILE.jsonl", help="leave the usage records, for slipway report"
    )
    parser.add_argument(
        "--keep-ledger",
        type=Path,
        metavar="FILE.jsonl",
        help="leave the ledger as it is at the end, for slipway explain, status and the like (with --keep-logs)",
    )
    parser.add_argument("--record", type=Path, metavar="FILE", help="leave a recording, for slipway live")


def run_command(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Run the demo; 0 when every served job completed, nothing leaked and no promise broke."""
    if misuse := _misuse(arguments, parser):
        parser.error(misuse)
    if arguments.environments:
        from local.demo.environments import run  # noqa: PLC0415 - --help stays quick

        return run(arguments.seed, as_json=arguments.json)
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    if missing:
        print(
            f"slipway demo needs {', '.join(missing)}: apt-get install {' '.join(missing)}", file=sys.stderr
        )
        return 2
    if faults := unwritable(arguments.usage, arguments.keep_ledger, arguments.record):
        return refuse(arguments, "; ".join(faults))
    if arguments.jobs is None:
        arguments.jobs = JOBS_IN_CONTAINERS if arguments.containers else JOBS_AT_FASTEST
    if arguments.clock_scale is None:
        at_fastest = CONTAINERS_AT_FASTEST if arguments.containers else JOBS_AT_FASTEST
        arguments.clock_scale = default_scale(arguments.jobs, at_fastest)
    arguments.image = None
    if arguments.containers:
        arguments.image = _make_image()
        if arguments.image is None:
            return 2
    return _run_in_folder(arguments)


def _misuse(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> str | None:
    """Return what is wrong with the arguments together, if anything."""
    if arguments.environments:
        given = [
            name
            for name, value in vars(arguments).items()
            if name not in _OF_ENVIRONMENTS and value != parser.get_default(name)
        ]
        if given:
            options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            return f"--environments is a demo of its own and takes --seed and --json alone, not {options}"
    if not arguments.serve and (arguments.port or arguments.serve_seconds):
        return "--port and --serve-seconds are of --serve"
    return None


def _run_in_folder(arguments: argparse.Namespace) -> int:
    """Run the demo in the folder of its logs, which stays where it was asked for or where they tell what went wrong."""
    folder = log_folder(arguments.keep_logs)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        return refuse(arguments, cannot_be_written(folder, fault))
    try:
        is_good = _play(arguments, folder)
    except BaseException:
        print(f"the demo broke; its logs are in {folder}", file=sys.stderr)
        _tell_errors(folder)
        raise
    if not is_good:
        _tell_errors(folder)
    elif not arguments.keep_logs:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if is_good else 1


def _tell_errors(folder: Path) -> None:
    from local.demo.log_errors import last_errors  # noqa: PLC0415
    from slipway.domain.text import inert  # noqa: PLC0415

    for error in last_errors(folder):
        print(inert(error, _LONGEST), file=sys.stderr)


def log_folder(named: str | None) -> Path:
    """Return where logs and containers' homes lie; absolute, for each container stands in a folder of its own."""
    return Path(named or tempfile.mkdtemp(prefix="slipway-demo-")).absolute()


def _play(arguments: argparse.Namespace, folder: Path) -> bool:
    from rich.console import Console  # noqa: PLC0415 - --help stays quick

    from local.demo.live_view import DemoView  # noqa: PLC0415
    from local.demo.screen import tell, tell_where_to_look  # noqa: PLC0415

    console = Console(stderr=arguments.json)
    world = _world(arguments, folder)
    with DemoView(arguments.serve, arguments.port, arguments.record, arguments.serve_seconds) as view:
        with world, view.of(world):
            result = _run(arguments, world, console)
            with world.lock:
                items, now = list(world.ledger()), world.clock.now()
        if arguments.json:
            print_json(result.as_json())
        else:
            tell(result, console, str(folder))
        is_left = _leave_files(arguments, result, items, now)
        if not arguments.json:
            tell_where_to_look(result, console, arguments.keep_ledger, arguments.keep_logs)
        view.wait()
    return result.is_good and is_left


def _world(arguments: argparse.Namespace, folder: Path) -> World:
    from rich.console import Console  # noqa: PLC0415

    from local.demo.packaged import build_and_unpack  # noqa: PLC0415
    from local.demo.world import World  # noqa: PLC0415

    telling = Console(stderr=True, quiet=arguments.json)

    def packages(configuration: Path, place: Path) -> Unpacked:
        with telling.status("packages: reading the sources") as status:
            return build_and_unpack(configuration, place, lambda step: status.update(f"packages: {step}"))

    return World(
        folder,
        seed=arguments.seed,
        registration=arguments.registration,
        scale=arguments.clock_scale,
        image=arguments.image,
        packages=packages if arguments.packaged else None,
    )


def _run(arguments: argparse.Namespace, world: World, console: Console) -> Result:
    from rich.live import Live  # noqa: PLC0415

    from local.demo.run import run  # noqa: PLC0415
    from local.demo.scenario import PROFILES, WITHOUT_DOCKER, Scenario  # noqa: PLC0415
    from local.demo.screen import picture  # noqa: PLC0415

    # A privileged container is root on this machine, and shares its network here: so none is started.
    profiles = WITHOUT_DOCKER if arguments.image else PROFILES
    scenario = Scenario(world.github, world.clock, arguments.jobs, arguments.seed, profiles)
    if arguments.json:
        return run(world, scenario, lambda _world, _scenario: None)
    console.print(f"{arguments.jobs} jobs, clock ×{arguments.clock_scale}, seed {arguments.seed}")
    with Live(console=console, refresh_per_second=4) as live:
        return run(world, scenario, lambda w, s: live.update(picture(w, s)))


def _leave_files(
    arguments: argparse.Namespace, result: Result, items: Iterable[Mapping[str, Any]], now: float
) -> bool:
    """Leave what was asked for, after the result was told; a file that cannot be written takes no other along."""
    from local.operating.saved_ledger import save_ledger  # noqa: PLC0415
    from local.reports.lines import write_lines  # noqa: PLC0415

    ledger = leave(arguments, arguments.keep_ledger, lambda path: save_ledger(path, items, now))
    usage = leave(arguments, arguments.usage, lambda path: write_lines(path, result.usage))
    return ledger and usage


def _make_image() -> str | None:
    """Return the name of the runner image, made where it is not there; None after saying why it cannot be."""
    from local.containers.images import runner_image  # noqa: PLC0415 - --help stays quick
    from local.containers.podman import STORE, Podman, PodmanError, why_not  # noqa: PLC0415

    reason = why_not()
    if reason is None:
        print("runner image: looked for, and made in a minute or two where it is not there", file=sys.stderr)
        try:
            return runner_image(Podman(STORE))
        except (PodmanError, subprocess.SubprocessError) as fault:
            reason = str(fault)
    print(f"slipway demo --containers cannot run: {reason}", file=sys.stderr)
    return None


def default_scale(jobs: int, at_fastest: int = JOBS_AT_FASTEST) -> int:
    """Return how much faster than the wall time may pass, so that this machine keeps up with the jobs."""
    # Squared: when a machine falls behind, its queues grow faster than the jobs.
    return max(SLOWEST, min(FASTEST, FASTEST * at_fastest**2 // jobs**2))
