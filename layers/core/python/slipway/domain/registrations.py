"""Registrations: what GitHub's listing shows, joined with ledger and ECS both ways."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.domain.findings import Facts, Reap, What
from slipway.domain.runners import Registration, RunnerState

# A listener connects within seconds of its claim, and after a lost connection again.
LISTENER_GRACE_SECONDS = 180

# What rests on the listing. In a run that does not list its place the suspicion stays as it is, neither confirmed nor
# lifted.
OF_THE_LISTING = frozenset({What.REGISTRATION, What.STUCK_RUNNER, What.UNREGISTERED_RUNNER})
# What is worth a listing of its own a minute later. A runner that GitHub forgot is not: most have just ended, and
# their events are on their way.
LISTED_AGAIN = OF_THE_LISTING - {What.UNREGISTERED_RUNNER}


def mismatched_registrations(facts: Facts) -> Iterator[Reap]:
    """Find what GitHub has and we have not, or the other way round."""
    yield from _ghosts(facts)
    yield from _stuck(facts)
    yield from _unregistered(facts)


def unknown_runners(facts: Facts) -> list[Registration]:
    """Return the runners in groups of ours that nobody here knows now.

    Those of foreign names are nobody's of ours. Those of our names may have been known once: whoever remembers the
    tasks that are gone must be asked. One reading is enough: what a registration is made for is written down first.
    """
    alive = facts.alive
    return [*facts.strangers, *(found for found in facts.registrations if found.task_id not in alive)]


def _ghosts(facts: Facts) -> Iterator[Reap]:
    """Find registrations of ours whose task is gone. A busy one is never among them."""
    alive = facts.alive
    for registration in facts.registrations:
        if registration.task_id not in alive and not registration.is_busy:
            gone = "its task is gone"
            yield Reap(What.REGISTRATION, registration.name, "", gone, registration=registration)


def _stuck(facts: Facts) -> Iterator[Reap]:
    """Find idle runners whose task runs and whose listener is away: it hung, or never connected.

    One that hangs with its connection open looks like any idle one [RUNNER-LISTENER-HANG]: its idle timeout ends it.
    """
    listed = {registration.task_id: registration for registration in facts.registrations}
    for pool in facts.pools:
        for runner in pool.snapshot.runners:
            found = listed.get(runner.task_id)
            is_away = found is not None and not found.is_online and not found.is_busy
            is_old = facts.now - (runner.claimed_at or facts.now) > LISTENER_GRACE_SECONDS
            if is_away and is_old and runner.is_idle and runner.task_id in pool.tasks:
                yield Reap(
                    What.STUCK_RUNNER, runner.task_id, pool.snapshot.pool, "its listener is away", runner
                )


def _unregistered(facts: Facts) -> Iterator[Reap]:
    """Find runners whose task runs and whose registration is gone: their job was their only one, and is over.

    What told of it was lost, and their listener hangs [RUNNER-LISTENER-HANG] or an orphan process keeps the task.
    A list that changes while it is read page by page can miss one, so only what removing it answers proves this.
    """
    listed = {registration.task_id for registration in facts.registrations}
    for pool in facts.pools:
        for runner in pool.snapshot.runners:
            is_minted = (
                runner.state in (RunnerState.REGISTERED, RunnerState.BUSY) and runner.runner_id is not None
            )
            is_old = facts.now - (runner.claimed_at or facts.now) > LISTENER_GRACE_SECONDS
            is_missing = facts.is_listed(runner.reach or "") and runner.task_id not in listed
            if is_minted and is_old and is_missing and runner.task_id in pool.tasks:
                why = "GitHub no longer has it"
                yield Reap(What.UNREGISTERED_RUNNER, runner.task_id, pool.snapshot.pool, why, runner)
