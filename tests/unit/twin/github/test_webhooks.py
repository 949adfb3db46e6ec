"""What the twin sends, what it loses, what it records and what it sends again."""

import hashlib
import hmac
import json
import urllib.parse
from collections import Counter
from dataclasses import replace

import pytest

from local.twin.github.deliveries import Delivery, Hook, signature
from local.twin.github.model import JobRequest
from tests.support.github_enterprise import LABELS, Acme

DELIVERIES = "/app/hook/deliveries"


@pytest.fixture
def hooked(acme: Acme) -> Acme:
    """With the App's hook; deliveries arrive in order."""
    acme.twin.add_hook("integration", acme.app.id, "https://slipway.test/webhook", "s3cret")
    acme.twin.deliveries.faults.latency_seconds = (0.2, 0.2)
    return acme


def only(acme: Acme) -> Delivery:
    ((_, delivery),) = acme.delivered
    return delivery


def test_the_signature_is_githubs_own_example() -> None:
    """[GH-HOOK-SIGNATURE]"""
    expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert signature("It's a Secret to Everybody", b"Hello, World!") == expected


def test_a_job_that_runs_sends_queued_in_progress_and_completed(hooked: Acme) -> None:
    hooked.job(duration_seconds=30)
    hooked.listener()
    hooked.clock.advance(60)
    assert hooked.events() == [("queued", None), ("in_progress", None), ("completed", "success")]


def test_a_delivery_is_signed_over_its_raw_bytes_and_names_event_hook_and_target(hooked: Acme) -> None:
    """[GH-HOOK-SIGNATURE] [GH-HOOK-TARGET-TYPE]"""
    hooked.job()
    hooked.clock.advance(1)
    delivery = only(hooked)
    expected = hmac.new(b"s3cret", delivery.body, hashlib.sha256).hexdigest()
    assert delivery.headers["X-Hub-Signature-256"] == f"sha256={expected}"
    assert delivery.headers["X-GitHub-Event"] == "workflow_job"
    assert delivery.headers["X-GitHub-Delivery"] == delivery.guid
    assert delivery.headers["X-GitHub-Hook-Installation-Target-Type"] == "integration"
    assert delivery.headers["X-GitHub-Hook-Installation-Target-ID"] == str(hooked.app.id)
    assert "s3cret" not in repr(delivery)


def test_a_form_encoded_hook_carries_the_payload_as_a_field(acme: Acme) -> None:
    """[GH-HOOK-FORM]"""
    hook = Hook(7, "business", 1, "https://slipway.test/webhook", "s", content_type="form")
    acme.twin.deliveries.hooks.append(hook)
    acme.job()
    acme.clock.advance(5)
    fields = urllib.parse.parse_qs(only(acme).body.decode())
    assert json.loads(fields["payload"][0])["action"] == "queued"


def test_the_app_hears_only_of_organizations_where_it_is_installed_the_enterprise_hook_of_all(
    acme: Acme,
) -> None:
    """[GH-APP-ACTIONS-READ]"""
    acme.twin.add_hook("integration", acme.app.id, "https://app.test", "s")
    acme.twin.add_hook("business", 1, "https://enterprise.test", "s")
    acme.twin.add_hook("organization", acme.beta.id, "https://beta.test", "s")
    acme.job("beta/api")
    acme.job("alpha/web")
    acme.clock.advance(5)
    heard = Counter((d.hook.url, json.loads(d.body)["repository"]["name"]) for _, d in acme.delivered)
    assert heard == {
        ("https://enterprise.test", "api"): 1,
        ("https://beta.test", "api"): 1,
        ("https://enterprise.test", "web"): 1,
        ("https://app.test", "web"): 1,
    }


def test_a_suspended_app_hears_nothing(acme: Acme) -> None:
    """[GH-APP-SUSPENDED]"""
    acme.twin.add_hook("integration", acme.app.id, "https://app.test", "s")
    acme.twin.suspend(acme.installation)
    acme.job("alpha/web")
    acme.clock.advance(5)
    assert acme.delivered == []


