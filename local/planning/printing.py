"""A plan as one JSON object. Every field of ``Plan`` is in it; equal plans print alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from local.planning.reading import NotServed, Situation
from local.words import with_times
from slipway.domain.instances import Load
from slipway.domain.intents import LaunchInstances, RunTasks, StartInstances
from slipway.domain.jobs import JobKey
from slipway.domain.matching import Shape
from slipway.domain.plan import Plan
from slipway.domain.reasons import Reason
from slipway.domain.resources import Resources

Entry = dict[str, Any]


def as_json(situation: Situation, plan: Plan) -> Entry:
    """Return the object that ``slipway plan --json`` prints; docs/plan.md tells what its keys mean."""
    reasons = list(reasons_of(situation, plan))
    return {
        "pool": situation.snapshot.pool,
        "now": iso(situation, situation.snapshot.now),
        "intents": [entry for kind in _KINDS for entry in kind(situation, plan)],
        "hosts": {name: _counts(tasks.items()) for name, tasks in sorted(plan.hosts.items())},
        "offers": {
            str(shape): [str(job.key) for job in jobs]
            for shape, jobs in sorted(plan.offers.items(), key=lambda item: str(item[0]))
        },
        "reserved": {
            f"{shape}@{reach}": [str(job.key) for job in jobs]
            for (shape, reach), jobs in sorted(plan.reserved.items(), key=lambda item: str(item[0]))
        },
        "idle_since": {
            name: None if since is None else iso(situation, since)
            for name, since in sorted(plan.idle_since.items())
        },
        "reasons": reasons,
        "waiting": dict(sorted(Counter(reason["code"] for reason in reasons).items())),
    }


def reasons_of(situation: Situation, plan: Plan) -> Iterator[Entry]:
    """Yield why each job waits, by key: the plan's reasons, and those of jobs that never got as far."""
    every: dict[JobKey, Reason | NotServed] = {**plan.reasons, **situation.not_served}
    for key, reason in sorted(every.items()):
        parameters = with_times(dict(sorted(reason.parameters.items())), partial(iso, situation))
        yield {"job": str(key), "code": str(reason.code), "parameters": parameters}


def iso(situation: Situation, seconds: float) -> str:
    """Return a time in the offset of the file's own ``now``."""
    return datetime.fromtimestamp(seconds, situation.zone).isoformat()


def _run(_: Situation, plan: Plan) -> Iterator[Entry]:
    for request in plan.run:
        yield start_tasks(request)


def start_tasks(request: RunTasks) -> Entry:
    """Return a RunTask call."""
    return {
        "kind": "start_tasks",
        "shape": {"profile": request.shape.profile, **_size(request.shape.size)},
        "count": request.count,
        "exclusive": request.exclusive,
        "avoid": list(request.avoid),
    }


def _launch(_: Situation, plan: Plan) -> Iterator[Entry]:
    for request in plan.launch:
        yield launch(request)


def launch(request: LaunchInstances) -> Entry:
    """Return a CreateFleet call."""
    return {
        "kind": "launch",
        "market": str(request.market),
        "count": request.count,
        "offerings": [[offering.instance_type, offering.subnet] for offering in request.offerings],
        "each": _size(request.each),
        "loads": [{"for": _load(load), "instances": count} for load, count in request.loads],
        "for_stopped_tier": request.for_stopped_tier,
    }


def _start(_: Situation, plan: Plan) -> Iterator[Entry]:
    for request in plan.start:
        yield start_stopped(request)


def start_stopped(request: StartInstances) -> Entry:
    """Return a StartInstances call."""
    return {
        "kind": "start_stopped",
        "count": request.count,
        "offering": [request.offering.instance_type, request.offering.subnet],
        "starts": [{"instance": name, "for": _load(load)} for name, load in request.starts],
    }


def _named(kind: str, what: str, names: Callable[[Plan], Iterable[str]]) -> Callable[..., Iterator[Entry]]:
    def entries(_: Situation, plan: Plan) -> Iterator[Entry]:
        for name in names(plan):
            yield {"kind": kind, what: name}

    return entries


def _close_circuit(_: Situation, plan: Plan) -> Iterator[Entry]:
    if plan.closes_circuit:
        yield {"kind": "close_circuit", "of": "launches"}
    if plan.closes_tier_circuit:
        yield {"kind": "close_circuit", "of": "stopped_tier"}
    for profile in plan.recovered:
        yield {"kind": "close_circuit", "of": f"starts of {profile}"}


def _failed(_: Situation, plan: Plan) -> Iterator[Entry]:
    for failed in plan.failed_launches:
        of = "stopped_tier" if failed.of_tier else "launches"
        yield {"kind": "count_failure", "of": of, "why": failed.why}


def _short(_: Situation, plan: Plan) -> Iterator[Entry]:
    if plan.is_short_of_tiers:
        yield {"kind": "no_room", "of": "tiers"}


def _withheld(_: Situation, plan: Plan) -> Iterator[Entry]:
    if plan.withholds:
        yield {"kind": "plan_again", "after": "offers"}


def _set_aside(situation: Situation, plan: Plan) -> Iterator[Entry]:
    for name, why in sorted(plan.set_aside.items()):
        yield {"kind": "set_aside", "instance": name, "why": why}
    jobs: dict[JobKey, Reason | NotServed] = {**plan.jobs_set_aside, **situation.not_served}
    for key, reason in sorted(jobs.items()):
        yield {"kind": "set_aside", "job": str(key), "why": str(reason.code)}


_KINDS: tuple[Callable[[Situation, Plan], Iterator[Entry]], ...] = (
    _run,
    _launch,
    _start,
    _named("drain", "instance", lambda plan: plan.drain),
    _named("terminate", "instance", lambda plan: plan.end),
    _named("replace", "instance", lambda plan: plan.replace),
    _named("retire", "instance", lambda plan: plan.retire),
    _named("stop_task", "task", lambda plan: plan.dismiss),
    _close_circuit,
    _failed,
    _short,
    _withheld,
    _set_aside,
)


def _size(size: Resources) -> Entry:
    return {"cpu_units": size.cpu_units, "memory_mib": size.memory_mib, "gpus": size.gpus}


def _load(load: Load) -> Mapping[str, int]:
    return _counts(load)


def _counts(tasks: Iterable[tuple[Shape, int]]) -> Mapping[str, int]:
    return dict(sorted((str(shape), count) for shape, count in tasks))
