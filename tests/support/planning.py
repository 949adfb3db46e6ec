"""What the planner's tests ask of plans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from slipway.domain import planner
from slipway.domain.configuration import Configuration, InstanceType
from slipway.domain.instances import InstanceState
from slipway.domain.intents import Intent, Request, RunTasks
from slipway.domain.jobs import JobKey
from slipway.domain.launches import counted
from slipway.domain.matching import Shape
from slipway.domain.plan import Plan
from slipway.domain.policy import policy_of
from slipway.domain.reasons import Why
from slipway.domain.resources import NOTHING, Resources
from slipway.domain.runners import RunnerState
from slipway.domain.snapshot import Snapshot
from tests.builders import (
    NOW,
    ROOM_FOR_FOUR,
    a_booting_instance,
    a_runner,
)
from tests.strategies import Situation

TWO_TYPES = (
    InstanceType("four", ROOM_FOR_FOUR, 0.4),
    InstanceType("eight", ROOM_FOR_FOUR + ROOM_FOR_FOUR, 0.8),
)
OVER_A_CAP = {Why.PROFILE_LIMIT, Why.REPOSITORY_LIMIT, Why.ORGANIZATION_LIMIT, Why.GITHUB_BUSY}


def plan(snapshot: Snapshot, configuration: Configuration) -> Plan:
    """Plan as a convergence does: by what the configuration asks for at that moment."""
    return planner.plan(snapshot, policy_of(configuration, snapshot.pool, snapshot.now))


def started(decided: Plan) -> Counter[Shape]:
    tasks: Counter[Shape] = Counter()
    for request in decided.run:
        tasks[request.shape] += request.count
    return tasks


def claimants(snapshot: Snapshot) -> Counter[Shape]:
    """Count the tasks that may still come to claim: the ledger's, and those of calls without an answer.

    Those on a host that EC2 takes away are sent away when they claim.
    """
    lost = {instance.arn for instance in snapshot.instances if instance.lost_at is not None}
    starting = [r for r in snapshot.runners if r.state is RunnerState.STARTING and r.instance_arn not in lost]
    tasks = Counter(runner.shape for runner in starting)
    known = Counter(runner.intent for runner in snapshot.runners)
    for intent in snapshot.intents:
        if isinstance(intent.request, RunTasks):
            tasks[intent.request.shape] += max(0, intent.request.count - known[intent.token])
    return tasks


def admitted_keys(decided: Plan) -> set[JobKey]:
    """Return the jobs that may have a runner now; of those that GitHub refuses, the one that goes on trying."""
    refused = {Why.RUNNER_IDLE, *OVER_A_CAP}
    reasons = decided.reasons.items()
    return {key for key, why in reasons if why.code not in refused and "trying" not in why.parameters}


def codes(decided: Plan) -> list[Why]:
    """Return the reasons' codes by job id."""
    return [reason.code for _, reason in sorted(decided.reasons.items())]


def free_room(situation: Situation) -> list[Resources]:
    """Return the room of each instance where ECS would place a task now; one job an instance in exclusive pools."""
    rooms = []
    for instance in situation.snapshot.instances:
        held = [r.shape.size for r in situation.snapshot.runners if r.instance_arn == instance.arn]
        is_full = instance.full_until is not None and instance.full_until > NOW
        if not instance.is_usable or is_full or (situation.pool.exclusive and held):
            continue
        rooms.append(instance.registered - sum(held, NOTHING))
    return rooms


def can_be_placed(sizes: Sequence[Resources], rooms: Sequence[Resources], *, exclusive: bool) -> bool:
    """Search for any assignment of the tasks to the rooms, the largest task first."""
    if not sizes:
        return True
    first, rest = max(sizes), sorted(sizes)[:-1]
    for room in set(rooms):
        if first.fits(room):
            left = list(rooms)
            left.remove(room)
            if not exclusive:
                left.append(room - first)
            if can_be_placed(rest, left, exclusive=exclusive):
                return True
    return False


def unsettled(decided: Plan) -> tuple[Intent, ...]:
    """Return the intents of a plan of which no call has been answered."""
    requests: tuple[Request, ...] = (*decided.run, *decided.launch, *decided.start)
    return tuple(Intent(f"new-{n}", "general", request, NOW) for n, request in enumerate(requests))


def applied(situation: Situation, decided: Plan) -> Snapshot:
    """Return the snapshot after every call was answered: tasks start where the plan saw room, instances boot.

    What EC2 launches is the last of the types that were asked for, which is not the one that was preferred.
    """
    snapshot, pool = situation.snapshot, situation.pool
    known = {instance.instance_id: instance for instance in snapshot.instances}
    tasks = [(name, shape) for name, load in decided.hosts.items() for shape in Counter(load).elements()]
    runners = [
        replace(r, state=RunnerState.GONE) if r.task_id in decided.dismiss else r for r in snapshot.runners
    ]
    runners += [
        a_runner(1_000 + number, shape=shape, instance_arn=known[name].arn, started_at=NOW)
        for number, (name, shape) in enumerate(tasks, len(runners))
    ]
    for name in decided.drain:
        known[name] = replace(known[name], state=InstanceState.DRAINING)
    for start in decided.start:
        for name, load in start.starts:
            launching = InstanceState.LAUNCHING
            known[name] = replace(known[name], state=launching, launched_at=NOW, load=load)
    for name in (*decided.retire, *decided.replace):
        del known[name]
    registered = {kind.name: kind.registered for kind in pool.instance_types}
    for request in decided.launch:
        for number in range(request.count):
            name = f"i-new-{len(known)}"
            known[name] = a_booting_instance(
                name,
                state=InstanceState.WARMING if request.for_stopped_tier else InstanceState.LAUNCHING,
                launched_at=NOW,
                registered=registered[request.types[-1]],
                instance_type=request.types[-1],
                load=request.load_of(number),
            )
    return replace(
        snapshot,
        runners=tuple(runners),
        instances=tuple(known.values()),
        launch_failures=None if decided.closes_circuit else snapshot.launch_failures,
        tier_failures=counted(
            None if decided.closes_tier_circuit else snapshot.tier_failures, decided.failed_launches
        ),
    )