def test_only_app_deliveries_carry_an_installation(acme: Acme) -> None:
    acme.twin.add_hook("integration", acme.app.id, "https://app.test", "s")
    acme.twin.add_hook("business", 1, "https://enterprise.test", "s")
    acme.job()
    acme.clock.advance(5)
    bodies = {d.hook.kind: json.loads(d.body) for _, d in acme.delivered}
    assert bodies["integration"]["installation"]["id"] == acme.installation.id
    assert "installation" not in bodies["business"]
    assert bodies["business"]["enterprise"]["slug"] == "acme"


def test_an_environment_makes_a_job_wait_until_it_is_approved(hooked: Acme) -> None:
    """[GH-WJ-2] [GH-WJ-3]"""
    job = hooked.job(environment="production")
    hooked.twin.jobs.announce_queued_while_waiting(job.id)
    hooked.listener()
    hooked.clock.advance(60)
    hooked.twin.jobs.approve(job.id)
    hooked.clock.advance(1)
    bodies = [json.loads(delivery.body) for _, delivery in hooked.delivered]
    seen = [(b["action"], b["workflow_job"]["status"], "deployment" in b) for b in bodies]
    assert seen == [
        ("waiting", "waiting", True),
        ("queued", "waiting", True),
        ("queued", "queued", True),
        ("in_progress", "in_progress", False),
    ]


def test_a_skipped_job_completes_without_ever_being_queued(hooked: Acme) -> None:
    """[GH-WJ-5]"""
    hooked.twin.jobs.skip(JobRequest("alpha/web", LABELS))
    hooked.clock.advance(1)
    assert hooked.events() == [("completed", "skipped")]


def test_a_job_cancelled_while_queued_names_no_runner_and_may_say_nothing_at_all(hooked: Acme) -> None:
    """[GH-WJ-7]"""
    loud, quiet = hooked.job(), hooked.job()
    hooked.clock.advance(1)
    hooked.twin.jobs.cancel(loud.id)
    hooked.twin.jobs.cancel(quiet.id, announced=False)
    hooked.clock.advance(1)
    assert hooked.events() == [("queued", None), ("queued", None), ("completed", "cancelled")]
    last = json.loads(hooked.delivered[-1][1].body)["workflow_job"]
    assert (last["runner_id"], last["steps"]) == (None, [])


def test_a_check_run_on_a_job_sends_completed_without_touching_the_job(hooked: Acme) -> None:
    """[GH-WJ-6]"""
    job = hooked.job()
    hooked.clock.advance(1)
    hooked.twin.jobs.repeat_completed_like_a_check_run(job.id)
    hooked.clock.advance(1)
    assert hooked.events() == [("queued", None), ("completed", "success")]
    assert job.status == "queued"


def test_a_rerun_has_a_new_id_and_a_higher_attempt_and_the_others_are_told_of_again_as_copies(
    hooked: Acme,
) -> None:
    """[GH-WJ-14] [GH-RERUN-COPIES]"""
    failed = hooked.job(conclusion="failure", duration_seconds=5)
    passed = hooked.job(run_id=failed.run_id, duration_seconds=5)
    for number in range(2):
        hooked.listener(f"r{number}")
    hooked.clock.advance(30)
    bodies = [json.loads(delivery.body)["workflow_job"] for _, delivery in hooked.delivered]
    (before,) = (body for body in bodies if (body["id"], body["status"]) == (passed.id, "completed"))
    hooked.delivered.clear()
    again = hooked.twin.jobs.rerun(failed.id)
    hooked.clock.advance(1)
    assert (again.run_id, again.run_attempt) == (failed.run_id, 2)
    assert again.id not in (failed.id, passed.id)
    told = {e["action"]: e["workflow_job"] for e in (json.loads(d.body) for _, d in hooked.delivered)}
    assert (len(hooked.delivered), told["queued"]["id"]) == (2, again.id)
    copy = told["completed"]
    assert copy["id"] not in (failed.id, passed.id, again.id)
    assert (copy["run_id"], copy["run_attempt"]) == (failed.run_id, 2)
    lasting = ("name", "conclusion", "started_at", "completed_at", "runner_id", "runner_name")
    assert {name: copy[name] for name in lasting} == {name: before[name] for name in lasting}


