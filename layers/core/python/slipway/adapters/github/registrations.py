"""Where GitHub keeps registrations, and how it shows one."""

from __future__ import annotations

from typing import Any

from slipway.domain.configuration import GitHubTarget
from slipway.domain.configuration import Registration as Level
from slipway.domain.runners import Registration, parse_runner_name


def scope_path(github: GitHubTarget, place: str) -> str:
    """Return the path of a place: the enterprise, which is the only one there, an organization or a repository."""
    if github.registration is Level.ENTERPRISE:
        return f"/enterprises/{github.enterprise}"
    return f"/repos/{place}" if "/" in place else f"/orgs/{place}"


def registration(item: dict[str, Any], place: str, deployment: str) -> Registration:
    """Return a runner of the REST API in our words; it is the deployment's if it bears a name of its form."""
    named = parse_runner_name(deployment, item["name"])
    return Registration(
        runner_id=int(item["id"]),
        name=item["name"],
        is_online=item["status"] == "online",
        is_busy=bool(item["busy"]),
        reach=place,
        group_id=item.get("runner_group_id"),
        version=item.get("version"),
        task_id=named[1] if named else None,
    )
