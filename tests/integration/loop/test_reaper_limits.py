"""What a run of the reaper may do: GitHub's limits, its own time, and nothing at all when it is a dry one."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from slipway.adapters.ledger.items import keyed, orphan_key
from slipway.adapters.ledger.table import Put, Table
from slipway.domain.configuration import Registration
from slipway.domain.findings import What
from slipway.domain.notices import NoticeCode
from slipway.domain.reach import EVERYONE
from slipway.domain.reaping import suspicion
from slipway.domain.runners import RunnerState
from slipway.domain.snapshot import Orphan
from slipway.ports.github import Removal
from slipway.services.deregister import MOST_PER_CREDENTIAL
from slipway.services.reap import Reaped
from tests.builders import a_task_id
from tests.integration.loop.mortality import READS
from tests.integration.loop.scenes import SilentContainer, recorded, when
from tests.integration.loop.test_reaper_failures import ghost, registered
from tests.support.loop import Acme, a_configuration, acme

FIRST_ORPHAN = 1_000_000_000
DELETES = {
    Registration.ENTERPRISE: "DELETE /enterprises/{enterprise}/actions/runners/{runner_id}",
    Registration.ORGANIZATION: "DELETE /orgs/{org}/actions/runners/{runner_id}",
}


def suspected_ghosts(deployment: Acme, *counts: tuple[str, int]) -> None:
    """Register runners whose tasks never were, and let them be seen once."""
    first = 1
    for organization, count in counts:
        for number in range(first, first + count):
            ghost(deployment, number, organization)
            if number % 20 == 0:
                deployment.clock.advance(20.0)  # registrations take turns
        deployment.loop.ledger.housekeeping.note_place(organization, deployment.clock.now())
        first += count
    level, since = deployment.loop.configuration.github.registration, deployment.clock.now() - 60.0
    found = {}
    for runner in deployment.github.registry.by_id.values():
        place = EVERYONE if level is Registration.ENTERPRISE else runner.scope.name
        found[suspicion(What.REGISTRATION, runner.name, place)] = since
    deployment.loop.ledger.housekeeping.keep_suspects(found)


def busy_orphans(deployment: Acme, count: int) -> None:
    """Let the tasks of busy runners have stopped."""
    table = Table(deployment.loop.aws.client("dynamodb"), "slipway")
    for number in range(count):
        task_id = a_task_id(number)
        orphan = Orphan(task_id, FIRST_ORPHAN + number, EVERYONE, deployment.clock.now() - 100.0, "alpha")
        table.write(Put(keyed(orphan_key("general", task_id), asdict(orphan))))


def limits(reaped: Reaped) -> list[str]:
    return [notice.why for notice in reaped.notices if notice.code is NoticeCode.GITHUB_LIMIT]


def test_a_limit_that_is_met_ends_the_removals_of_this_run_and_the_next_one_does_the_rest() -> None:
    deployment = acme()
    suspected_ghosts(deployment, ("alpha", 5))
    calls = deployment.github.calls[DELETES[Registration.ENTERPRISE]]
    fault = deployment.github.faults.next("DELETE", "/actions/runners/", 429)
    fault.headers["retry-after"] = "41"
    first = deployment.loop.reap()
    assert deployment.github.calls[DELETES[Registration.ENTERPRISE]] - calls == 1
    assert (len(first.done), len(first.left), first.errors) == (0, 5, ())
    assert limits(first) == ["GitHub asks to wait 41 s; 5 removals are left to the next run"]
    deployment.github.faults.next("DELETE", "/actions/runners/", 429)
    second = deployment.loop.reap()
    assert (len(second.left), limits(second)) == (5, [])  # it goes on, and is told
    third = deployment.loop.reap()
    assert (len(third.done), limits(third)) == (5, [])
    assert registered(deployment) == set()
    suspected_ghosts(deployment, ("alpha", 1))
    deployment.github.faults.next("DELETE", "/actions/runners/", 429)
    assert len(limits(deployment.loop.reap())) == 1  # it came up anew


def test_a_limit_of_one_organization_s_installation_is_none_of_another_s() -> None:
    """[GH-LIMIT-PRIMARY]"""
    deployment = acme(a_configuration(Registration.ORGANIZATION))
    suspected_ghosts(deployment, ("alpha", 3), ("beta", 3))
    deployment.github.faults.next("DELETE", "/orgs/alpha/", 429)
    run = deployment.loop.reap()
    assert (len(run.done), len(run.left)) == (3, 3)
    left = {reap.registration.reach for reap in run.left if reap.registration}
    assert left == {"alpha"}


def test_other_removals_go_on_when_github_s_limit_is_met() -> None:
    deployment = acme()
    deployment.loop.containers.make = SilentContainer
    deployment.queue(seconds=5.0)
    when(deployment, lambda: bool(recorded(deployment)))
    deployment.clock.advance(595.0)
    suspected_ghosts(deployment, ("alpha", 2))
    deployment.github.faults.next("DELETE", "/actions/runners/", 429, times=10)
    when(deployment, lambda: any(r.left for r in deployment.loop.reaped), limit_seconds=61.0)
    deployment.clock.advance(60.0)
    done = {reap.what for run in deployment.loop.reaped for reap in run.done}
    assert What.UNCLAIMED_TASK in done


def test_a_run_removes_no_more_than_half_of_what_a_credential_may() -> None:
    """[GH-LIMIT-SECONDARY]"""
    deployment = acme()
    suspected_ghosts(deployment, ("alpha", MOST_PER_CREDENTIAL + 10))
    first = deployment.loop.reap()
    assert (len(first.done), len(first.left)) == (MOST_PER_CREDENTIAL, 10)
    assert limits(first) == [
        "a run removes no more than this, and has a minute; 10 removals are left to the next run"
    ]
    assert len(deployment.loop.reap().done) == 10


def test_registrations_that_stay_busy_keep_no_other_from_being_removed_for_ever() -> None:
    deployment = acme()
    runners, remove = deployment.loop.runners, deployment.loop.runners.remove
    suspected_ghosts(deployment, ("alpha", 1))
    busy_orphans(deployment, 2 * MOST_PER_CREDENTIAL + 20)
    asked = set()

    def busy(runner_id: int, reach: str) -> Removal:
        asked.add(runner_id)
        return Removal.BUSY if runner_id >= FIRST_ORPHAN else remove(runner_id, reach)

    runners.remove = busy  # type: ignore[method-assign]
    deployment.clock.advance(600.0)
    assert len(asked) == 2 * MOST_PER_CREDENTIAL + 21
    assert registered(deployment) == set()


def test_a_run_without_time_leaves_everything_as_it_is_and_finds_it_again() -> None:
    deployment = acme()
    suspected_ghosts(deployment, ("alpha", 2))
    for_the_listing = iter([True])
    late = deployment.loop.reap(has_time=lambda: next(for_the_listing, False))
    assert (len(late.done), len(late.left)) == (0, 2)
    assert len(registered(deployment)) == 2
    assert len(deployment.loop.reap().done) == 2


def test_one_failure_stops_no_other_removal() -> None:
    deployment = acme()
    suspected_ghosts(deployment, ("alpha", 3))
    deployment.github.faults.next("DELETE", "/actions/runners/", 503)
    run = deployment.loop.reap()
    assert (len(run.done), len(run.errors), run.left) == (2, 1, ())


@pytest.mark.parametrize("ripe", [True, False], ids=["to remove", "suspected"])
def test_a_dry_run_finds_and_changes_nothing_anywhere(ripe: bool) -> None:
    deployment = acme()
    loop, github = deployment.loop, deployment.github
    job = deployment.queue(seconds=3_000.0)
    when(deployment, lambda: any(r.state is RunnerState.BUSY for r in recorded(deployment).values()))
    suspected_ghosts(deployment, ("alpha", 2))
    if not ripe:
        loop.ledger.housekeeping.keep_suspects({})
    before = deployment.items()
    calls, asked = len(loop.aws.calls_log), dict(github.calls)
    run = loop.reap(is_dry_run=True)
    assert [reap.what for reap in run.found] == ([What.REGISTRATION] * 2 if ripe else [])
    assert (run.done, run.busy, run.left, run.errors) == ((), (), (), ())
    assert deployment.items() == before
    assert {call.operation for call in loop.aws.calls_log[calls:]} <= READS
    made = {name for name, count in github.calls.items() if count > asked.get(name, 0)}
    assert made
    assert all(name.startswith("GET ") for name in made)
    assert len(registered(deployment)) == 3
    assert job.status == "in_progress"


def test_what_a_dry_run_tells_an_operator_is_told_by_the_next_run_too() -> None:
    deployment = acme()
    suspected_ghosts(deployment, ("alpha", 1))
    told = [notice.code for notice in deployment.loop.reap(is_dry_run=True).notices]
    assert told == [NoticeCode.UNKNOWN_RUNNER]
    assert [notice.code for notice in deployment.loop.reap().notices] == told
