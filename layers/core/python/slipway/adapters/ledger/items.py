"""The shape of every item in the table: keys, and the way from our values to items and back.

``docs/ledger.md`` describes the layout and its access patterns. Rows of the next version are read too, for it may be
deployed beside this one or taken back: fields and reasons that this one does not know are passed over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from slipway.adapters.ledger.table import Item, Key
from slipway.domain.configuration import Market
from slipway.domain.held import Held, Story
from slipway.domain.instances import Instance, InstanceState, Load
from slipway.domain.intents import Intent, LaunchInstances, Offering, Request, RunTasks, StartInstances
from slipway.domain.jobs import JobKey, JobState
from slipway.domain.launches import LaunchFailures
from slipway.domain.matching import Shape
from slipway.domain.reasons import Why
from slipway.domain.resources import Resources
from slipway.domain.runners import Runner, RunnerState
from slipway.domain.snapshot import GitHubPause, Orphan, StartFailures, UnavailableOffering, WaitingJob
from slipway.ports.ledger import JobRecord

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

DAY = 86_400
_REASONS = frozenset(Why)
JOB_TTL_SECONDS = 8 * DAY  # longer than GHES lets a delivery be sent again, 7 days [GH-HOOK-WINDOW]
GONE_TTL_SECONDS = 8 * DAY  # far longer than the task's credentials live, 6 h [IAM-TASK-CREDENTIALS]


def pool_key(pool: str, sk: str) -> Key:
    """Return the key of an item in a pool's partition."""
    return Key(f"POOL#{pool}", sk)


def waiting_key(pool: str, key: JobKey) -> Key:
    """Return the key of a waiting job."""
    return pool_key(pool, f"JOB#{key}")


def runner_key(pool: str, task_id: str) -> Key:
    """Return the key of a runner."""
    return pool_key(pool, f"RUNNER#{task_id}")


def instance_key(pool: str, instance_id: str) -> Key:
    """Return the key of an instance."""
    return pool_key(pool, f"INSTANCE#{instance_id}")


def intent_key(pool: str, token: str) -> Key:
    """Return the key of an intent."""
    return pool_key(pool, f"INTENT#{token}")


def orphan_key(pool: str, task_id: str) -> Key:
    """Return the key of a registration that may have outlived its task."""
    return pool_key(pool, f"ORPHAN#{task_id}")


def record_key(key: JobKey) -> Key:
    """Return the key of a job's record."""
    return Key(record_partition(key.job_id), f"{key.organization}#ATTEMPT#{key.run_attempt}")


def record_partition(job_id: int) -> str:
    """Return the partition of all records with a job id: who may speak for one organization can claim any id."""
    return f"JOB#{job_id}"


def gone_key(task_id: str) -> Key:
    """Return the key under which a stopped task is remembered."""
    return Key(f"GONE#{task_id}", "GONE")


def keyed(key: Key, item: Item) -> Item:
    """Return the item with its key."""
    return {"pk": key.pk, "sk": key.sk, **item}


def shape_to(shape: Shape) -> list[Any]:
    """Return a shape as a short list."""
    return [shape.profile, *resources_to(shape.size)]


def shape_from(value: list[Any]) -> Shape:
    """Read a shape."""
    return _shape(*value)


# Equal ones are one object: whoever counts by shape finds it without comparing fields.
@lru_cache(maxsize=1_000)
def _shape(profile: str, *size: int) -> Shape:
    return Shape(profile, Resources(*size))


def resources_to(amount: Resources) -> list[int]:
    """Return an amount as a short list: most have no GPU."""
    return [amount.cpu_units, amount.memory_mib, *([amount.gpus] if amount.gpus else [])]


def load_to(load: Load) -> list[Any]:
    """Return a load as a list of counts and shapes."""
    return [[count, *shape_to(shape)] for shape, count in load]


def load_from(value: list[Any] | None) -> Load:
    """Read a load."""
    return tuple((shape_from(entry[1:]), entry[0]) for entry in value or ())


def waiting_to(job: WaitingJob) -> Item:
    """Return the item of a waiting job, without its key.

    Not what held it up: it begins to wait without a story, and an offer of it must not change with one.
    """
    body = {**_fields_of(job), "held": None}
    return {**body, "key": str(job.key), "shape": shape_to(job.shape), "labels": list(job.labels)}


def waiting_from(item: Item) -> WaitingJob:
    """Read a waiting job."""
    body = known_of(WaitingJob, item)
    body["key"], body["shape"] = JobKey.parse(body["key"]), shape_from(body["shape"])
    body["labels"], body["held"] = tuple(body["labels"]), held_from(body.get("held"))
    return WaitingJob(**body)


def held_to(held: Story) -> list[Any]:
    """Return what held a job up as short lists."""
    return [[one.why.value, one.since, dict(one.parameters)] for one in held]


def held_from(value: list[Any] | None) -> Story:
    """Read what held a job up."""
    return tuple(
        Held(Why(code), since, parameters) for code, since, parameters in value or () if code in _REASONS
    )


