"""What ``Deliveries`` must do, of an App's hook and of an organization's: find what failed, ask for it again."""

from __future__ import annotations

from itertools import chain
from typing import Any

import httpx
import pytest

from local.twin.github.deliveries import Delivery
from slipway.adapters.github.deliveries import AppDeliveries, HookDeliveries, watched_hooks
from slipway.adapters.github.http import GitHubApi
from slipway.domain.errors import RefusedError, ThrottledError, UnknownOutcomeError
from slipway.ports.github import FailedDelivery
from tests.contract.github_faces import Case
from tests.support.github_enterprise import START

STEP = 10.0


@pytest.fixture(params=["app", "organization"])
def deliveries(request: pytest.FixtureRequest, with_app: Case) -> HookDeliveries:
    """The hook of the App, or alpha's own beside it, whose receiver answers 503."""
    acme = with_app.acme
    kind, owner = {"app": ("integration", acme.app.id), "organization": ("organization", acme.alpha.id)}[
        request.param
    ]
    hook = acme.twin.add_hook(kind, owner, "https://slipway.example/webhook", "made-up")  # type: ignore[arg-type]
    acme.installation.permissions["organization_hooks"] = "write"
    acme.twin.deliveries.faults.latency_seconds = (0.0, 0.0)
    acme.twin.deliveries.deliver = lambda _: 503
    own = {"alpha": hook.id} if request.param == "organization" else {}
    found = list(watched_hooks(with_app.api, with_app.tokens, own).values())[-1]
    assert isinstance(found, HookDeliveries)
    return found


def failed_since(deliveries: HookDeliveries, since: float = START) -> list[FailedDelivery]:
    return list(chain.from_iterable(deliveries.failed_since(since)))


def queue(case: Case, count: int = 1) -> None:
    """Queue jobs, ten seconds apart; each is one delivery."""
    for _ in range(count):
        case.acme.job()
        case.acme.clock.advance(STEP)


def answer(case: Case, status: int) -> list[Delivery]:
    """Let the receiver answer so from now on, and keep what it got."""
    got: list[Delivery] = []

    def receive(delivery: Delivery) -> int:
        got.append(delivery)
        return status

    case.twin.deliveries.deliver = receive
    return got


def test_each_failed_delivery_is_listed_newest_first(with_app: Case, deliveries: HookDeliveries) -> None:
    queue(with_app, 2)
    answer(with_app, 202)
    queue(with_app)
    answer(with_app, 401)
    queue(with_app)
    failed = failed_since(deliveries)
    assert [item.delivered_at - START for item in failed] == [3 * STEP, STEP, 0]
    assert len({item.guid for item in failed}) == 3
    assert {item.action for item in failed} == {"queued"}


def test_a_delivery_sent_again_keeps_its_guid_and_fails_under_an_id_of_its_own(
    with_app: Case, deliveries: HookDeliveries
) -> None:
    """[GH-HOOK-GUID]"""
    queue(with_app)
    (first,) = failed_since(deliveries)
    deliveries.redeliver(first.delivery_id)
    with_app.acme.clock.advance(STEP)
    second, again = failed_since(deliveries)
    assert again == first
    assert second.guid == first.guid
    assert second.delivery_id != first.delivery_id
    got = answer(with_app, 202)
    deliveries.redeliver(second.delivery_id)
    with_app.acme.clock.advance(STEP)
    assert [item.guid for item in got] == [first.guid]


def test_failures_are_found_over_all_pages_and_none_before_the_time(
    with_app: Case, deliveries: HookDeliveries
) -> None:
    """[GH-DELIVERIES]"""
    queue(with_app, 230)
    since = START + 20 * STEP
    failed = failed_since(deliveries, since)
    assert len(failed) == 210
    assert min(item.delivered_at for item in failed) == since
    assert len(failed_since(deliveries, START + 200 * STEP)) == 30


def test_a_run_without_failures_costs_one_call(with_app: Case, deliveries: HookDeliveries) -> None:
    answer(with_app, 202)
    queue(with_app, 120)
    assert failed_since(deliveries) == []
    assert with_app.calls("/deliveries") == 1


def test_events_that_are_none_of_ours_are_not_asked_for_again(
    with_app: Case, deliveries: HookDeliveries
) -> None:
    with_app.twin.deliveries.ping(with_app.twin.deliveries.hooks[0])
    with_app.acme.clock.advance(STEP)
    assert failed_since(deliveries) == []


def test_a_delivery_that_github_forgot_is_a_refusal(with_app: Case, deliveries: HookDeliveries) -> None:
    """[GH-HOOK-WINDOW]"""
    queue(with_app)
    (failed,) = failed_since(deliveries)
    with_app.acme.clock.advance(8 * 86_400)
    with pytest.raises(RefusedError) as caught:
        deliveries.redeliver(failed.delivery_id)
    assert caught.value.code == "404"


@pytest.mark.parametrize(
    ("status", "wanted"), [(429, ThrottledError), (503, UnknownOutcomeError), (0, UnknownOutcomeError)]
)
def test_an_answer_that_did_not_come_is_one_of_our_errors(
    with_app: Case, deliveries: HookDeliveries, status: int, wanted: type[Exception]
) -> None:
    with_app.twin.faults.next("GET", "deliveries$", status)
    with pytest.raises(wanted):
        failed_since(deliveries)


def test_each_hook_has_a_name_of_its_own(with_app: Case) -> None:
    hooks = watched_hooks(with_app.api, with_app.tokens, {"beta": 8, "alpha": 9})
    assert list(hooks) == ["app", "alpha/9", "beta/8"]


def test_an_organization_hook_needs_the_permission_for_webhooks(with_app: Case) -> None:
    """[GH-ORG-HOOK-DELIVERIES]"""
    acme = with_app.acme
    hook = acme.twin.add_hook("organization", acme.alpha.id, "https://slipway.example/webhook", "made-up")
    hooks = watched_hooks(with_app.api, with_app.tokens, {"alpha": hook.id})
    with pytest.raises(RefusedError, match="Webhooks: write"):
        list(hooks[f"alpha/{hook.id}"].failed_since(START))


def test_an_app_without_a_webhook_has_nothing_to_repair(with_app: Case) -> None:
    """[GH-APP-NO-HOOK]"""
    deliveries = AppDeliveries(with_app.api, with_app.tokens.app_jwt)
    assert failed_since(deliveries) == []
    with_app.twin.faults.next("GET", "deliveries$", 404)
    assert failed_since(deliveries) == []


def test_what_another_attempt_delivered_is_left_out_where_the_server_lists_that_too(with_app: Case) -> None:
    def item(number: int, guid: str, status: str) -> dict[str, Any]:
        times = {"id": number, "guid": guid, "delivered_at": "2026-09-21T14:13:20Z"}
        return {**times, "status": status, "event": "workflow_job", "action": "queued"}

    listed = [item(4, "a", "OK"), item(3, "b", "timed out"), item(2, "a", "timed out"), item(1, "b", "OK")]
    listed.insert(0, item(5, "c", "timed out"))
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=listed))
    client = httpx.Client(base_url="https://github.test", transport=transport)
    hook = HookDeliveries(GitHubApi(client, with_app.acme.clock), "/hook/deliveries", lambda: "t")
    assert [failed.delivery_id for failed in failed_since(hook)] == [5]
