"""A registration's life: minted, connected, busy, gone."""

import pytest

from local.twin.github import jitconfig
from local.twin.github.broker import PREFIX
from local.twin.github.listener import VirtualListener
from local.twin.github.wire import Pending, Response
from tests.support.github_enterprise import ENTERPRISE, LABELS, Acme


def runners(acme: Acme) -> list[dict[str, object]]:
    listed: list[dict[str, object]] = acme.call("GET", f"{ENTERPRISE}/runners").json()["runners"]
    return listed


def open_session(acme: Acme, jit_config: str) -> Response:
    headers = {"Authorization": f"Bearer {jitconfig.assertion_of(jit_config)}"}
    reply = acme.twin.handle("POST", f"{PREFIX}/sessions", {}, headers, b"{}")
    assert not isinstance(reply, Pending)
    return reply


def test_a_fresh_runner_is_offline_idle_and_of_unknown_system_with_exactly_its_labels(acme: Acme) -> None:
    """[GH-JIT-FRESH] [GH-JIT-LABELS]"""
    acme.mint(labels=("only-this",))
    (runner,) = runners(acme)
    seen = {key: runner[key] for key in ("status", "busy", "os", "version", "ephemeral")}
    assert seen == {"status": "offline", "busy": False, "os": "unknown", "version": None, "ephemeral": True}
    assert [label["name"] for label in runner["labels"]] == ["only-this"]  # type: ignore[attr-defined]


def test_a_jit_config_holds_the_three_files_and_is_about_four_kilobytes(acme: Acme) -> None:
    """[RUNNER-JIT-FORMAT]"""
    encoded = acme.mint("runner-7")
    files = jitconfig.decode(encoded)
    assert set(files) == {".runner", ".credentials", ".credentials_rsaparams"}
    assert files[".runner"]["AgentName"] == "runner-7"
    assert 3_500 < len(encoded) < 5_000


def test_an_ephemeral_runner_takes_one_job_and_is_deregistered_by_the_service(acme: Acme) -> None:
    """[GH-RUNNER-EPHEMERAL-REMOVED]"""
    first, second = acme.job(duration_seconds=30), acme.job()
    acme.listener()
    acme.clock.advance(10)
    assert runners(acme)[0]["busy"] is True
    acme.clock.advance(30)
    assert (first.conclusion, second.status) == ("success", "queued")
    assert runners(acme) == []
    assert acme.exits == {"runner-1": 0}


def test_the_credentials_of_a_runner_are_useless_for_a_second_job(acme: Acme) -> None:
    """[GH-RUNNER-EPHEMERAL-REMOVED]"""
    acme.job(duration_seconds=30)
    encoded = acme.mint()
    VirtualListener(acme.twin, encoded, lambda code: None)
    acme.clock.advance(10)
    assert open_session(acme, encoded).status == 409, "while its listener is connected"
    acme.clock.advance(30)
    second = acme.job()
    assert open_session(acme, encoded).status == 401, "after its job"
    acme.clock.advance(60)
    assert second.status == "queued"


def test_a_job_that_ends_its_session_while_it_runs_cannot_open_another(acme: Acme) -> None:
    acme.job(duration_seconds=300)
    encoded = acme.mint()
    listener = VirtualListener(acme.twin, encoded, lambda code: None)
    acme.clock.advance(1)
    listener._call("DELETE", "")
    assert open_session(acme, encoded).status == 401


def test_credentials_name_one_runner_and_a_forged_signature_is_refused(acme: Acme) -> None:
    one, other = acme.mint("one"), acme.mint("other")
    client, _, _ = jitconfig.assertion_of(one).partition(".")
    _, _, signature = jitconfig.assertion_of(other).partition(".")
    headers = {"Authorization": f"Bearer {client}.{signature}"}
    reply = acme.twin.handle("POST", f"{PREFIX}/sessions", {}, headers, b"{}")
    assert isinstance(reply, Response)
    assert reply.status == 401


def test_a_second_listener_of_one_registration_meets_a_conflict(acme: Acme) -> None:
    """[RUNNER-SESSION-CONFLICT]"""
    encoded = acme.mint()
    exits: list[int] = []
    VirtualListener(acme.twin, encoded, exits.append)
    VirtualListener(acme.twin, encoded, exits.append)
    acme.clock.advance(1)
    assert exits == [5]


def test_a_restarted_listener_may_use_its_jit_config_until_a_job_is_taken(acme: Acme) -> None:
    """[RUNNER-JIT-REUSE]"""
    encoded = acme.mint()
    VirtualListener(acme.twin, encoded, lambda code: None).shut_down()
    job = acme.job()
    VirtualListener(acme.twin, encoded, lambda code: None)
    acme.clock.advance(1)
    assert job.status == "in_progress"


