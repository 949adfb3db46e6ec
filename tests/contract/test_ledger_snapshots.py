"""What the ledger's ``Snapshots`` and ``Housekeeping`` must do."""

from __future__ import annotations

from slipway.domain.configuration import Market
from slipway.domain.launches import LaunchFailures
from slipway.domain.redelivery import Resent
from slipway.domain.snapshot import (
    ANY,
    REFUSED_LATELY_SECONDS,
    Control,
    GitHubPause,
    StartFailures,
    UnavailableOffering,
)
from slipway.domain.sweeping import Lap, SweepState
from tests.builders import NOW, POOL, a_launch_intent, a_runner, a_snapshot, a_task_id, an_instance
from tests.contract.ledger_cases import ROUTE, Case, an_event

DAY = 86_400


def test_an_empty_pool_reads_as_empty_and_running(case: Case) -> None:
    assert case.snapshot() == a_snapshot()


def test_a_snapshot_holds_all_of_its_pool_and_nothing_of_another(case: Case) -> None:
    case.ledger.jobs.record(an_event(), ROUTE)
    case.ledger.runners.add([a_runner(), a_runner(2, pool="other")])
    case.ledger.instances.add([an_instance(), an_instance("i-2", pool="other")])
    case.ledger.intents.write(a_launch_intent())
    case.ledger.rows.want(POOL)
    snapshot = case.snapshot()
    assert [job.key for job in snapshot.jobs] == [an_event().key]
    assert (snapshot.runners, snapshot.instances) == ((a_runner(),), (an_instance(),))
    assert snapshot.intents == (a_launch_intent(),)


def test_a_pool_larger_than_a_page_is_read_whole(twin_case: Case) -> None:
    """[DDB-PAGE]"""
    wide = ("x" * 200,) * 40
    count = 160
    for number in range(1, count + 1):
        twin_case.ledger.jobs.record(an_event(number=number, labels=wide), ROUTE)
    twin_case.ledger.runners.add([a_runner()])
    snapshot = twin_case.snapshot()
    assert sorted(job.key.job_id for job in snapshot.jobs) == list(range(1, count + 1))
    assert snapshot.runners == (a_runner(),)
    assert twin_case.aws.account.calls["dynamodb.Query"] > 1


def test_what_ec2_has_none_of_is_remembered_until_its_time_and_a_while_longer(case: Case) -> None:
    spot = UnavailableOffering("m7i.large", "subnet-1", Market.SPOT, NOW + 60)
    dear = UnavailableOffering("m7i.large", "subnet-1", Market.ON_DEMAND, NOW + 120)
    case.ledger.notes.refuse(POOL, [spot, dear])
    assert set(case.snapshot(NOW).unavailable) == {spot, dear}
    assert set(case.snapshot(NOW + 60 + REFUSED_LATELY_SECONDS - 1).unavailable) == {spot, dear}
    assert case.snapshot(NOW + 60 + REFUSED_LATELY_SECONDS).unavailable == (dear,)
    later = UnavailableOffering("m7i.large", "subnet-1", Market.SPOT, NOW + 200)
    case.ledger.notes.refuse(POOL, [later])
    assert set(case.snapshot(NOW + 60 + REFUSED_LATELY_SECONDS).unavailable) == {later, dear}


def test_many_refused_offerings_are_remembered_each_by_type_subnet_and_market(case: Case) -> None:
    """[DDB-LIMITS]"""
    refused = [
        UnavailableOffering(f"m{number}.large", subnet, market, NOW + 60)
        for number in range(8)
        for subnet in ("subnet-1", ANY)
        for market in Market
    ]
    case.ledger.notes.refuse(POOL, refused)
    assert set(case.snapshot(NOW).unavailable) == set(refused)


def test_what_a_pool_notes_is_in_its_snapshot_and_in_no_other_s(case: Case) -> None:
    notes, failures = case.ledger.notes, LaunchFailures(3, NOW - 5, "UnauthorizedOperation")
    notes.keep_launch_failures(POOL, failures)
    notes.keep_template_version(POOL, 7)
    notes.pause_github(POOL, GitHubPause("acme", NOW + 30, NOW))
    notes.pause_github(POOL, GitHubPause("globex/one", NOW + 60, NOW, "mend it"))
    notes.keep_launch_failures(POOL, LaunchFailures(1, NOW, "why"), of_tier=True)
    snapshot = case.snapshot()
    assert (snapshot.launch_failures, snapshot.template_version) == (failures, 7)
    assert snapshot.tier_failures == LaunchFailures(1, NOW, "why")
    assert set(snapshot.github_pauses) == {
        GitHubPause("acme", NOW + 30, NOW), GitHubPause("globex/one", NOW + 60, NOW, "mend it"),
    }  # fmt: skip
    assert case.ledger.snapshots.read("other", NOW) == a_snapshot(pool="other")
    notes.keep_launch_failures(POOL, None)
    assert case.snapshot().launch_failures is None


