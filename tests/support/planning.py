"""What the planner's tests ask of plans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from slipway.domain.configuration import InstanceType
from slipway.domain.instances import Instance
from slipway.domain.intents import Intent, LaunchInstances, RunTasks
from slipway.domain.jobs import JobKey
from slipway.domain.matching import Shape
from slipway.domain.plan import Plan
from slipway.domain.reasons import Why
from slipway.domain.resources import NOTHING, Resources
from slipway.domain.runners import Runner, RunnerState
from slipway.domain.snapshot import Snapshot
from tests.builders import (
    NOW,
    ROOM_FOR_FOUR,
    a_booting_instance,
    a_runner,
)
from tests.strategies import Situation

TWO_TYPES = (InstanceType("four", ROOM_FOR_FOUR), InstanceType("eight", ROOM_FOR_FOUR + ROOM_FOR_FOUR))
OVER_A_CAP = {Why.PROFILE_LIMIT, Why.REPOSITORY_LIMIT, Why.ORGANIZATION_LIMIT}


def started(decided: Plan) -> Counter[Shape]:
    tasks: Counter[Shape] = Counter()
    for request in decided.run:
        tasks[request.shape] += request.count
    return tasks


def claimants(snapshot: Snapshot) -> Counter[Shape]:
    """Count the tasks that may still come to claim: the ledger's, and those of calls without an answer."""
    tasks = Counter(runner.shape for runner in snapshot.runners if runner.state is RunnerState.STARTING)
    known = Counter(runner.intent for runner in snapshot.runners)
    for intent in snapshot.intents:
        if isinstance(intent.request, RunTasks):
            tasks[intent.request.shape] += max(0, intent.request.count - known[intent.token])
    return tasks


def admitted_keys(decided: Plan) -> set[JobKey]:
    refused = {Why.RUNNER_IDLE, *OVER_A_CAP}
    return {key for key, reason in decided.reasons.items() if reason.code not in refused}


def codes(decided: Plan) -> list[Why]:
    """Return the reasons' codes by job id."""
    return [reason.code for _, reason in sorted(decided.reasons.items())]


def free_room(situation: Situation) -> list[Resources]:
    """Return the room of each instance where ECS would place a task now; one job an instance in exclusive pools."""
    rooms = []
    for instance in situation.snapshot.instances:
        held = [r.shape.size for r in situation.snapshot.runners if r.instance_arn == instance.arn]
        if not instance.is_usable or (situation.pool.exclusive and held):
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
    requests: tuple[RunTasks | LaunchInstances, ...] = (*decided.run, *decided.launch)
    return tuple(Intent(f"new-{n}", "general", request, NOW) for n, request in enumerate(requests))


def applied(situation: Situation, decided: Plan) -> Snapshot:
    """Return the snapshot after every call was answered: tasks start where there is room, instances boot."""
    snapshot = situation.snapshot
    runners, instances = list(snapshot.runners), list(snapshot.instances)
    for number, task in enumerate(started(decided).elements()):
        host = next(i for i in instances if i.is_usable and has_room(i, runners, task, situation))
        runners.append(a_runner(1_000 + number, shape=task, instance_arn=host.arn))
    for request in decided.launch:
        instances += [
            a_booting_instance(f"i-new-{len(instances) + n}", registered=request.each)
            for n in range(request.count)
        ]
    return replace(snapshot, runners=tuple(runners), instances=tuple(instances))


def has_room(host: Instance, runners: Iterable[Runner], task: Shape, situation: Situation) -> bool:
    held = [runner.shape.size for runner in runners if runner.instance_arn == host.arn]
    if situation.pool.exclusive and held:
        return False
    return task.size.fits(host.registered - sum(held, NOTHING))