@pytest.mark.parametrize(
    "encoded", ["", "garbage", "e30=", "bnVsbA=="], ids=["empty", "no base64", "no files", "null"]
)
def test_a_bad_jit_config_ends_the_listener_with_1(acme: Acme, encoded: str) -> None:
    """[RUNNER-EXIT-CODES]"""
    exits: list[int] = []
    VirtualListener(acme.twin, encoded, exits.append)
    acme.clock.advance(1)
    assert exits == [1]


def test_an_idle_listener_waits_for_ever_while_it_stays_connected(acme: Acme) -> None:
    """[RUNNER-NO-IDLE-TIMEOUT]"""
    acme.listener()
    acme.clock.advance(3 * 86_400)
    assert acme.exits == {}
    assert runners(acme)[0]["status"] == "online"


def test_an_ephemeral_runner_that_never_connects_is_removed_after_a_day(acme: Acme) -> None:
    """[GH-JIT-1DAY]"""
    acme.mint()
    acme.clock.advance(86_399)
    assert len(runners(acme)) == 1
    acme.clock.advance(1)
    assert runners(acme) == []


def test_deleting_the_registration_of_an_idle_listener_ends_it_with_0(acme: Acme) -> None:
    """[RUNNER-REGISTRATION-DELETED]"""
    acme.listener()
    acme.clock.advance(100)
    assert acme.call("DELETE", f"{ENTERPRISE}/runners/{runners(acme)[0]['id']}").status == 204
    acme.clock.advance(1)
    assert acme.exits == {"runner-1": 0}


def test_a_runner_whose_connection_is_gone_fails_its_job_after_ten_minutes(acme: Acme) -> None:
    """[RUNNER-LOST-10M]"""
    job = acme.job(duration_seconds=3_000)
    listener = acme.listener()
    acme.clock.advance(1)
    listener.kill()
    acme.clock.advance(599)
    assert job.status == "in_progress"
    acme.clock.advance(60)
    assert (job.conclusion, runners(acme)) == ("failure", [])


def test_a_runner_that_reports_its_shutdown_fails_its_job_at_once(acme: Acme) -> None:
    """[RUNNER-SIGNALS]"""
    job = acme.job(duration_seconds=3_000)
    listener = acme.listener()
    acme.clock.advance(1)
    listener.shut_down()
    assert (job.conclusion, runners(acme)) == ("failure", [])


def test_a_silent_idle_runner_shows_as_offline_within_two_minutes(acme: Acme) -> None:
    acme.listener().kill()
    acme.clock.advance(120)
    assert runners(acme)[0]["status"] == "offline"


def test_the_busy_flag_can_lag_while_delete_knows_the_truth(acme: Acme) -> None:
    """[GH-RUNNER-BUSY-STALE] [GH-DELETE-422]"""
    acme.twin.world.lags.busy_flag = 30
    acme.listener()
    acme.clock.advance(100)
    acme.job(duration_seconds=600)
    acme.clock.advance(1)
    (runner,) = runners(acme)
    assert runner["busy"] is False
    assert acme.call("DELETE", f"{ENTERPRISE}/runners/{runner['id']}").status == 422
    acme.clock.advance(30)
    assert runners(acme)[0]["busy"] is True


def test_a_cancelled_running_job_ends_cancelled_and_frees_its_runner(acme: Acme) -> None:
    job = acme.job(duration_seconds=3_000)
    acme.listener()
    acme.clock.advance(5)
    acme.twin.jobs.cancel(job.id)
    acme.clock.advance(1)
    assert (job.conclusion, acme.exits) == ("cancelled", {"runner-1": 0})


def test_a_runner_that_ignores_the_cancellation_is_given_five_minutes(acme: Acme) -> None:
    """[GH-JOB-CANCEL-5M]"""
    job = acme.job(duration_seconds=3_000)
    listener = acme.listener()
    acme.clock.advance(1)
    listener.kill()
    acme.twin.jobs.cancel(job.id)
    acme.clock.advance(299)
    assert job.status == "in_progress"
    acme.clock.advance(1)
    assert job.conclusion == "cancelled"


def test_a_runner_promised_to_a_cancelled_job_serves_the_next_one(acme: Acme) -> None:
    acme.listener()
    acme.clock.advance(1)
    doomed = acme.job()
    acme.twin.jobs.cancel(doomed.id)
    following = acme.job(labels=LABELS)
    acme.clock.advance(1)
    assert (doomed.conclusion, following.status) == ("cancelled", "in_progress")
    assert doomed.now.runner is None


def test_a_listener_whose_job_runs_for_long_is_online_all_the_while_and_lost_once_it_is_silent(
    acme: Acme,
) -> None:
    job = acme.job(duration_seconds=3_600)
    listener = VirtualListener(acme.twin, acme.mint(), lambda code: None)
    for _ in range(20):
        acme.clock.advance(60)
        assert [runner["status"] for runner in runners(acme)] == ["online"]
    listener.kill()
    acme.clock.advance(120)
    assert [runner["status"] for runner in runners(acme)] == ["offline"]
    acme.clock.advance(600)
    assert job.conclusion == "failure"  # [RUNNER-LOST-10M]
