"""``slipway demo``: an enterprise's jobs get runners on this machine."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from local.slipway_cli.live_command import add_serving

if TYPE_CHECKING:
    from local.packages.unpacked import Unpacked

FASTEST, SLOWEST = 8, 2
JOBS_AT_FASTEST = 120  # what two processor cores carry; more jobs get more time
# A container takes a few tenths of a second of a core to start, and as long to end.
CONTAINERS_AT_FASTEST, JOBS_IN_CONTAINERS = 15, 20
_NEEDED = ("bash", "curl")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser("demo", help="watch an enterprise's jobs get runners, all on this machine")
    parser.add_argument(
        "--jobs",
        type=_positive,
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
        type=_positive,
        metavar="X",
        help=f"how much faster than the wall time passes (default {FASTEST}, less for many jobs)",
    )
    parser.add_argument(
        "--environments",
        action="store_true",
        help="watch environments of pull requests instead: a day of thirty, on a clock that is not real",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object and no progress")
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
    parser.add_argument(
        "--serve", action="store_true", help="show it on a page too, during the run and after it"
    )
    parser.add_argument("--record", type=Path, metavar="FILE", help="leave a recording, for slipway live")
    add_serving(parser)
    parser.set_defaults(run=run_command)


def run_command(arguments: argparse.Namespace) -> int:
    """Run the demo; 0 when every served job completed, nothing leaked and no promise broke."""
    if arguments.environments:
        from local.demo.environments import run  # noqa: PLC0415 - --help stays quick

        return run(arguments.seed, as_json=arguments.json)
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    if missing:
        print(
            f"slipway demo needs {', '.join(missing)}: apt-get install {' '.join(missing)}", file=sys.stderr
        )
        return 2
    if not arguments.serve and (arguments.port or arguments.serve_seconds):
        print("slipway demo: --port and --serve-seconds are of --serve", file=sys.stderr)
        return 2
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
    folder = log_folder(arguments.keep_logs)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        is_good = _play(arguments, folder)
    except BaseException:
        print(f"the demo broke; its logs are in {folder}", file=sys.stderr)
        raise
    if is_good and not arguments.keep_logs:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if is_good else 1


def log_folder(named: str | None) -> Path:
    """Return where logs and containers' homes lie; absolute, for each container stands in a folder of its own."""
    return Path(named or tempfile.mkdtemp(prefix="slipway-demo-")).absolute()


def _play(arguments: argparse.Namespace, folder: Path) -> bool:
    from rich.console import Console  # noqa: PLC0415 - --help stays quick
    from rich.live import Live  # noqa: PLC0415

    from local.demo.live_view import DemoView  # noqa: PLC0415
    from local.demo.packaged import build_and_unpack  # noqa: PLC0415
    from local.demo.run import run  # noqa: PLC0415
    from local.demo.scenario import PROFILES, WITHOUT_DOCKER, Scenario  # noqa: PLC0415
    from local.demo.screen import picture, tell, tell_where_to_look  # noqa: PLC0415
    from local.demo.world import World  # noqa: PLC0415
    from local.operating.saved_ledger import save_ledger  # noqa: PLC0415
    from local.reports.lines import write_lines  # noqa: PLC0415

    console = Console(stderr=arguments.json)
    telling = Console(stderr=True, quiet=arguments.json)

    def packages(configuration: Path, place: Path) -> Unpacked:
        with telling.status("packages: reading the sources") as status:
            return build_and_unpack(configuration, place, lambda step: status.update(f"packages: {step}"))

    world = World(
        folder,
        seed=arguments.seed,
        registration=arguments.registration,
        scale=arguments.clock_scale,
        image=arguments.image,
        packages=packages if arguments.packaged else None,
    )
    # A privileged container is root on this machine, and shares its network here: so none is started.
    profiles = WITHOUT_DOCKER if arguments.image else PROFILES
    with DemoView(arguments.serve, arguments.port, arguments.record, arguments.serve_seconds) as view:
        with world, view.of(world):
            scenario = Scenario(world.github, world.clock, arguments.jobs, arguments.seed, profiles)
            if arguments.json:
                result = run(world, scenario, lambda _world, _scenario: None)
            else:
                console.print(f"{arguments.jobs} jobs, clock ×{arguments.clock_scale}, seed {arguments.seed}")
                with Live(console=console, refresh_per_second=4) as live:
                    result = run(world, scenario, lambda w, s: live.update(picture(w, s)))
            if arguments.keep_ledger:
                with world.lock:
                    save_ledger(arguments.keep_ledger, world.ledger(), world.clock.now())
        if arguments.usage:
            write_lines(arguments.usage, result.usage)
        if arguments.json:
            print(json.dumps(result.as_json()), flush=True)
        else:
            tell(result, console, str(folder))
            tell_where_to_look(result, console, arguments.keep_ledger, arguments.keep_logs)
        view.wait()
    return result.is_good


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


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 9_999):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 9999")
    return int(text)
