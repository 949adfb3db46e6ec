"""One registration's life: made, found, removed, removed again, and a name that is taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from local.live_check.github import LiveGitHub, new_name
from local.live_check.settings import LiveSettings
from slipway.domain.errors import RefusedError, SlipwayError, UnknownOutcomeError
from slipway.domain.reach import reach_of
from slipway.ports.github import Removal

MINT = "/generate-jitconfig"
EXPIRY = "github-authentication-token-expiration"  # [GH-TOKEN-HEADERS]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    state: Literal["ok", "failed", "note", "skipped"]
    text: str


def check(github: LiveGitHub, settings: LiveSettings) -> Iterator[Finding]:
    """Try it all and leave nothing behind; the first thing that GitHub refuses ends it."""
    name = new_name()
    try:
        yield from _token_and_group(github, settings)
    except SlipwayError as fault:
        yield Finding("failed", str(fault))
        return
    try:
        yield from _life(github, settings, name)
        yield from _taken_name(github, settings, name)
        yield _deprecation(github, settings)
    except SlipwayError as fault:
        yield Finding("failed", str(fault))
    finally:
        yield _tidied(github, settings, name)


def _token_and_group(github: LiveGitHub, settings: LiveSettings) -> Iterator[Finding]:
    path = f"{settings.scope}/actions/runner-groups"
    names = [
        group["name"] for page in github.api.pages(path, github.token) for group in page["runner_groups"]
    ]
    yield Finding("ok", f"the token may manage the runners of {settings.place}")
    answer = github.answer_to("GET", "/runner-groups")
    expiry = answer.headers.get(EXPIRY) if answer else None
    yield Finding(
        "note",
        f"the token expires on {expiry}" if expiry else "GitHub names no day on which the token expires",
    )
    if settings.group.lower() not in [name.lower() for name in names]:
        raise RefusedError(f"there is no runner group {settings.group!r}, only: {', '.join(sorted(names))}")
    yield Finding("ok", f"there is a runner group {settings.group}")


def _life(github: LiveGitHub, settings: LiveSettings, name: str) -> Iterator[Finding]:
    jit = github.runners.mint(github.a_job(name), name)
    yield Finding("ok", f"a JIT config was made: runner {jit.runner_id}, {len(jit.encoded)} characters")
    yield _limits(github)
    found = github.runners.find(name, _reach(settings))
    is_fresh = (
        found is not None and found.runner_id == jit.runner_id and not (found.is_online or found.is_busy)
    )
    yield _finding(is_fresh, "it is found by its name, offline and idle [GH-JIT-FRESH]")
    for status, meaning in ((204, "it is removed"), (404, "removed again it is not there, which is as good")):
        removal = github.runners.remove(jit.runner_id, _reach(settings))
        answer = github.answer_to("DELETE", f"/{jit.runner_id}")
        is_so = removal is Removal.GONE and answer is not None and answer.status == status
        yield _finding(is_so, f"{meaning}: {status} [GH-DELETE-422]")


def _limits(github: LiveGitHub) -> Finding:
    answer = github.answer_to("POST", MINT)
    if answer is None or "x-ratelimit-resource" not in answer.headers:
        return Finding("note", "generate-jitconfig counts for no rate limit here [GH-LIMIT-PRIMARY]")
    resource, left, limit = (
        answer.headers.get(f"x-ratelimit-{part}") for part in ("resource", "remaining", "limit")
    )
    return Finding(
        "note", f"generate-jitconfig counts for {resource}: {left} of {limit} left this hour [GH-JIT-BUCKET]"
    )


def _taken_name(github: LiveGitHub, settings: LiveSettings, name: str) -> Iterator[Finding]:
    """Ask twice for one name: the adapter takes it for its own lost first try, and takes that back."""
    github.runners.mint(github.a_job(name), name)
    try:
        github.runners.mint(github.a_job(name), name)
    except UnknownOutcomeError:
        answer = next(one for one in reversed(github.answers) if one.path.endswith(MINT))
        yield _finding(answer.status == 409, f"a name that is taken is refused: {answer.status} [GH-JIT-409]")
        is_gone = github.runners.find(name, _reach(settings)) is None
        yield _finding(is_gone, "the registration of that name was taken back")
    else:
        yield Finding("failed", "a name that is taken was given twice: GH-JIT-409 does not hold here")


def _deprecation(github: LiveGitHub, settings: LiveSettings) -> Finding:
    path = f"{settings.scope}/actions/runners/deprecations/{settings.runner_version}"
    try:
        told = github.api.call("GET", path, github.token)
    except RefusedError as fault:
        if fault.code != "404":
            raise
        return Finding(
            "note", "this GitHub does not tell which runner versions it ends [GH-RUNNER-DEPRECATIONS]"
        )
    registers, runs = told.get("registration_deprecates_at"), told.get("runtime_deprecates_at")
    text = f"runner {settings.runner_version} registers until {registers or 'further notice'}, runs until "
    return Finding("note", text + f"{runs or 'further notice'} [GH-RUNNER-DEPRECATIONS]")


def _tidied(github: LiveGitHub, settings: LiveSettings, name: str) -> Finding:
    try:
        left = github.runners.find(name, _reach(settings))
        if left is not None:
            github.runners.remove(left.runner_id, _reach(settings))
    except SlipwayError:
        return Finding(
            "note", f"if a runner {name} is left over, remove it; GitHub does so after a day [GH-JIT-1DAY]"
        )
    return Finding("ok", "nothing is left over")


def _reach(settings: LiveSettings) -> str:
    return reach_of(settings.target, settings.place, "")


def _finding(is_so: bool, text: str) -> Finding:
    return Finding("ok" if is_so else "failed", text)