@pytest.mark.parametrize(
    ("status", "recorded"),
    [
        (202, ("OK", 202)),
        (401, ("Invalid HTTP Response: 401", 401)),
        (503, ("Invalid HTTP Response: 503", 503)),
    ],
)
def test_the_answer_to_a_delivery_is_recorded(hooked: Acme, status: int, recorded: tuple[str, int]) -> None:
    hooked.twin.deliveries.deliver = lambda delivery: status
    hooked.job()
    hooked.clock.advance(1)
    (item,) = hooked.call("GET", DELIVERIES, token=hooked.app_jwt()).json()
    assert (item["status"], item["status_code"]) == recorded
    hooked.clock.advance(3_600)
    (item,) = hooked.call("GET", DELIVERIES, token=hooked.app_jwt()).json()
    assert item["redelivery"] is False, "GitHub never tries again by itself [GH-HOOK-NO-RETRY]"


def test_an_answer_later_than_ten_seconds_is_a_failure(hooked: Acme) -> None:
    """[GH-HOOK-TIMEOUT]"""
    open_ids: list[int] = []
    hooked.twin.deliveries.deliver = lambda delivery: open_ids.append(delivery.id)
    hooked.job()
    hooked.job()
    hooked.clock.advance(9)
    assert hooked.call("GET", DELIVERIES, token=hooked.app_jwt()).json() == []
    hooked.twin.deliveries.answered(open_ids[0], 202)
    hooked.clock.advance(2)
    hooked.twin.deliveries.answered(open_ids[1], 202)
    items = hooked.call("GET", DELIVERIES, token=hooked.app_jwt()).json()
    assert {item["id"]: item["status"] for item in items} == {open_ids[0]: "OK", open_ids[1]: "timed out"}


def test_a_failed_delivery_is_found_by_its_status_and_sent_again_under_its_guid(hooked: Acme) -> None:
    """[GH-DELIVERIES] [GH-HOOK-GUID]"""
    hooked.twin.deliveries.faults.failed = 1.0
    hooked.job()
    hooked.clock.advance(1)
    assert hooked.delivered == []
    (item,) = hooked.call("GET", DELIVERIES, token=hooked.app_jwt(), query={"status": "failure"}).json()
    assert item["status_code"] == 502
    hooked.twin.deliveries.faults.failed = 0.0
    assert hooked.call("POST", f"{DELIVERIES}/{item['id']}/attempts", token=hooked.app_jwt()).status == 202
    hooked.clock.advance(1)
    assert only(hooked).guid == item["guid"]
    newest, _ = hooked.call("GET", DELIVERIES, token=hooked.app_jwt()).json()
    assert (newest["redelivery"], newest["status"], newest["guid"]) == (True, "OK", item["guid"])


def test_deliveries_are_paged_newest_first_by_cursor(hooked: Acme) -> None:
    """[GH-DELIVERIES]"""
    for _ in range(5):
        hooked.job()
        hooked.clock.advance(1)
    seen: list[int] = []
    query = {"per_page": "2"}
    while True:
        page = hooked.call("GET", DELIVERIES, token=hooked.app_jwt(), query=query)
        seen += [item["id"] for item in page.json()]
        if "link" not in page.headers:
            break
        target = page.headers["link"].split(">")[0]
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(target).query))
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 5
    assert hooked.call("GET", DELIVERIES, token=hooked.app_jwt(), query={"cursor": "v1_1"}).status == 400


@pytest.mark.parametrize(("server", "days"), [("ghec", 3), ("ghes-3.18", 7)])
def test_deliveries_are_kept_for_three_days_on_a_server_for_seven(server: str, days: int) -> None:
    """[GH-HOOK-WINDOW]"""
    acme = Acme(server=server)
    acme.twin.add_hook("integration", acme.app.id, "https://app.test", "s")
    acme.twin.jobs.skip(JobRequest("alpha/web", LABELS))
    acme.clock.advance(days * 86_400 - 10)
    (item,) = acme.call("GET", DELIVERIES, token=acme.app_jwt()).json()
    acme.clock.advance(20)
    assert acme.call("POST", f"{DELIVERIES}/{item['id']}/attempts", token=acme.app_jwt()).status == 404


@pytest.mark.parametrize("token_of", ["pat", "installation_token"])
def test_deliveries_want_the_apps_own_jwt(hooked: Acme, token_of: str) -> None:
    """[GH-DELIVERIES]"""
    token = getattr(hooked, token_of)
    assert hooked.call("GET", DELIVERIES, token=token() if callable(token) else token).status == 401


