"""What ties the keys of a configuration together: references, names, sizes; isolation has its own module."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from local.catalogue import CatalogueEntry, PriceList
from local.configuration.environments import environment_checks
from local.configuration.faults import Fault, nearest, printable
from local.configuration.isolation import isolation_checks
from local.configuration.model import GitHub, Pool, Profile
from local.configuration.parts import Parts
from slipway.domain.resources import Resources
from slipway.domain.runners import MAX_NAMES_LENGTH

FEWEST_SWEEP_CALLS = 60  # with fewer, one repository an hour or two is no search


def cross_check(parts: Parts) -> Iterator[Fault]:
    """Yield every fault between the parts."""
    yield from _pool_references(parts)
    yield from _names(parts)
    yield from _label_sets(parts.profiles)
    yield from _unlabelled(parts.profiles)
    for name, profile in parts.profiles.items():
        yield from _profile(name, profile, parts)
    for name, pool in parts.pools.items():
        yield from _pool(name, pool)
        yield from _instance_types(name, pool, parts)
    if parts.github:
        yield from _github(parts.github)
    if parts.environments:
        has_app = parts.github is None or parts.github.secrets.app is not None
        yield from environment_checks(parts.deployment, parts.environments, parts.pool_names, has_app=has_app)
    yield from isolation_checks(parts)


def _names(parts: Parts) -> Iterator[Fault]:
    longest = MAX_NAMES_LENGTH - len(parts.deployment)
    for name in parts.profiles:
        if len(name) > longest:
            message = (
                f"with deployment '{parts.deployment}' a profile's name has at most {longest} characters"
            )
            yield Fault(("profiles", name), message)


def _pool_references(parts: Parts) -> Iterator[Fault]:
    for name, pool in parts.wanted_pools.items():
        if isinstance(pool, str) and pool not in parts.pool_names:
            message = f"no pool is called '{printable(pool)}'"
            yield Fault(("profiles", name, "pool"), message, nearest(pool, parts.pool_names))


def _label_sets(profiles: Mapping[str, Profile]) -> Iterator[Fault]:
    owners: dict[frozenset[str], str] = {}
    for name, profile in profiles.items():
        lowered = [label.lower() for label in profile.labels]
        for index, label in enumerate(lowered):
            if label in lowered[:index]:
                yield Fault(
                    ("profiles", name, "labels", index), f"label '{label}' is given twice (case is ignored)"
                )
        owner = owners.setdefault(frozenset(lowered), name)
        if owner != name:
            yield Fault(
                ("profiles", name, "labels"), f"the same labels as profile '{owner}': one would never be used"
            )


def _unlabelled(profiles: Mapping[str, Profile]) -> Iterator[Fault]:
    owners: dict[str, str] = {}
    for name, profile in profiles.items():
        for index, whose in enumerate(profile.unlabelled_jobs_of):
            owner = owners.setdefault(whose.lower(), name)
            if owner != name:
                message = f"profile '{owner}' serves the jobs without labels of '{printable(whose)}' already"
                yield Fault(("profiles", name, "unlabelled_jobs_of", index), message)


def _profile(name: str, profile: Profile, parts: Parts) -> Iterator[Fault]:
    here = ("profiles", name)
    for key in ("standby", "max_runners_per_repository"):
        if (getattr(profile, key) or 0) > profile.max_runners:
            yield Fault((*here, key), f"is more than max_runners, {profile.max_runners}")
    yield from _bounds(name, profile)
    pool = parts.pools.get(profile.pool)
    if pool is None:
        return
    yield from _fits(name, profile, pool, parts)
    other = {"x64": "arm64", "arm64": "x64"}[pool.architecture]
    if other in (label.lower() for label in profile.labels):
        yield Fault((*here, "labels"), f"label '{other}', but pool '{profile.pool}' is {pool.architecture}")


def _bounds(name: str, profile: Profile) -> Iterator[Fault]:
    if profile.bounds is None:
        return
    for key, own in (("cpu", profile.cpu), ("memory", profile.memory)):
        low, high = getattr(profile.bounds, key)
        if not low <= own <= high:
            yield Fault(
                ("profiles", name, "bounds", key), f"must enclose the profile's own {key}, low end first"
            )


def _fits(name: str, profile: Profile, pool: Pool, parts: Parts) -> Iterator[Fault]:
    # Every type, not the largest: EC2 may answer with any of them, and a smaller one would never be used.
    sizes = [("memory", Resources(profile.cpu, profile.memory, profile.gpus))]
    if profile.bounds:
        largest = Resources(profile.bounds.cpu[-1], profile.bounds.memory[-1], profile.gpus)
        sizes.append(("bounds", largest))
    for key, size in sizes:
        for entry in _known_types(pool, parts):
            if not size.fits(entry.registered):
                message = (
                    f"{_size(size)} does not fit {entry.name} of pool '{profile.pool}', "
                    f"which registers about {_size(entry.registered)}"
                )
                yield Fault(("profiles", name, key), message)
                break  # one type is enough to tell the operator; the cure is the same for all


def _pool(name: str, pool: Pool) -> Iterator[Fault]:
    here = ("pools", name)
    for index, type_name in enumerate(pool.instance_types):
        if type_name in pool.instance_types[:index]:
            yield Fault((*here, "instance_types", index), f"{type_name} is given twice")
    if pool.disk_key and pool.disk_key.split(":")[3] != pool.region:
        yield Fault((*here, "disk_key"), f"a key of {pool.region} is needed: EC2 takes one of its own region")
    if pool.stopped_instances > pool.max_instances:
        yield Fault((*here, "stopped_instances"), f"is more than max_instances, {pool.max_instances}")


def _instance_types(name: str, pool: Pool, parts: Parts) -> Iterator[Fault]:
    if parts.catalogue is None:
        return
    prices = parts.catalogue.of(pool.region)
    if prices is None:
        message = (
            f"{parts.catalogue.name} has no types of {pool.region}: slipway catalogue refresh"
            f" --region {pool.region} --out {shlex.quote(parts.catalogue.name)} adds them"
        )
        yield Fault(("pools", name, "region"), message)
        return
    known = prices.entries
    for index, type_name in enumerate(pool.instance_types):
        place = ("pools", name, "instance_types", index)
        entry = known.get(type_name)
        if entry is None:
            yield Fault(
                place,
                f"'{type_name}' is not in the catalogue{_whose(prices, parts)}",
                nearest(type_name, known),
            )
        elif entry.architecture != pool.architecture:
            yield Fault(
                place, f"{type_name} is {entry.architecture}, the pool's architecture is {pool.architecture}"
            )


def _whose(prices: PriceList, parts: Parts) -> str:
    """Return whose types those of a file of one's own are."""
    is_own = parts.catalogue is not None and parts.catalogue.stand_in is None
    return f"'s types of {prices.region}" if is_own else ""


