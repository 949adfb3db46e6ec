"""Faults of GitHub and its people: stale answers, groups changed by hand, credentials revoked."""

from __future__ import annotations

import random
from collections.abc import Callable

from local.simulator.chaos.storm import Storm
from local.twin.github.model import RunnerGroup
from slipway.domain.configuration import Registration


def meddle_with_github(storm: Storm) -> None:
    """Let GitHub's answers lag and people change things."""
    world = storm.world.github.world
    world.random_routing = storm.recipe.routes_at_random

    def lag(name: str, longest: float) -> Callable[[random.Random], str]:
        def act(rng: random.Random) -> str:
            seconds = rng.uniform(5.0, longest)
            setattr(world.lags, name, seconds)
            storm.for_a_while(rng.uniform(60.0, 600.0), lambda: setattr(world.lags, name, 0.0))
            return f"by {seconds:.0f} s"

        return act

    storm.again_and_again("busy-flag-stale", lag("busy_flag", 120.0))
    storm.again_and_again("job-status-stale", lag("job_status", 120.0))
    storm.again_and_again("group-changed", lambda rng: _change_group(storm, rng))
    storm.again_and_again("group-deleted", lambda rng: _delete_group(storm, rng))
    if storm.recipe.configuration.github.registration is Registration.ENTERPRISE:
        storm.again_and_again("credential-revoked", lambda rng: _revoke_token(storm, rng))
    else:
        storm.again_and_again("credential-revoked", lambda rng: _suspend_app(storm, rng))


def _groups(storm: Storm) -> list[RunnerGroup]:
    deployment = storm.recipe.configuration.deployment
    return [
        group
        for scope in storm.world.github.world.groups.values()
        for group in scope.values()
        if group.name.lower().startswith(deployment)
    ]


def _is_wide(storm: Storm, group: RunnerGroup) -> bool:
    is_of_enterprise = storm.recipe.configuration.github.registration is Registration.ENTERPRISE
    usual = ("selected", 1) if is_of_enterprise else ("all", 0)
    return group.allows_public_repositories or (group.visibility, len(group.selected_ids)) != usual


def _change_group(storm: Storm, rng: random.Random) -> str | None:
    """Widen a group for a while; ``wide_groups`` remembers when, for what its runners do then is not our doing."""
    groups = [group for group in _groups(storm) if not _is_wide(storm, group)]
    if not groups:
        return None
    group = rng.choice(groups)
    kept = (group.visibility, group.allows_public_repositories, set(group.selected_ids))

    since, is_wide = storm.world.clock.now(), True

    def restore() -> None:
        nonlocal is_wide
        if is_wide:
            is_wide = False
            storm.wide_groups.setdefault(group.name, []).append((since, storm.world.clock.now()))
            group.visibility, group.allows_public_repositories = kept[0], kept[1]
            group.selected_ids = set(kept[2])

    is_of_enterprise = storm.recipe.configuration.github.registration is Registration.ENTERPRISE
    what = rng.choice(("public", "all", "another")) if is_of_enterprise else "public"
    if what == "public":
        group.allows_public_repositories = True
    elif what == "all":
        group.visibility = "all"
    else:
        organizations = storm.world.github.world.organizations.values()
        others = sorted({one.id for one in organizations} - group.selected_ids)
        group.selected_ids = {*group.selected_ids, rng.choice(others)}
    storm.for_a_while(rng.uniform(120.0, 1_200.0), restore)
    return f"{group.name}: {what}"


def _delete_group(storm: Storm, rng: random.Random) -> str | None:
    """Delete a group, which GitHub lets people do where it has no runners: whoever knows its id knows nothing."""
    held = {(one.scope, one.identity.group_id) for one in storm.world.github.registry.by_id.values()}
    groups = [group for group in _groups(storm) if (group.scope, group.id) not in held]
    if not groups:
        return None
    group = rng.choice(groups)
    del storm.world.github.world.groups_of(group.scope)[group.id]
    return group.name


def _revoke_token(storm: Storm, rng: random.Random) -> str | None:
    """Revoke the token in a secret; after an hour at most the operator puts a new one there."""
    held, github = storm.world.loop.held.values, storm.world.github
    arns = [arn for arn in storm.recipe.configuration.github.runner_token_secrets if arn in held]
    arn = rng.choice(arns)
    revoked = held[arn]
    github.credentials.revoke(revoked)

    def renew() -> None:
        if held[arn] == revoked:
            held[arn] = github.add_personal_token("runner-bot-again")

    storm.for_a_while(rng.uniform(300.0, 3_600.0), renew)
    return "token"


def _suspend_app(storm: Storm, rng: random.Random) -> str | None:
    installations = [
        one for one in storm.world.github.credentials.installations.values() if one.suspended_at is None
    ]
    if not installations:
        return None
    chosen = rng.choice(installations)
    storm.world.github.suspend(chosen)
    storm.for_a_while(rng.uniform(300.0, 3_600.0), lambda: setattr(chosen, "suspended_at", None))
    return f"the App in {chosen.account.login}"
