"""What a person sees: live progress, then the result in plain words."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rich.console import Console, Group
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from local.demo.afterwards import how_to_ask
from local.demo.checks import our_runners
from local.demo.report import Result
from local.demo.scenario import Scenario
from local.demo.world import World

FAULTS_SHOWN = 10  # where nothing gets a runner, each job is a fault: the first say what all of them say


def picture(world: World, scenario: Scenario) -> Group:
    """Draw the state of the world now."""
    with world.lock:
        jobs = Counter((job.repository.organization.login, job.status) for job in scenario.served)
        instances = Counter(instance.state for instance in world.aws.ec2.live_instances())
        tasks = Counter(task.last_status for task in world.aws.ecs.live_tasks())
        runners = Counter("busy" if runner.busy else "idle" for runner in our_runners(world))
        elapsed = world.scaled.now() - world.scaled.origin
    done = sum(count for (_, status), count in jobs.items() if status == "completed")
    table = Table(box=None, padding=(0, 3, 0, 0))
    for column in ("organization", "queued", "running", "done"):
        table.add_column(column, justify="left" if column == "organization" else "right")
    for login in sorted({login for login, _ in jobs}):
        counts = [jobs[login, status] for status in ("queued", "in_progress", "completed")]
        table.add_row(login, *(str(count) if count else "·" for count in counts))
    line = (
        f"model time {int(elapsed // 60)}:{int(elapsed % 60):02d}   instances {_counts(instances)}   "
        f"tasks {_counts(tasks)}   runners {_counts(runners)}"
    )
    bar = ProgressBar(total=max(1, scenario.jobs_wanted), completed=done, width=60)
    return Group(Text(line, style="bold"), Padding(bar, (0, 0, 1, 0)), table)


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {name.lower()}" for name, count in sorted(counter.items())) or "none"


def tell(result: Result, console: Console, logs: str) -> None:
    """Say in plain words what happened."""
    wait = result.wait_seconds
    console.print()
    console.print(
        f"{result.jobs_completed} of {result.jobs_queued} jobs ran on runners of their own, "
        f"{result.jobs_cancelled} cancelled while waiting."
    )
    console.print(
        f"Half of them waited under {wait['p50']} s, nine in ten under {wait['p90']} s, the longest {wait['max']} s "
        f"(model time, everything from zero instances; the clock runs {result.clock_scale} times as fast, "
        "so this machine's own slowness counts that much)."
    )
    launch, run = (result.own_seconds[name] for name in ("queued_to_create_fleet", "usable_to_run_task"))
    console.print(
        f"Of that our own time, on the wall of this machine: webhook to CreateFleet {launch['p50']} s, "
        f"usable instance to RunTask {run['p50']} s (median; p99 {launch['p99']} and {run['p99']} s)."
    )
    console.print(
        f"GitHub sent {result.deliveries} webhooks, {result.duplicates} of them twice; {result.lost} never arrived "
        f"and {result.redelivered} were asked for again. {result.github_calls_per_job} GitHub calls a job."
    )
    left = {name: count for name, count in result.leaked.items() if count}
    console.print(
        "Nothing is left: no runner, task, instance, offer or intent."
        if not left
        else f"[red]Left behind: {left}.[/red]"
    )
    for violation in result.violations[:FAULTS_SHOWN]:
        console.print(f"[red]{violation}[/red]", highlight=False)
    more = len(result.violations) - FAULTS_SHOWN
    if more > 0:
        console.print(f"[red]and {more} more (--json lists all)[/red]", highlight=False)
    if not result.is_good:
        console.print(f"The logs of functions and containers are in {logs}", highlight=False)


def tell_where_to_look(result: Result, console: Console, ledger: Path | None, logs: str | None) -> None:
    """Say which jobs have a story, and the command that tells it, in lines that can be copied whole."""
    is_kept = ledger is not None and logs is not None
    console.print()
    console.print("What became of a job:" if is_kept else "To ask afterwards what became of a job:")
    # Neither markup nor a break in it: a name in brackets, or a long one, is copied as it is.
    console.print(f"  {how_to_ask(ledger, logs)}", highlight=False, markup=False, soft_wrap=True)
    if is_kept:
        for one in result.worth_asking:
            console.print(f"  {one.job_id:>6}  {one.why}", highlight=False)
    console.print("The slipway command is in .venv/bin; what it tells: docs/operations.md", highlight=False)
