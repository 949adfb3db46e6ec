"""Domain values for tests: valid by default; a test changes the one fact that it is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from slipway.domain.configuration import (
    Configuration,
    Fairness,
    GitHubTarget,
    InstanceType,
    Market,
    Pool,
    Profile,
    Registration,
)
from slipway.domain.instances import Instance, InstanceState, Load
from slipway.domain.intents import Intent, LaunchInstances, Offering, RunTasks, StartInstances
from slipway.domain.jobs import JobKey
from slipway.domain.matching import Shape
from slipway.domain.policy import Policy, policy_of
from slipway.domain.resources import Resources
from slipway.domain.runners import Runner, RunnerState, runner_name
from slipway.domain.snapshot import Snapshot, WaitingJob

NOW = 1_800_000_000.0
POOL = "general"
SIZE = Resources(2048, 7168)
SHAPE = Shape("medium", SIZE)
ROOM_FOR_FOUR = Resources(8192, 28672)
LABELS = "label-set-of-medium"


def a_task_id(number: int) -> str:
    """Return the task id of a number."""
    return f"{number:032x}"


def an_arn(instance_id: str) -> str:
    """Return the container instance ARN of an instance."""
    return f"arn:aws:ecs:eu-west-1:111122223333:container-instance/slipway-general/{instance_id}"


def a_job(number: int = 1, **changes: Any) -> WaitingJob:
    """Return a job of acme/one that began to wait ``number`` seconds ago."""
    facts: dict[str, Any] = {
        "key": JobKey("acme", number, 1),
        "pool": POOL,
        "shape": SHAPE,
        "label_key": LABELS,
        "labels": ("self-hosted", "linux", "x64", "medium"),
        "organization": "acme",
        "organization_id": 7,
        "repository": "acme/one",
        "run_id": 100 + number,
        "queued_at": NOW - number,
    }
    return WaitingJob(**{**facts, **changes})


def several_jobs(count: int, first: int = 1, **changes: Any) -> tuple[WaitingJob, ...]:
    """Return jobs that differ in key and age only, the oldest first."""
    return tuple(
        a_job(number, **{"queued_at": NOW - 1_000 + number, **changes})
        for number in range(first, first + count)
    )


_BY_STATE: Mapping[RunnerState, Mapping[str, Any]] = {
    RunnerState.STARTING: {},
    RunnerState.REGISTERED: {"claimed_at": NOW - 20},
    RunnerState.BUSY: {"claimed_at": NOW - 20, "busy_at": NOW - 10},
    RunnerState.GONE: {"claimed_at": NOW - 20, "busy_at": NOW - 10, "ended_at": NOW - 5},
}
_MINTED: Mapping[str, Any] = {
    "running_at": NOW - 30,
    "runner_id": 9_000,
    "reach": "acme",
    "label_key": LABELS,
    "organization": "acme",
    "repository": "acme/one",
    "job": JobKey("acme", 9_000, 1),
}


def name_of(runner: Runner) -> str:
    """Return the name under which a runner of the deployment ``slipway`` registers."""
    return runner_name("slipway", runner.shape.profile, runner.task_id)


def a_runner(number: int = 1, state: RunnerState = RunnerState.STARTING, **changes: Any) -> Runner:
    """Return a runner; one that has claimed was minted for a job of acme/one."""
    facts: dict[str, Any] = {
        "task_id": a_task_id(number),
        "pool": POOL,
        "shape": SHAPE,
        "state": state,
        "started_at": NOW - 60,
        "intent": "settled",
        **({} if state is RunnerState.STARTING else _MINTED),
        **_BY_STATE[state],
    }
    return Runner(**{**facts, **changes})


def an_instance(instance_id: str = "i-1", **changes: Any) -> Instance:
    """Return an instance that takes tasks and has room for four of the medium profile."""
    facts: dict[str, Any] = {
        "instance_id": instance_id,
        "pool": POOL,
        "state": InstanceState.READY,
        "registered": ROOM_FOR_FOUR,
        "launched_at": NOW - 600,
        "instance_type": "m7i.2xlarge",
        "arn": an_arn(instance_id),
        "connected": True,
    }
    return Instance(**{**facts, **changes})


def a_booting_instance(instance_id: str = "i-1", **changes: Any) -> Instance:
    """Return an instance that EC2 launched and ECS does not know yet."""
    facts = {
        "state": InstanceState.LAUNCHING,
        "arn": None,
        "connected": False,
        "launched_at": NOW - 20,
    }
    return an_instance(instance_id, **{**facts, **changes})


def a_stopped_instance(instance_id: str = "i-1", **changes: Any) -> Instance:
    """Return an instance of the stopped tier: booted, powered off, never used."""
    facts = {
        "state": InstanceState.STOPPED,
        "arn": None,
        "connected": False,
        "subnet": "subnet-1",
        "market": Market.ON_DEMAND,
        "stopped_at": NOW - 300,
    }
    return an_instance(instance_id, **{**facts, **changes})


def a_run_intent(count: int = 1, token: str = "run-1", **changes: Any) -> Intent:
    """Return a RunTask whose answer is not known."""
    return Intent(token, POOL, RunTasks(**{"shape": SHAPE, "count": count, **changes}), NOW - 5)


def a_launch_intent(count: int = 1, token: str = "launch-1", **changes: Any) -> Intent:
    """Return a CreateFleet whose answer is not known."""
    types: tuple[str, ...] = changes.pop("types", ("m7i.2xlarge",))
    offerings = tuple(Offering(name, "subnet-1") for name in types)
    facts = {"offerings": offerings, "market": Market.SPOT, "count": count, "each": ROOM_FOR_FOUR}
    return Intent(token, POOL, LaunchInstances(**{**facts, **changes}), NOW - 5)


def a_start_intent(*instance_ids: str, token: str = "start-1", load: Load = ()) -> Intent:
    """Return a StartInstances whose answer is not known."""
    starts = tuple((instance_id, load) for instance_id in instance_ids)
    return Intent(token, POOL, StartInstances(Offering("m7i.2xlarge", "subnet-1"), starts), NOW - 5)


def a_profile(**changes: Any) -> Profile:
    """Return the medium profile: no standby, no cap in the way."""
    facts: dict[str, Any] = {
        "name": "medium",
        "labels": frozenset({"self-hosted", "linux", "x64", "medium"}),
        "size": SIZE,
        "image": "registry.example/runner@sha256:0",
        "pool": POOL,
        "max_runners": 10_000,
    }
    return Profile(**{**facts, **changes})


def a_pool(**changes: Any) -> Pool:
    """Return the general pool: Spot, one instance type with room for four."""
    facts: dict[str, Any] = {
        "name": POOL,
        "region": "eu-west-1",
        "cluster": "slipway-general",
        "task_role": "slipway-general-task",
        "launch_template": "lt-1",
        "subnets": ("subnet-1",),
        "security_groups": ("sg-1",),
        "architecture": "x64",
        "instance_types": (InstanceType("m7i.2xlarge", ROOM_FOR_FOUR, 0.4032),),
        "max_instances": 100,
    }
    return Pool(**{**facts, **changes})


def a_github(**changes: Any) -> GitHubTarget:
    """Return an enterprise whose runners live in one group per organization."""
    facts: dict[str, Any] = {
        "web_url": "https://github.com",
        "api_url": "https://api.github.com",
        "enterprise": "acme-enterprise",
        "registration": Registration.ENTERPRISE,
    }
    return GitHubTarget(**{**facts, **changes})


def a_configuration(
    profiles: Iterable[Profile] | None = None,
    pools: Iterable[Pool] | None = None,
    github: GitHubTarget | None = None,
    fairness: Fairness | None = None,
) -> Configuration:
    """Return a configuration of one profile on one pool."""
    return Configuration(
        deployment="slipway",
        github=github or a_github(),
        profiles={profile.name: profile for profile in profiles or (a_profile(),)},
        pools={pool.name: pool for pool in pools or (a_pool(),)},
        fairness=fairness or Fairness(),
    )


def a_policy(*profiles: Profile, **pool: Any) -> Policy:
    """Return what a configuration of these profiles (none: medium) on the general pool says at ``NOW``."""
    return policy_of(a_configuration(profiles, [a_pool(**pool)]), POOL, NOW)


def a_snapshot(**changes: Any) -> Snapshot:
    """Return an empty pool at ``NOW``."""
    return Snapshot(**{"pool": POOL, "now": NOW, **changes})
