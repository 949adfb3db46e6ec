"""Reasons, times and spans in plain words, for people. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from slipway.domain.reasons import Reason
from slipway.domain.resources import CPU_UNITS_PER_VCPU

_TIMES = frozenset({"until", "since"})  # parameters of reasons that are epoch seconds

Parameters = Mapping[str, Any]


def in_words(code: str, parameters: Parameters) -> str:
    """Return the sentence for a reason; a code without one is shown as it is."""
    say = _SENTENCES.get(code)
    return say(parameters) if say else code


def told(reason: Reason) -> str:
    """Return the sentence for a reason of a plan, its times in UTC."""
    return in_words(reason.code.value, with_times(reason.parameters, iso))


def with_times(parameters: Parameters, shown: Callable[[float], str]) -> dict[str, Any]:
    """Return a reason's parameters with its times (epoch seconds) as they are to be shown."""
    return {
        name: shown(value) if name in _TIMES and isinstance(value, int | float) else value
        for name, value in parameters.items()
    }


def iso(at: float) -> str:
    """Return a time (epoch seconds) as ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def minute(at: float) -> str:
    """Return a time (epoch seconds) as people read it, in UTC, to the minute."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def phrase(code: str) -> str:
    """Return what a reason means in a few words, whatever its parameters."""
    return _PHRASES[code]


def seconds(value: float | None) -> str:
    """Return seconds for a table; a dash where they are not known."""
    return "–" if value is None else f"{value:,.1f}"


def span(seconds: float) -> str:
    """Return a span as ``45 s``, ``12 min`` or ``3 h``."""
    whole = round(seconds)
    if abs(whole) < 120:
        return f"{whole} s"
    return f"{whole // 60} min" if abs(whole) < 7_200 else f"{whole // 3_600} h"


def has_words(code: str) -> bool:
    """Say whether there is a sentence for a code."""
    return code in _SENTENCES


def clock(time: object) -> str:
    """Return the time of day of an ISO time."""
    return str(time)[11:19]


def amount(size: Parameters) -> str:
    """Return an amount as ``2 vCPU, 7 GiB``."""
    memory = size.get("memory_mib", 0)
    shown = f"{memory / 1024:g} GiB" if memory % 512 == 0 else f"{memory} MiB"
    gpus = f", {size['gpus']} GPU" if size.get("gpus") else ""
    return f"{size.get('cpu_units', 0) / CPU_UNITS_PER_VCPU:g} vCPU, {shown}{gpus}"


def _nearest(parameters: Parameters) -> str:
    return f"; the nearest profile is {parameters['nearest']}" if parameters.get("nearest") else ""


def _instance_starting(parameters: Parameters) -> str:
    if "instance" in parameters:
        return f"{parameters['instance']} is on its way and has room for it"
    return "a new instance is launched for it"


def _no_profile(parameters: Parameters) -> str:
    if "pool" in parameters:
        served = f"profile {parameters['profile']} serves it, in pool {parameters['pool']}"
        return f"{served}{_nearest(parameters)}"
    if "profile" in parameters:
        return f"profile {parameters['profile']} is no longer configured{_nearest(parameters)}"
    return f"{parameters.get('detail', 'no profile serves it')}{_nearest(parameters)}"


def _launches_fail(parameters: Parameters) -> str:
    return (
        f"{parameters['failures']} launches failed one after another ({parameters['why']}); "
        f"one instance is tried again at {clock(parameters['until'])}"
    )


def _detail(parameters: Parameters) -> str:
    return f"{parameters['detail']}{_nearest(parameters)}"


_PHRASES: Mapping[str, str] = {
    "runner_idle": "a runner waits for GitHub",
    "task_starting": "a container is on its way",
    "instance_starting": "an instance boots",
    "awaiting_turn": "its turn to register comes",
    "start_ramp": "enough of its repository start",
    "no_profile": "its profile is gone",
    "not_taken": "GitHub gave it no runner yet",
    "zombie": "GitHub gives it to nobody",
    "pool_limit": "the pool is at max_instances",
    "profile_limit": "at max_runners",
    "repository_limit": "at its repository's limit",
    "organization_limit": "at its organization's limit",
    "fair_share": "others hold less and go first",
    "no_capacity": "EC2 has no instance",
    "launches_fail": "no instance comes up",
    "starts_fail": "containers end before they claim",
    "github_busy": "GitHub asked to wait",
    "github_refused": "GitHub refuses runners",
    "too_large": "no instance type holds it",
    "paused": "an operator paused the pool",
    "draining": "an operator drains the pool",
}
_SENTENCES: Mapping[str, Callable[[Parameters], str]] = {
    "runner_idle": lambda p: f"the runner of task {p['task'][:8]} is registered and waits for GitHub",
    "task_starting": lambda _: "a container is on its way and will claim it",
    "instance_starting": _instance_starting,
    "start_ramp": lambda p: f"there is room, but {p['limit']} runners of its repository are starting already",
    "no_profile": _no_profile,
    "not_taken": lambda p: (
        f"GitHub gave it none of {p['runners']} runners made for it; the next comes at {clock(p['until'])}"
    ),
    "zombie": lambda p: (
        f"GitHub gave it none of {p['runners']} runners made for it: set aside, the next comes at "
        f"{clock(p['until'])}; if it is stuck at GitHub, cancelling its run is all that ends it"
    ),
    "pool_limit": lambda p: f"the pool is at its {p['limit']} instances",
    "profile_limit": lambda p: f"its profile is at its {p['limit']} runners",
    "repository_limit": lambda p: f"its repository is at its {p['limit']} runners of the profile",
    "organization_limit": lambda p: f"its organization has {p['limit']} jobs that come first",
    "fair_share": lambda p: (
        f"the pool is at its {p['limit']} instances, and organizations that hold less go first"
    ),
    "no_capacity": lambda p: f"EC2 has no instance for it; asked again at {clock(p['until'])}",
    "launches_fail": _launches_fail,
    "starts_fail": lambda p: (
        f"{p['failures']} containers of its profile ended one after another before they took a job ({p['why']}); "
        f"one is tried again at {clock(p['until'])}"
    ),
    "awaiting_turn": lambda p: f"a container waits for its turn to register at {clock(p['until'])}",
    "github_refused": lambda p: f"GitHub refuses its runners: {p['why']}",
    "github_busy": lambda p: f"GitHub asked to register no runner until {clock(p['until'])}",
    "too_large": lambda p: f"no instance type of the pool holds {amount(p)}",
    "paused": lambda _: "an operator paused the pool",
    "draining": lambda _: "an operator drains the pool",
    "no_labels": _detail,
    "labels_unreadable": _detail,
    "size_out_of_bounds": _detail,
    "run_mismatch": _detail,
}