def test_enterprise_deliveries_cannot_be_listed(acme: Acme) -> None:
    """[GH-HOOK-NO-DELIVERIES]"""
    acme.twin.add_hook("business", 1, "https://enterprise.test", "s")
    acme.job()
    acme.clock.advance(5)
    assert acme.call("GET", DELIVERIES, token=acme.app_jwt()).json() == []


@pytest.mark.parametrize(("fault", "arriving"), [("lost", 0), ("failed", 0), ("doubled", 2), ("late", 1)])
def test_faults_can_be_switched_on_one_by_one(hooked: Acme, fault: str, arriving: int) -> None:
    faults = hooked.twin.deliveries.faults
    setattr(faults, fault, 1.0)
    hooked.job()
    hooked.clock.advance(600)
    assert len(hooked.delivered) == arriving
    assert len({delivery.guid for _, delivery in hooked.delivered}) == min(arriving, 1)
    if fault == "late":
        assert hooked.delivered[0][0] - hooked.clock.now() < -200


def test_every_event_of_some_actions_can_be_lost_without_a_record(hooked: Acme) -> None:
    """[GH-HOOK-LOSSY]"""
    hooked.twin.deliveries.faults.lost_actions = frozenset({"in_progress"})
    hooked.job(duration_seconds=1)
    hooked.listener()
    hooked.clock.advance(60)
    assert [action for action, _ in hooked.events()] == ["queued", "completed"]
    assert hooked.twin.deliveries.counts["lost"] == 1


def test_reordered_deliveries_are_overtaken_by_later_events(hooked: Acme) -> None:
    """[GH-HOOK-UNORDERED]"""
    hooked.twin.deliveries.faults = replace(hooked.twin.deliveries.faults, reordered=0.5)
    for number in range(10):
        hooked.job(duration_seconds=1)
        hooked.listener(f"r{number}")
    hooked.clock.advance(120)
    created = [json.loads(d.body)["workflow_job"]["id"] for _, d in hooked.delivered]
    assert len(created) == 30
    assert Counter(hooked.events())[("completed", "success")] == 10
    ranks = [("queued", "in_progress", "completed").index(action) for action, _ in hooked.events()]
    per_job = [[rank for job, rank in zip(created, ranks, strict=True) if job == one] for one in set(created)]
    assert any(order != sorted(order) for order in per_job)


def test_equal_seeds_make_equal_histories() -> None:
    def history() -> list[tuple[float, str]]:
        acme = Acme()
        acme.twin.add_hook("business", 1, "https://enterprise.test", "s")
        acme.twin.deliveries.faults = replace(acme.twin.deliveries.faults, lost=0.3, doubled=0.3, late=0.3)
        for number in range(20):
            acme.job()
            acme.listener(f"r{number}")
        acme.clock.advance(600)
        return [(at, delivery.guid) for at, delivery in acme.delivered]

    assert history() == history()


def test_hooks_of_one_event_share_its_guid_unless_told_otherwise(acme: Acme) -> None:
    """[GH-HOOK-GUID]"""
    acme.twin.add_hook("integration", acme.app.id, "https://app.test", "s")
    acme.twin.add_hook("business", 1, "https://enterprise.test", "s")
    acme.job()
    acme.twin.deliveries.share_guids = False
    acme.job()
    acme.clock.advance(5)
    guids = Counter(delivery.guid for _, delivery in acme.delivered)
    assert sorted(guids.values()) == [1, 1, 2]


def test_a_ping_reaches_its_hook(hooked: Acme) -> None:
    hooked.twin.deliveries.ping(hooked.twin.deliveries.hooks[0])
    hooked.clock.advance(1)
    assert only(hooked).headers["X-GitHub-Event"] == "ping"


def test_a_server_adds_its_version_and_host_to_deliveries() -> None:
    """[GH-HOOK-GHES-HEADERS]"""
    acme = Acme(server="ghes-3.18")
    acme.twin.add_hook("business", 1, "https://slipway.test/webhook", "s")
    acme.job()
    acme.clock.advance(5)
    headers = only(acme).headers
    assert (headers["X-GitHub-Enterprise-Version"], headers["X-GitHub-Enterprise-Host"]) == (
        "3.18.0",
        "github.test",
    )