def _known_types(pool: Pool, parts: Parts) -> list[CatalogueEntry]:
    prices = parts.catalogue.of(pool.region) if parts.catalogue else None
    known = prices.entries if prices else {}
    return [known[name] for name in pool.instance_types if name in known]


def _github(github: GitHub) -> Iterator[Fault]:
    if github.runner_groups.lower() == "default":
        yield Fault(("github", "runner_groups"), "the group Default is open to everyone; name another")
    if github.registration == "enterprise":
        if github.enterprise is None:
            yield Fault(("github", "enterprise"), "is required with registration: enterprise")
        if not github.secrets.runner_tokens:
            message = (
                "is required with registration: enterprise (GitHub Apps cannot register enterprise runners)"
            )
            yield Fault(("github", "secrets", "runner_tokens"), message)
    elif github.secrets.app is None:
        yield Fault(("github", "secrets", "app"), f"is required with registration: {github.registration}")
    yield from _repair(github)
    if github.allow.workflows and github.registration == "repository":
        message = "repositories have no runner groups, which is where GitHub restricts workflows"
        yield Fault(("github", "allow", "workflows"), message)


def _repair(github: GitHub) -> Iterator[Fault]:
    if github.secrets.app is None:
        for key in ("organization_hooks", "sweep_calls_per_hour", "rerun_interrupted"):
            if getattr(github, key):
                yield Fault(("github", key), "needs a GitHub App: name its secret in github.secrets.app")
    elif 0 < github.sweep_calls_per_hour < FEWEST_SWEEP_CALLS:
        yield Fault(("github", "sweep_calls_per_hour"), f"0 for no sweep, or at least {FEWEST_SWEEP_CALLS}")


def _size(size: Resources) -> str:
    gpus = f", {size.gpus} GPU" if size.gpus else ""
    return f"{size.cpu_units / 1024:g} vCPU, {size.memory_mib} MiB{gpus}"