def runner_to(runner: Runner) -> Item:
    """Return the item of a runner, without its key."""
    item = _fields_of(runner)
    for name in ("job", "made_for"):
        item[name] = str(item[name]) if item[name] else None
    return {**item, "shape": shape_to(runner.shape), "state": runner.state.value}


def runner_from(item: Item) -> Runner:
    """Read a runner."""
    body = known_of(Runner, item)
    body["shape"], body["state"] = shape_from(body["shape"]), RunnerState(body["state"])
    for name in ("job", "made_for"):
        if name in body:
            body[name] = JobKey.parse(body[name])
    return Runner(**body)


def instance_to(instance: Instance) -> Item:
    """Return the item of an instance, without its key."""
    market = instance.market.value if instance.market else None
    return {
        **_fields_of(instance),
        "registered": resources_to(instance.registered),
        "load": load_to(instance.load) or None,
        "for_stopped_tier": instance.for_stopped_tier or None,
        "state": instance.state.value,
        "rank": instance.state.rank,
        "market": market,
    }


def instance_from(item: Item) -> Instance:
    """Read an instance."""
    body = known_of(Instance, item)
    body["registered"], body["load"] = Resources(*body["registered"]), load_from(body.get("load"))
    body["state"] = InstanceState(body["state"])
    if "market" in body:
        body["market"] = Market(body["market"])
    return Instance(**body)


def intent_to(intent: Intent) -> Item:
    """Return the item of an intent, without its key."""
    kind, body = _request_to(intent.request)
    return {
        "token": intent.token,
        "pool": intent.pool,
        "created_at": intent.created_at,
        "awaited_until": intent.awaited_until,
        "kind": kind,
        "request": body,
    }


def intent_from(item: Item) -> Intent:
    """Read an intent."""
    request = _REQUESTS[item["kind"]](item["request"])
    return Intent(item["token"], item["pool"], request, item["created_at"], item.get("awaited_until"))


def _request_to(request: Request) -> tuple[str, Item]:
    if isinstance(request, RunTasks):
        return "run", {
            "shape": shape_to(request.shape),
            "count": request.count,
            "exclusive": request.exclusive,
            "avoid": list(request.avoid),
        }
    if isinstance(request, StartInstances):
        starts = [[instance_id, load_to(load)] for instance_id, load in request.starts]
        return "start", {"offering": _offering_to(request.offering), "starts": starts}
    return "launch", {
        "offerings": [_offering_to(offering) for offering in request.offerings],
        "market": request.market.value,
        "count": request.count,
        "each": resources_to(request.each),
        "loads": [[count, load_to(load)] for load, count in request.loads],
        "for_stopped_tier": request.for_stopped_tier,
    }


_REQUESTS: dict[str, Callable[[Item], Request]] = {
    "run": lambda body: RunTasks(
        shape_from(body["shape"]), body["count"], body["exclusive"], tuple(body["avoid"])
    ),
    "start": lambda body: StartInstances(
        Offering(*body["offering"]),
        tuple((instance_id, load_from(load)) for instance_id, load in body["starts"]),
    ),
    "launch": lambda body: LaunchInstances(
        offerings=tuple(Offering(*offering) for offering in body["offerings"]),
        market=Market(body["market"]),
        count=body["count"],
        each=Resources(*body["each"]),
        loads=tuple((load_from(load), count) for count, load in body["loads"]),
        for_stopped_tier=body["for_stopped_tier"],
    ),
}


def _offering_to(offering: Offering) -> list[str]:
    return [offering.instance_type, offering.subnet]


def orphan_from(item: Item) -> Orphan:
    """Read an orphan."""
    return Orphan(**known_of(Orphan, item))


def offering_from(item: Item) -> UnavailableOffering:
    """Read an unavailable offering."""
    return UnavailableOffering(**{**known_of(UnavailableOffering, item), "market": Market(item["market"])})


def launch_failures_from(item: Item) -> LaunchFailures:
    """Read the launches that failed."""
    return LaunchFailures(**known_of(LaunchFailures, item))


def start_failures_from(item: Item) -> StartFailures:
    """Read the containers of a profile that ended before they took a job."""
    return StartFailures(**known_of(StartFailures, item))


def github_pause_from(item: Item) -> GitHubPause:
    """Read until when GitHub asked to wait."""
    return GitHubPause(**known_of(GitHubPause, item))


def record_from(item: Item) -> JobRecord:
    """Read a job's record."""
    body = known_of(JobRecord, item)
    body["key"], body["state"] = JobKey.parse(body["key"]), JobState(body["state"])
    body["held"] = held_from(body.get("held"))
    return JobRecord(**body)


def _fields_of(value: DataclassInstance) -> Item:
    """Return a flat dataclass's fields: ``asdict`` copies what is nested, which is written otherwise anyway."""
    return {name: getattr(value, name) for name in _names_of(type(value))}


@cache
def _names_of(kind: type[DataclassInstance]) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind))


def known_of(kind: type[DataclassInstance], item: Item) -> Item:
    """Return what an item tells of a dataclass's fields, and nothing else that stands in it: a dict of its own."""
    return {name: item[name] for name in _names_of(kind) if name in item}
