"""What keeps jobs apart: which profiles may share a host, and what only one organization may share."""

from __future__ import annotations

from collections.abc import Iterator

from local.configuration.faults import Fault
from local.configuration.model import GitHub, Pool, Profile
from local.configuration.parts import Parts

ONE_ORGANIZATION = "name exactly one organization in github.allow.organizations"


def isolation_checks(parts: Parts) -> Iterator[Fault]:
    """Yield every fault that would let one job reach another, or the host under it."""
    for name, profile in parts.profiles.items():
        yield from _exclusive_needs(name, profile)
        yield from _mixed_pool(name, profile, parts)
        pool = parts.pools.get(profile.pool)
        if pool is not None and pool.operating_system == "bottlerocket":
            yield from _on_bottlerocket(name, profile)
    for name, pool in parts.pools.items():
        if pool.operating_system == "bottlerocket":
            yield from _without_scripts(name, pool)
        yield from _ranges_of_privileged(name, pool, parts)
    if parts.github is None:
        return
    if parts.github.allow.public_repositories:
        yield from _open_to_strangers(parts)
    if not _is_for_one_organization(parts.github):
        yield from _shared_between_organizations(parts)


def _exclusive_needs(name: str, profile: Profile) -> Iterator[Fault]:
    if profile.isolation == "instance":
        return
    here = ("profiles", name)
    if profile.docker == "privileged":
        yield Fault(
            (*here, "docker"), "privileged needs isolation: instance (privileged is root on the host)"
        )
    if profile.kvm:
        yield Fault((*here, "kvm"), "needs isolation: instance (/dev/kvm is the host's own)")


def _mixed_pool(name: str, profile: Profile, parts: Parts) -> Iterator[Fault]:
    """Refuse what a pool's hosts cannot all be: shared and exclusive, remapped and privileged."""
    mates = {
        other: mate
        for other, mate in parts.profiles.items()
        if mate.pool == profile.pool and mate is not profile
    }
    alone = [other for other, mate in mates.items() if mate.isolation == "instance"]
    privileged = [other for other in alone if mates[other].docker == "privileged"]
    if profile.isolation == "shared" and alone:
        message = f"pool '{profile.pool}' is exclusive ('{alone[0]}' has isolation: instance); name another"
        yield Fault(("profiles", name, "pool"), message)
    elif profile.isolation == "instance" and profile.docker != "privileged" and privileged:
        message = (
            f"pool '{profile.pool}' has hosts for privileged Docker ('{privileged[0]}'), "
            "where root in a container is root on the host; name another"
        )
        yield Fault(("profiles", name, "pool"), message)


def _on_bottlerocket(name: str, profile: Profile) -> Iterator[Fault]:
    # Its Docker cannot be told to map user ids [ECS-BOTTLEROCKET].
    if profile.docker == "nested":
        yield Fault(
            ("profiles", name, "docker"), "nested needs operating_system: al2023 (user ids are mapped)"
        )
    elif profile.isolation == "shared":
        message = (
            "shared needs operating_system: al2023 (Bottlerocket gives containers the host's own user ids)"
        )
        yield Fault(("profiles", name, "isolation"), message)


def _without_scripts(name: str, pool: Pool) -> Iterator[Fault]:
    for key, is_asked in (
        ("uid_ranges", pool.uid_ranges == "per-container"),
        ("git_cache", pool.git_cache),
        ("disk_quota", pool.disk_quota is not None),
        ("stopped_instances", pool.stopped_instances > 0),
    ):
        if is_asked:
            message = "needs operating_system: al2023 (Bottlerocket runs no scripts of ours)"
            yield Fault(("pools", name, key), message)


def _ranges_of_privileged(name: str, pool: Pool, parts: Parts) -> Iterator[Fault]:
    privileged = [p for p in parts.profiles.values() if p.pool == name and p.docker == "privileged"]
    if privileged and pool.uid_ranges == "per-container":
        message = "hosts of privileged Docker map no user ids: a container's root is the host's"
        yield Fault(("pools", name, "uid_ranges"), message)


def _open_to_strangers(parts: Parts) -> Iterator[Fault]:
    shared = sorted(name for name, profile in parts.profiles.items() if profile.isolation == "shared")
    if shared:
        message = f"true needs isolation: instance in every profile; shared: {', '.join(shared)}"
        yield Fault(("github", "allow", "public_repositories"), message)


def _is_for_one_organization(github: GitHub) -> bool:
    organizations = {name.lower() for name in github.allow.organizations}
    return len(organizations) == 1 and "*" not in organizations


def _shared_between_organizations(parts: Parts) -> Iterator[Fault]:
    for name, pool in parts.pools.items():
        if pool.task_policy:
            message = f"every job of the pool would hold it; {ONE_ORGANIZATION}"
            yield Fault(("pools", name, "task_policy"), message)
        if pool.git_cache:
            message = f"every job would read the Git objects of every organization; {ONE_ORGANIZATION}"
            yield Fault(("pools", name, "git_cache"), message)
    for name, profile in parts.profiles.items():
        if profile.worker_logs:
            message = f"every job of the pool could write among the logs of the others; {ONE_ORGANIZATION}"
            yield Fault(("profiles", name, "worker_logs"), message)
        if profile.docker == "nested" and profile.isolation == "shared":
            yield from _nested_between_organizations(name, profile, parts)


def _nested_between_organizations(name: str, profile: Profile, parts: Parts) -> Iterator[Fault]:
    pool = parts.pools.get(profile.pool)
    if pool is not None and pool.uid_ranges == "per-container":
        return
    message = (
        "nested with isolation: shared shares one range of user ids between organizations; "
        f"choose uid_ranges: per-container in pool '{profile.pool}', or {ONE_ORGANIZATION}"
    )
    yield Fault(("profiles", name, "docker"), message)
