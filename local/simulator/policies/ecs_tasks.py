"""What the two ECS baselines share: the function that calls RunTask, and a task's way to its job."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from local.simulator.policies.baseline_world import RETRY_SECONDS, BaselineWorld, Run
from local.simulator.policies.hosts import Host
from local.twin.latency import Phase


def ask_for_task(world: BaselineWorld, run: Run, submit: Callable[[Run], None]) -> None:
    """Let a plain function register a runner and call RunTask for one webhook; it keeps no headroom and no account.

    Where GitHub refuses, the function fails and gets its message again.
    """
    delay = world.delay(
        run, Phase.QUEUE_TO_FUNCTION, Phase.FUNCTION_WARM_START, Phase.GITHUB_CALL, Phase.ECS_CALL
    )
    world.later(delay, partial(_run_task, world, run, submit))


def _run_task(world: BaselineWorld, run: Run, submit: Callable[[Run], None]) -> None:
    if not world.registers(run):
        ask_again(world, run, submit)
        return
    world.aws_calls["ecs.RunTask"] += 1
    submit(run)


def ask_again(world: BaselineWorld, run: Run, submit: Callable[[Run], None]) -> None:
    """Call RunTask once the message of a call that failed is visible again."""
    world.later(RETRY_SECONDS, partial(_run_task, world, run, submit))


def start_task(world: BaselineWorld, run: Run, host: Host, seconds: float, image_phase: str) -> None:
    """Start a job's task on a host that holds it, so many seconds from now.

    ``image_phase`` is what the first task of an image on a host waits for; those that come meanwhile wait with it.
    """
    now = world.clock.now()
    begins = now + seconds + world.delay(run, Phase.PLACE)
    image = run.served.image
    if image not in host.images:
        host.images[image] = begins + world.delay(run, image_phase)
        there = host.images[image]
    else:
        there = max(begins, host.images[image]) + world.delay(run, Phase.IMAGE_CACHED)
    until_job = world.delay(run, Phase.CONTAINER_START, Phase.LISTENER_SESSION, Phase.JOB_ASSIGNMENT)
    world.begin(run, there + until_job - now, world.delay(run, Phase.STOP_REPORT))