def test_a_profiles_failed_starts_are_in_the_snapshot_until_they_are_forgotten(case: Case) -> None:
    notes, small, medium = (
        case.ledger.notes,
        StartFailures("small", 2, NOW, "a"),
        StartFailures("medium", 1, NOW, "b", after_claim=True),
    )
    assert notes.start_failures(POOL, "small") is None
    notes.keep_start_failures(POOL, StartFailures("small", 1, NOW - 9, "a"))
    notes.keep_start_failures(POOL, small)
    notes.keep_start_failures(POOL, medium)
    assert notes.start_failures(POOL, "small") == small
    assert set(case.snapshot().start_failures) == {small, medium}
    notes.forget_start_failures(POOL, ["small", "other"])
    assert case.snapshot().start_failures == (medium,)


def test_the_last_order_of_an_operator_holds(case: Case) -> None:
    for order in (Control.PAUSE, Control.DRAIN, Control.RUN):
        case.ledger.notes.order(POOL, order)
        assert case.snapshot().control is order


def test_places_are_listed_from_the_time_at_which_a_runner_was_last_registered_there(case: Case) -> None:
    case.ledger.housekeeping.note_place("acme", NOW - 2 * DAY)
    case.ledger.housekeeping.note_place("acme/one", NOW)
    case.another().housekeeping.note_place("acme", NOW - 10)
    assert case.ledger.housekeeping.places(NOW - 60) == {"acme": 0.0, "acme/one": 0.0}
    assert case.ledger.housekeeping.places(NOW) == {"acme/one": 0.0}


def test_a_place_that_is_used_all_the_time_is_written_once_an_hour(twin_case: Case) -> None:
    for second in range(0, 7_200, 60):
        twin_case.ledger.housekeeping.note_place("acme", NOW + second)
    assert twin_case.aws.account.calls["dynamodb.UpdateItem"] == 2
    assert twin_case.ledger.housekeeping.places(NOW + 3_600) == {"acme": 0.0}


def test_when_a_place_was_listed_last_outlives_its_next_registration(case: Case) -> None:
    case.ledger.housekeeping.note_place("acme", NOW)
    case.ledger.housekeeping.note_listed("acme", NOW + 30.5)
    case.another().housekeeping.note_place("acme", NOW + 60)
    case.ledger.housekeeping.note_listed("gone", NOW)
    assert case.another().housekeeping.places(0) == {"acme": NOW + 30.5}


def test_deliveries_that_were_sent_again_are_remembered_hook_by_hook(case: Case) -> None:
    house = case.ledger.housekeeping
    assert house.resent("app") == {}
    house.note_resent("app", "guid", Resent(NOW, NOW, 6))
    house.note_resent("app", "guid", Resent(NOW, NOW + 30.5, 7))
    house.note_resent("alpha/9", "guid", Resent(NOW, NOW + 60, 8))
    again = case.another().housekeeping
    assert again.resent("app") == {"guid": Resent(NOW, NOW + 30.5, 7)}
    assert again.resent("alpha/9") == {"guid": Resent(NOW, NOW + 60, 8)}
    assert case.item("RESENT#app", "guid")["expires_at"] == {"N": str(int(NOW) + 30 + 2 * 86_400)}


def test_suspects_are_replaced_whole(case: Case) -> None:
    house = case.ledger.housekeeping
    assert house.suspects() == {}
    house.keep_suspects({"runner/1": NOW, "task/ünï": NOW + 0.5})
    house.keep_suspects({"runner/2": NOW + 1})
    again = case.another().housekeeping
    assert again.suspects() == {"runner/2": NOW + 1}
    again.keep_suspects({})
    assert house.suspects() == {}


def test_what_was_told_is_replaced_whole_and_apart_from_what_is_suspected(case: Case) -> None:
    house = case.ledger.housekeeping
    assert house.told() == {}
    house.keep_suspects({"registration/x": NOW})
    house.keep_told({"unknown_runner/7": NOW})
    house.keep_told({"zombie_job/8": NOW + 0.5})
    assert case.another().housekeeping.told() == {"zombie_job/8": NOW + 0.5}
    assert house.suspects() == {"registration/x": NOW}


def test_the_sweep_s_place_is_where_it_was_left(case: Case) -> None:
    house = case.ledger.housekeeping
    assert house.sweep_state() is None
    state = SweepState(NOW, -1.25, (Lap(NOW - 5.5, 2**53), Lap(), Lap(NOW, 1)), 2)
    house.keep_sweep_state(SweepState(NOW - 60))
    house.keep_sweep_state(state)
    assert case.another().housekeeping.sweep_state() == state


def test_a_cursor_is_where_it_was_last_moved_to(case: Case) -> None:
    house = case.ledger.housekeeping
    assert house.cursor("deliveries") is None
    house.move_cursor("deliveries", NOW)
    house.move_cursor("deliveries", NOW - 5.25)
    assert case.another().housekeeping.cursor("deliveries") == NOW - 5.25
    assert house.cursor("other") is None


def test_more_suspects_than_an_hour_of_leaks_can_make_fit_into_one_item(case: Case) -> None:
    """[DDB-ITEM-SIZE]"""
    many = {f"task/general/{a_task_id(number)}": NOW + number for number in range(3_000)}
    case.ledger.housekeeping.keep_suspects(many)
    assert case.ledger.housekeeping.suspects() == many
