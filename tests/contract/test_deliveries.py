"""What every ``Deliveries`` must do: the one in memory, and ours on an App's hook and on an organization's."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Protocol

import httpx
import pytest

from local.twin.github.deliveries import Delivery
from slipway.adapters.github.deliveries import AppDeliveries, HookDeliveries, watched_hooks
from slipway.adapters.github.http import GitHubApi
from slipway.domain.configuration import Registration
from slipway.domain.errors import RefusedError, ThrottledError, UnavailableError
from slipway.domain.redelivery import FailedDelivery
from slipway.ports.github import Deliveries
from tests.contract.github_faces import FACES, Case, github_case
from tests.fakes.deliveries import FakeDeliveries
from tests.support.github_enterprise import START

STEP = 10.0
KINDS = ("app", "organization")


class Hook(Protocol):
    """A hook to which one delivery is made every ten seconds, and each fails until ``works`` is called."""

    @property
    def deliveries(self) -> Deliveries: ...

    def queue(self, count: int = 1) -> None:
        """Queue jobs."""

    def works(self) -> None:
        """Let what is sent from now on arrive."""

    def arrived(self) -> list[str]:
        """The GUIDs of what arrived."""

    def calls(self) -> int:
        """How often a part was listed."""

    def limit(self) -> None:
        """Meet the next call with a limit."""


@dataclass
class MemoryHook:
    deliveries: FakeDeliveries = field(default_factory=FakeDeliveries)

    def queue(self, count: int = 1) -> None:
        for number in range(len(self.deliveries.failed), len(self.deliveries.failed) + count):
            at = START + number * STEP
            self.deliveries.failed.append(FailedDelivery(number, f"guid-{number}", at, "queued"))

    def works(self) -> None:
        """It always does for what is asked for again."""

    def arrived(self) -> list[str]:
        guids = {item.delivery_id: item.guid for item in self.deliveries.failed}
        return [guids[number] for number in self.deliveries.asked]

    def calls(self) -> int:
        return self.deliveries.parts

    def limit(self) -> None:
        self.deliveries.next_error = ThrottledError("slow down", retry_after_seconds=60)


@dataclass
class GitHubHook:
    case: Case
    deliveries: HookDeliveries
    got: list[Delivery] = field(default_factory=list)

    def queue(self, count: int = 1) -> None:
        queue(self.case, count)

    def works(self) -> None:
        self.got = answer(self.case, 202)

    def arrived(self) -> list[str]:
        self.case.acme.clock.advance(STEP)
        return [delivery.guid for delivery in self.got]

    def calls(self) -> int:
        return self.case.calls("/deliveries")

    def limit(self) -> None:
        self.case.twin.faults.next("GET", "deliveries$", 429)


def watched(case: Case, kind: str) -> HookDeliveries:
    """The hook of the App, or alpha's own beside it, whose receiver answers 503."""
    acme = case.acme
    of, owner = {"app": ("integration", acme.app.id), "organization": ("organization", acme.alpha.id)}[kind]
    hook = acme.twin.add_hook(of, owner, "https://slipway.example/webhook", "made-up")  # type: ignore[arg-type]
    acme.installation.permissions["organization_hooks"] = "write"
    acme.twin.deliveries.faults.latency_seconds = (0.0, 0.0)
    acme.twin.deliveries.deliver = lambda _: 503
    own = {"alpha": hook.id} if kind == "organization" else {}
    found = list(watched_hooks(case.api, case.tokens, own).values())[-1]
    assert isinstance(found, HookDeliveries)
    return found


@pytest.fixture(params=KINDS)
def deliveries(request: pytest.FixtureRequest, with_app: Case) -> HookDeliveries:
    return watched(with_app, request.param)


@pytest.fixture(params=["memory", *(f"{face} {kind}" for face in FACES for kind in KINDS)])
def hook(request: pytest.FixtureRequest) -> Hook:
    if request.param == "memory":
        return MemoryHook()
    face, kind = request.param.split()
    case = github_case(face, Registration.ORGANIZATION, lambda: request.getfixturevalue("github_server"))
    return GitHubHook(case, watched(case, kind))


def failed_since(deliveries: Deliveries, since: float = START) -> list[FailedDelivery]:
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


def test_what_failed_is_listed_newest_first_from_a_time_on(hook: Hook) -> None:
    hook.queue(3)
    failed = failed_since(hook.deliveries, START + STEP)
    assert [item.delivered_at - START for item in failed] == [2 * STEP, STEP]
    assert len({item.guid for item in failed}) == len({item.delivery_id for item in failed}) == 2
    assert {item.action for item in failed} == {"queued"}


def test_what_was_sent_again_arrives_and_its_failure_stays_listed(hook: Hook) -> None:
    hook.queue(2)
    listed = failed_since(hook.deliveries)
    hook.works()
    hook.deliveries.redeliver(listed[1].delivery_id)
    assert hook.arrived() == [listed[1].guid]
    assert failed_since(hook.deliveries) == listed


def test_a_list_is_read_in_parts_of_a_hundred_and_each_is_called_for_when_it_is_asked_for(hook: Hook) -> None:
    """[GH-PAGE-MAX]"""
    hook.queue(230)
    parts = hook.deliveries.failed_since(START)
    assert hook.calls() == 0
    assert [(len(part), hook.calls()) for part in parts] == [(100, 1), (100, 2), (30, 3)]


def test_where_nothing_failed_one_empty_part_is_listed(hook: Hook) -> None:
    assert (list(hook.deliveries.failed_since(START)), hook.calls()) == ([[]], 1)


def test_a_limit_is_met_when_the_list_is_read_and_the_next_reading_is_another_try(hook: Hook) -> None:
    hook.queue()
    hook.limit()
    parts = hook.deliveries.failed_since(START)
    with pytest.raises(ThrottledError):
        next(parts)
    assert len(failed_since(hook.deliveries)) == 1


def test_what_github_does_not_have_cannot_be_sent_again(hook: Hook) -> None:
    with pytest.raises(RefusedError) as caught:
        hook.deliveries.redeliver(404_404)
    assert caught.value.code == "404"


# What only GitHub does, and how the adapter answers to it.


def test_only_what_failed_is_listed(with_app: Case, deliveries: HookDeliveries) -> None:
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
    ("status", "wanted"), [(429, ThrottledError), (503, UnavailableError), (0, UnavailableError)]
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


def test_a_token_that_github_no_longer_takes_is_made_anew_for_the_next_look(with_app: Case) -> None:
    """The App was installed anew: the installation that its token is of is gone."""
    deliveries = watched(with_app, "organization")
    queue(with_app, 1)
    (failed,) = failed_since(deliveries)
    for call in (lambda: failed_since(deliveries), lambda: deliveries.redeliver(failed.delivery_id)):
        with_app.installed_anew().permissions["organization_hooks"] = "write"
        with pytest.raises(RefusedError) as caught:
            call()
        assert caught.value.code == "401"
        call()


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
    hook = HookDeliveries(
        GitHubApi(client, with_app.acme.clock), "/hook/deliveries", lambda: nullcontext(lambda: "t")
    )
    assert [failed.delivery_id for failed in failed_since(hook)] == [5]
