"""What REST tells of runs, of repositories and of an organization's hook, and to whom."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.github_enterprise import LABELS, START, Acme

RUNS = "/repos/alpha/web/actions/runs"


def get(acme: Acme, path: str, token: str | None = None, **query: str) -> Any:
    reply = acme.call("GET", path, token=token or acme.installation_token(), query=query)
    return reply.json() if reply.status == 200 else reply.status


def found(acme: Acme, **query: str) -> list[int]:
    return [run["id"] for run in get(acme, RUNS, **query)["workflow_runs"]]


def test_runs_are_listed_newest_first_and_by_status(acme: Acme) -> None:
    """[GH-RUNS]"""
    old = acme.job()
    acme.clock.advance(60)
    new = acme.job()
    acme.twin.jobs.cancel(old.id)
    assert found(acme) == [new.run_id, old.run_id]
    assert found(acme, status="queued") == [new.run_id]
    assert found(acme, status="cancelled") == [old.run_id]


@pytest.mark.parametrize("mixed", ["queued", "in_progress"])
def test_a_run_with_jobs_in_several_states_shows_one_way_or_the_other(acme: Acme, mixed: Any) -> None:
    """[GH-RUN-STATUS]"""
    acme.twin.world.mixed_run_status = mixed
    running = acme.job(run_id=7, duration_seconds=60)
    acme.listener()
    acme.clock.advance(1)
    queued = acme.job(run_id=7)
    assert (running.status, queued.status) == ("in_progress", "queued")
    assert found(acme, status=mixed) == [7]


def test_a_run_whose_one_job_is_done_and_whose_other_waits_is_not_completed(acme: Acme) -> None:
    acme.twin.jobs.cancel(acme.job(run_id=7).id)
    acme.job(run_id=7, environment="production")
    assert found(acme, status="completed") == []
    assert found(acme, status="in_progress") == [7]


def test_the_latest_jobs_of_a_run_are_those_of_its_last_attempt(acme: Acme) -> None:
    """[GH-RUN-JOBS]"""
    first = acme.job()
    acme.twin.jobs.cancel(first.id)
    acme.clock.advance(600)
    again = acme.twin.jobs.rerun(first.id)
    jobs = f"{RUNS}/{first.run_id}/jobs"
    assert [job["id"] for job in get(acme, jobs)["jobs"]] == [again.id]
    assert [job["id"] for job in get(acme, jobs, filter="all")["jobs"]] == [first.id, again.id]
    (run,) = get(acme, RUNS)["workflow_runs"]
    assert (run["run_attempt"], run["status"]) == (2, "queued")
    assert run["created_at"] < run["run_started_at"], "a run that is run again keeps its age"


def test_runs_and_jobs_lag_as_the_status_of_one_job_does(acme: Acme) -> None:
    """[GH-WJ-12]"""
    acme.twin.world.lags.job_status = 30.0
    job = acme.job()
    assert found(acme, status="queued") == []
    assert [item["status"] for item in get(acme, f"{RUNS}/{job.run_id}/jobs")["jobs"]] == ["pending"]
    acme.clock.advance(30)
    assert found(acme, status="queued") == [job.run_id]


def test_runs_need_actions_read_and_a_repository_of_the_installation(acme: Acme) -> None:
    """[GH-RUNS]"""
    acme.job("beta/api")
    assert get(acme, "/repos/beta/api/actions/runs") == 403
    assert get(acme, RUNS, acme.twin.add_personal_token("nobody", [])) == 404
    del acme.installation.permissions["actions"]
    assert get(acme, RUNS) == 403


def test_only_a_push_moves_what_was_pushed_last(acme: Acme) -> None:
    """[GH-INSTALLATION-REPOSITORIES]"""
    acme.job("alpha/web")
    acme.job("alpha/site", event="schedule")
    listed = get(acme, "/installation/repositories")["repositories"]
    moments = {item["full_name"]: item["pushed_at"] for item in listed}
    assert moments["alpha/site"] < moments["alpha/web"]
    assert moments["alpha/web"] == "2026-09-21T14:13:20Z"
    assert START == 1_790_000_000.0


def test_an_organization_hook_has_its_own_deliveries_for_whoever_may_see_them(acme: Acme) -> None:
    """[GH-ORG-HOOK-DELIVERIES]"""
    hook = acme.twin.add_hook("organization", acme.alpha.id, "https://slipway.test/webhook", "s3cret")
    acme.twin.add_hook("integration", acme.app.id, "https://slipway.test/webhook", "s3cret")
    acme.job(labels=LABELS)
    acme.clock.advance(10)
    base = f"/orgs/alpha/hooks/{hook.id}/deliveries"
    assert get(acme, base) == 403
    acme.installation.permissions["organization_hooks"] = "read"
    (item,) = get(acme, base)
    (of_the_app,) = get(acme, "/app/hook/deliveries", acme.app_jwt())
    assert item["guid"] == of_the_app["guid"]
    assert item["id"] != of_the_app["id"]
    attempts = f"{base}/{item['id']}/attempts"
    assert acme.call("POST", attempts, token=acme.installation_token()).status == 403
    acme.installation.permissions["organization_hooks"] = "write"
    assert acme.call("POST", attempts, token=acme.installation_token()).status == 202
    acme.clock.advance(10)
    assert [entry["redelivery"] for entry in get(acme, base)] == [True, False]
    assert get(acme, base, acme.twin.add_personal_token("owner", ["admin:org_hook"]))
    assert get(acme, base, acme.twin.add_personal_token("nobody", [])) == 404
