"""``instance-per-job``: github-aws-runners/terraform-aws-github-runner 7.11.0: one cold EC2 instance for each job.

Its defaults where they bear on the wait: webhooks delayed by 30 s [PEER-TF-DELAY]; one scale-up function at a time for
each runner configuration, which takes ten messages and registers one runner a second [PEER-TF-SCALE-UP]; a stock AMI
that is set up at each boot [PEER-TF-BOOT]. Changed to what an enterprise would choose, and in the peer's favour:
ephemeral runners of whole organizations; the cheapest type that holds the job, of the pool's types and the smaller
ones of their families, instead of m5.large and c5.large for all; and the vCPUs of the pool's ``max_instances`` instead
of 3 runners. An operator who sizes hosts for many jobs would not give one of them to each.

An instance ends itself 10 s after its job [PEER-TF-END]. What cannot be launched, also for want of Spot capacity, comes
back with its message 30 s later, for a day [PEER-TF-RETRY]; a webhook that never came is never asked for.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from functools import partial

from local.simulator.outcome import Outcome
from local.simulator.policies.baseline_world import RETRY_SECONDS, BaselineWorld, Run
from local.simulator.policies.hosts import Host
from local.simulator.policies.policy import Task
from local.simulator.policies.served import cheapest_of, types_for_one_job
from local.twin.latency import Phase
from slipway.domain.configuration import InstanceType, Pool

NAME = "instance-per-job"
DELAY_SECONDS = 30.0  # delay_webhook_event [PEER-TF-DELAY]
BATCH = 10  # messages of one invocation [PEER-TF-SCALE-UP]
SECONDS_BETWEEN_REGISTRATIONS = 1.0  # the client's throttle of writes [PEER-TF-SCALE-UP]
RETENTION_SECONDS = 86_400.0  # of a message [PEER-TF-RETRY]
END_SECONDS = 10.0  # from the end of a job to that of its instance [PEER-TF-END]
CALLS_A_BATCH = ("ec2.CreateFleet", "ec2.DescribeInstances")
CALLS_A_JOB = ("ec2.CreateTags", "ssm.PutParameter")


def run_instance_per_job(task: Task) -> Outcome:
    """Run a workload with a cold instance for each job."""
    world = BaselineWorld(task, NAME)
    return world.play(_InstancePerJob(world))


@dataclass(slots=True, eq=False)
class _RunnerConfiguration:
    """What serves one profile: a queue, and a function of which one runs at a time."""

    messages: deque[tuple[Run, float]] = field(default_factory=deque)
    """Jobs, and when their messages were sent."""
    is_busy: bool = False
    registered_at: float = float("-inf")


class _InstancePerJob:
    """Implements ``Operator``."""

    def __init__(self, world: BaselineWorld) -> None:
        self._world = world
        self._configurations = {run.served.shape.profile: _RunnerConfiguration() for run in world.runs}
        pools = {run.served.pool.name: run.served.pool for run in world.runs}
        self._types = {name: types_for_one_job(pool, world.task.catalogue) for name, pool in pools.items()}
        self._cpu_units: Counter[str] = Counter()

    def learned(self, run: Run) -> None:
        # Webhook, event bus and dispatcher, then the queue and its delay.
        delay = self._world.delay(run, Phase.FUNCTION_WARM_START, Phase.EVENT_DELAY, Phase.QUEUE_TO_FUNCTION)
        self._world.aws_calls["sqs.SendMessage"] += 1
        self._world.later(delay + DELAY_SECONDS, partial(self._arrive, run, self._world.clock.now()))

    def leaving(self, host: Host) -> None:
        """It gets no second job anyway."""

    def gone(self, host: Host) -> None:
        """Its job comes again with a webhook of its own."""
        self._cpu_units[host.pool.name] -= host.type.registered.cpu_units

    def freed(self, host: Host) -> None:
        self._world.terminate(host)
        self._cpu_units[host.pool.name] -= host.type.registered.cpu_units

    def _arrive(self, run: Run, sent_at: float) -> None:
        configuration = self._configurations[run.served.shape.profile]
        configuration.messages.append((run, sent_at))
        self._invoke(configuration)

    def _invoke(self, configuration: _RunnerConfiguration) -> None:
        """Take a batch, if the function is not at work: launches first, then one registration after the other."""
        if configuration.is_busy or not configuration.messages:
            return
        configuration.is_busy = True
        count = min(BATCH, len(configuration.messages))
        batch = [configuration.messages.popleft() for _ in range(count)]
        owners: dict[str, list[tuple[Run, float]]] = {}
        for run, sent_at in batch:
            owners.setdefault(run.served.job.organization, []).append((run, sent_at))
        elapsed = 0.0
        for jobs in owners.values():  # one fleet and one token for each owner, one owner after the other
            elapsed += self._serve(configuration, jobs, elapsed)
        self._world.later(elapsed, partial(self._finish, configuration))

    def _finish(self, configuration: _RunnerConfiguration) -> None:
        configuration.is_busy = False
        self._invoke(configuration)

    def _serve(
        self, configuration: _RunnerConfiguration, jobs: list[tuple[Run, float]], elapsed: float
    ) -> float:
        """Launch and register for one owner's jobs ``elapsed`` seconds from now; return how long that takes."""
        world = self._world
        first = jobs[0][0]
        world.github_calls += 1  # the installation's token is made anew each time
        world.aws_calls.update(CALLS_A_BATCH)
        token = world.delay(first, Phase.GITHUB_CALL)
        launched = token + world.delay(first, Phase.CREATE_FLEET_CALL)
        took = launched
        for run, sent_at in jobs:
            kind = self._type_for(run)
            if not self._may_launch(run.served.pool, kind) or world.capacity_in(run.served.pool) > 0:
                self._again(run, sent_at, elapsed + launched)
                continue
            at = max(
                world.clock.now() + elapsed + took,
                configuration.registered_at + SECONDS_BETWEEN_REGISTRATIONS,
            )
            configuration.registered_at = at
            took = at - world.clock.now() - elapsed
            world.aws_calls.update(CALLS_A_JOB)
            if world.registers(run):
                self._start(run, kind, elapsed + launched, elapsed + took)
            else:
                self._again(run, sent_at, elapsed + took)  # its instance is lost to it, and ends by itself
        return took

    def _type_for(self, run: Run) -> InstanceType:
        kind = cheapest_of(self._types[run.served.pool.name], run.size)
        if kind is None:
            raise ValueError(f"no type of pool {run.served.pool.name} holds {run.size}")
        return kind

    def _may_launch(self, pool: Pool, kind: InstanceType) -> bool:
        limit = pool.max_instances * max(offered.registered.cpu_units for offered in pool.instance_types)
        return self._cpu_units[pool.name] + kind.registered.cpu_units <= limit

    def _start(self, run: Run, kind: InstanceType, launched: float, registered: float) -> None:
        """Pay for an instance from its launch on, and start the job once it is up and its registration is written."""
        world = self._world
        host = world.launch(run.served.pool, kind)
        self._cpu_units[host.pool.name] += kind.registered.cpu_units
        host.launched_at += launched
        host.take(run)
        boot = sum(
            world.draws.of(host.name, phase) for phase in (Phase.PENDING_TO_RUNNING, Phase.STOCK_SET_UP)
        )
        until_job = world.delay(run, Phase.LISTENER_SESSION, Phase.JOB_ASSIGNMENT)
        world.begin(run, max(launched + boot, registered) + until_job, END_SECONDS)

    def _again(self, run: Run, sent_at: float, seconds: float) -> None:
        """Let a message become visible again, unless it is too old."""
        visible = seconds + RETRY_SECONDS
        if self._world.clock.now() + visible - sent_at < RETENTION_SECONDS:
            self._world.later(visible, partial(self._arrive, run, sent_at))
