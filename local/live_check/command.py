"""Says what it will do, asks, does it, and reports line by line."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from local.live_check import equal_labels, registrations
from local.live_check.github import NAME_PREFIX, LiveGitHub
from local.live_check.registrations import Finding
from local.live_check.settings import LiveSettings, parse

OK, FAILED, NOT_RUN = 0, 1, 2


def main(
    arguments: Sequence[str],
    environment: Mapping[str, str] | None = None,
    *,
    ask: Callable[[str], str] = input,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Run the check; 0 when all of it holds, 1 when something does not, 2 when it was not run."""
    settings = parse(arguments, os.environ if environment is None else environment)
    if isinstance(settings, list):
        print(
            "live check: it needs a GitHub of yours; docs/live-check.md tells how to give it one",
            file=sys.stderr,
        )
        for fault in settings:
            print(f"  {fault}", file=sys.stderr)
        return NOT_RUN
    print("\n".join(_intentions(settings)))
    if not settings.is_agreed and not _agrees(ask):
        print("nothing was done")
        return NOT_RUN
    states = set()
    with LiveGitHub(settings) as github:
        for finding in _findings(github, settings, sleep):
            print(f"{finding.state:8}{finding.text}", flush=True)
            states.add(finding.state)
    return FAILED if "failed" in states else OK


def _agrees(ask: Callable[[str], str]) -> bool:
    try:
        return ask("Go on? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:  # nobody is there to answer
        return False


def _intentions(settings: LiveSettings) -> Iterator[str]:
    yield f"At {settings.target.web_url}, in {settings.place}, this will"
    yield f"  - register two runners {NAME_PREFIX}… in the group {settings.group}, one after the other, start neither,"
    yield "    and remove both"
    if not equal_labels.missing(settings):
        first, second = settings.repositories
        yield f"  - {settings.rounds} times start {settings.workflow} in {first} and {second}, and run both jobs on"
        yield f"    this machine with {settings.runner_directory}"
    yield "It changes nothing else."


def _findings(
    github: LiveGitHub, settings: LiveSettings, sleep: Callable[[float], None]
) -> Iterator[Finding]:
    has_failed = False
    for finding in registrations.check(github, settings):
        has_failed = has_failed or finding.state == "failed"
        yield finding
    missing = equal_labels.missing(settings)
    if missing or settings.runner_directory is None:
        yield Finding("skipped", f"who gets a runner that two jobs wait for: not given: {', '.join(missing)}")
    elif has_failed:
        yield Finding("skipped", "who gets a runner that two jobs wait for: the check failed before")
    else:
        runner = equal_labels.Runner(settings.runner_directory)
        yield from equal_labels.check(github, settings, sleep, runner.run)
