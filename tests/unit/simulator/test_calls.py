"""The calls of functions: each takes its time, and between any two of them others run."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest

from local.simulator.calls import Calls, Pages, TimedClient, TwinClient
from local.simulator.fibers import Fibers
from local.twin.aws.account import AwsTwin
from local.twin.clock import VirtualClock
from local.twin.github.twin import GitHubTwin
from local.twin.github.wire import CONNECTION_LOST, Pending, Response
from local.twin.latency import LatencyModel, Phase, exactly
from slipway.adapters.github.http import GitHubApi
from slipway.domain.errors import UnavailableError, UnknownOutcomeError

START = 1_000.0
SECONDS = {
    Phase.DYNAMODB_CALL: 1.0,
    Phase.GITHUB_CALL: 4.0,
    Phase.ECS_CALL: 0.02,
    Phase.SQS_CALL: 0.03,
    Phase.CREATE_FLEET_CALL: 3.0,
    Phase.EC2_DESCRIBE_CALL: 2.0,
}


class Stage:
    """Functions that make calls, and when each call took effect and was answered."""

    def __init__(self) -> None:
        self.clock = VirtualClock(START)
        exact = LatencyModel({phase: exactly(seconds) for phase, seconds in SECONDS.items()})
        self.calls = Calls(Fibers(self.clock), exact, random.Random(1))
        self.notes: list[tuple[float, str]] = []

    def note(self, what: str) -> None:
        self.notes.append((round(self.clock.now() - START, 9), what))

    def call(self, what: str, service: str = "dynamodb", operation: str = "Query") -> None:
        self.calls.make(service, operation, lambda: self.note(what))

    def run(self, *works: Callable[[], object], seconds: float = 100.0) -> None:
        for work in works:
            self.calls.fibers.start(work)
        self.clock.advance(seconds)


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_call_takes_effect_between_its_way_there_and_its_way_back(stage: Stage) -> None:
    def work() -> None:
        stage.call("effect")
        stage.note("answer")

    stage.run(work)
    assert stage.notes == [(0.5, "effect"), (1.0, "answer")]
    assert stage.calls.counts == {"dynamodb.Query": 1}


def test_outside_of_functions_a_call_takes_no_time_is_not_counted_and_not_meddled_with(stage: Stage) -> None:
    stage.calls.meddle = lambda name, _after: stage.note(name)
    assert stage.calls.make("github", "GET", lambda: "answer") == "answer"
    assert (stage.clock.now(), stage.notes, stage.calls.counts) == (START, [], {})


def test_two_functions_interleave_between_any_two_calls(stage: Stage) -> None:
    def work(name: str) -> Callable[[], None]:
        def calling() -> None:
            for step in "12":
                stage.call(name + step)

        return calling

    stage.run(work("a"), work("b"))
    assert stage.notes == [(0.5, "a1"), (0.5, "b1"), (1.5, "a2"), (1.5, "b2")]


class ConflictError(Exception):
    """The value is not what it was when it was read."""


def counting(stage: Stage, row: dict[str, int], write: Callable[[int, int], None]) -> Callable[[], None]:
    """Return a function that adds one to a row by reading, reckoning and writing."""

    def work() -> None:
        while True:
            seen = stage.calls.make("dynamodb", "GetItem", lambda: row["count"])
            try:
                stage.calls.make("dynamodb", "PutItem", lambda seen=seen: write(seen, seen + 1))  # type: ignore[misc]
            except ConflictError:
                continue
            return

    return work


def test_read_modify_write_loses_an_update(stage: Stage) -> None:
    row = {"count": 0}

    def write(_seen: int, new: int) -> None:
        row["count"] = new

    stage.run(*[counting(stage, row, write) for _ in range(3)])
    assert row["count"] == 1


def test_a_conditional_write_loses_none(stage: Stage) -> None:
    row = {"count": 0}

    def write(seen: int, new: int) -> None:
        if row["count"] != seen:
            raise ConflictError
        row["count"] = new

    stage.run(*[counting(stage, row, write) for _ in range(3)])
    assert row["count"] == 3
    assert stage.calls.counts["dynamodb.PutItem"] == 3 + 2 + 1


def test_short_waits_are_made_up_for_at_the_next_call(stage: Stage) -> None:
    """20 ms a call: 10 there, and 10 back that are owed until the next call, or the end."""

    def work() -> None:
        for number in range(3):
            stage.call(f"effect {number}", "ecs", "ListTasks")
            stage.note("answer")

    stage.calls.fibers.start(work, lambda: stage.note("over"))
    stage.clock.advance(1.0)
    assert [at for at, what in stage.notes if what.startswith("effect")] == [0.01, 0.03, 0.05]
    assert stage.notes[1] == (0.01, "answer")
    assert stage.notes[-1] == (0.06, "over")


def test_what_is_owed_is_paid_with_the_next_long_wait() -> None:
    stage = Stage()

    def work() -> None:
        stage.call("short", "ecs", "ListTasks")
        stage.call("long")
        stage.note("answer")

    stage.run(work)
    assert stage.notes == [(0.01, "short"), (0.52, "long"), (1.02, "answer")]


def test_an_error_takes_its_way_back_too(stage: Stage) -> None:
    def broken() -> None:
        stage.note("refused")
        raise LookupError

    def work() -> None:
        with pytest.raises(LookupError):
            stage.calls.make("github", "POST", broken)
        stage.note("heard")

    stage.run(work)
    assert stage.notes == [(2.0, "refused"), (4.0, "heard")]


def test_a_dead_caller_calls_nothing_more(stage: Stage) -> None:
    def work() -> None:
        try:
            stage.call("first")
            stage.call("second")
        finally:
            stage.call("cleaning up")

    fiber = stage.calls.fibers.start(work)
    stage.clock.schedule(1.2, fiber.kill)  # on the second's way there
    stage.clock.advance(10.0)
    assert stage.notes == [(0.5, "first")]
    assert stage.calls.counts == {"dynamodb.Query": 2}


def test_a_call_whose_caller_dies_on_the_way_back_has_been_made(stage: Stage) -> None:
    def work() -> None:
        stage.call("effect")
        stage.note("answer")

    fiber = stage.calls.fibers.start(work)
    stage.clock.schedule(0.7, fiber.kill)
    stage.clock.advance(10.0)
    assert stage.notes == [(0.5, "effect")]


def test_meddle_is_told_of_each_call_before_it_and_after_it(stage: Stage) -> None:
    stage.calls.meddle = lambda name, is_after: stage.note(f"{name} {'after' if is_after else 'before'}")
    stage.run(lambda: stage.call("effect"))
    assert stage.notes == [(0.5, "dynamodb.Query before"), (0.5, "effect"), (0.5, "dynamodb.Query after")]


@pytest.mark.parametrize(("is_after", "effects"), [(False, []), (True, [(0.5, "effect")])])
def test_who_meddles_can_kill_the_caller_before_the_effect_and_after_it(
    stage: Stage, is_after: bool, effects: list[tuple[float, str]]
) -> None:
    def meddle(_name: str, after: bool) -> None:
        running = stage.calls.fibers.running
        assert running is not None
        if after == is_after:
            running.kill()

    def work() -> None:
        stage.call("effect")
        stage.note("answer")
        stage.call("another")

    stage.calls.meddle = meddle
    stage.run(work)
    assert stage.notes == effects


@pytest.mark.parametrize(("is_after", "effects"), [(False, []), (True, [(0.5, "effect")])])
def test_who_meddles_can_make_a_call_fail_before_and_after_its_effect(
    stage: Stage, is_after: bool, effects: list[tuple[float, str]]
) -> None:
    def meddle(_name: str, after: bool) -> None:
        if after == is_after:
            raise TimeoutError

    def work() -> None:
        with pytest.raises(TimeoutError):
            stage.call("effect")
        stage.note("heard")

    stage.calls.meddle = meddle
    stage.run(work)
    assert stage.notes == [*effects, (1.0, "heard")]


def test_create_fleet_takes_effect_on_arrival_and_its_caller_waits_the_whole_time(stage: Stage) -> None:
    def work() -> None:
        stage.call("fleet", "ec2", "CreateFleet")
        stage.note("launched")
        stage.call("list", "ec2", "DescribeInstances")

    stage.run(work)
    assert stage.notes == [(0.0, "fleet"), (3.0, "launched"), (4.0, "list")]


def an_account(stage: Stage) -> AwsTwin:
    aws = AwsTwin(stage.clock, latency=LatencyModel.none(), seed=1)
    aws.client("sqs").create_queue(QueueName="jobs")
    for number in range(23):
        template = {"ImageId": "ami-1"}
        aws.client("ec2").create_launch_template(
            LaunchTemplateName=f"lt-{number:02}", LaunchTemplateData=template
        )
    return aws


def test_a_client_s_methods_are_the_service_s_in_time(stage: Stage) -> None:
    client = TimedClient(an_account(stage).client("sqs"), stage.calls)
    urls: list[str] = []

    def work() -> None:
        urls.append(client.get_queue_url(QueueName="jobs")["QueueUrl"])
        with pytest.raises(client.exceptions.QueueDoesNotExist):
            client.get_queue_url(QueueName="none")

    stage.calls.fibers.start(work, lambda: stage.note("over"))
    stage.clock.advance(1.0)
    assert [url.rpartition("/")[2] for url in urls] == ["jobs"]
    assert stage.calls.counts == {"sqs.GetQueueUrl": 2}
    assert stage.notes == [(0.06, "over")]


def test_the_paginator_gives_every_page_and_each_is_a_call(stage: Stage) -> None:
    client = TimedClient(an_account(stage).client("ec2"), stage.calls)
    names: list[str] = []
    request = {"MaxResults": 10}

    def work() -> None:
        for page in client.get_paginator("describe_launch_templates").paginate(**request):
            names.extend(one["LaunchTemplateName"] for one in page["LaunchTemplates"])
            stage.note("page")

    stage.run(work)
    assert names == [f"lt-{number:02}" for number in range(23)]
    assert stage.calls.counts == {"ec2.DescribeLaunchTemplates": 3}
    assert stage.notes == [(2.0, "page"), (4.0, "page"), (6.0, "page")]
    assert request == {"MaxResults": 10}


@pytest.mark.parametrize("token", ["nextToken", "NextToken"])
def test_the_paginator_knows_both_spellings_of_the_token_and_an_empty_one(token: str) -> None:
    replies: list[dict[str, Any]] = [
        {"ids": [1], token: "second"},
        {"ids": [], token: "third"},
        {"ids": [2], token: ""},
    ]
    asked: list[dict[str, str]] = []

    def list_page(**request: str) -> dict[str, Any]:
        asked.append(request)
        return replies[len(asked) - 1]

    assert [page["ids"] for page in Pages(list_page).paginate(cluster="one")] == [[1], [], [2]]
    assert asked == [
        {"cluster": "one"},
        {"cluster": "one", token: "second"},
        {"cluster": "one", token: "third"},
    ]


class Recorder(GitHubTwin):
    """A GitHub that answers what it is told to, and keeps what it was asked."""

    def __init__(self, clock: VirtualClock, *replies: Response | Pending) -> None:
        super().__init__(clock)
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self._replies = list(replies)

    def handle(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> Response | Pending:
        self.asked.append((method, path, dict(query), body))
        assert "Authorization" in headers
        return self._replies.pop(0)


def github(stage: Stage, *replies: Response | Pending) -> tuple[Recorder, GitHubApi]:
    recorder = Recorder(stage.clock, *replies)
    client: Any = TwinClient(recorder, stage.calls, lambda: None)
    return recorder, GitHubApi(client, stage.clock)


def test_queries_come_from_the_url_and_from_the_parameters_and_paths_are_readable(stage: Stage) -> None:
    recorder, api = github(stage, Response(200, {}, b"{}"))
    api.call("GET", "/orgs/acme/a%20group?page=2&name=", lambda: "token", params={"per_page": 100})
    assert recorder.asked == [
        ("GET", "/orgs/acme/a group", {"page": "2", "name": "", "per_page": "100"}, b"")
    ]


def test_bodies_are_json_both_ways(stage: Stage) -> None:
    recorder, api = github(stage, Response(201, {}, b'{"id": 7}'))
    assert api.call("POST", "/runners", lambda: "token", json={"name": "é", "labels": ["a"]}) == {"id": 7}
    ((_, _, _, body),) = recorder.asked
    assert json.loads(body) == {"name": "é", "labels": ["a"]}


def test_next_links_are_followed(stage: Stage) -> None:
    first = Response(
        200, {"Link": '<https://api.github.com/things?per_page=100&page=2>; rel="next"'}, b"[1, 2]"
    )
    recorder, api = github(stage, first, Response(200, {}, b"[3]"))
    assert list(api.pages("/things", lambda: "token", params={"status": "queued"})) == [[1, 2], [3]]
    assert [(path, query) for _, path, query, _ in recorder.asked] == [
        ("/things", {"per_page": "100", "status": "queued"}),
        ("/things", {"per_page": "100", "page": "2"}),
    ]


@pytest.mark.parametrize(("method", "error"), [("GET", UnavailableError), ("POST", UnknownOutcomeError)])
def test_a_lost_connection_is_what_httpx_calls_it(stage: Stage, method: str, error: type[Exception]) -> None:
    _, api = github(stage, Response(CONNECTION_LOST))
    with pytest.raises(error, match="lost") as raised:
        api.call(method, "/runners", lambda: "token")
    assert isinstance(raised.value.__cause__, httpx.ReadError)


def test_a_request_takes_time_and_what_runs_before_it_may_refuse_it(stage: Stage) -> None:
    def refuse() -> None:
        stage.note("arrived")
        raise httpx.ConnectError("no way")

    recorder = Recorder(stage.clock)
    client: Any = TwinClient(recorder, stage.calls, refuse)

    def work() -> None:
        with pytest.raises(UnavailableError, match="https://twin cannot be reached"):
            GitHubApi(client, stage.clock).call("POST", "/runners", lambda: "token")
        stage.note("heard")

    stage.run(work)
    assert stage.notes == [(2.0, "arrived"), (4.0, "heard")]
    assert recorder.asked == []
    assert stage.calls.counts == {"github.POST": 1}


def test_a_listener_s_long_poll_is_no_call_of_ours(stage: Stage) -> None:
    _, api = github(stage, Pending())
    with pytest.raises(TypeError, match="long poll"):
        api.call("GET", "/message", lambda: "token")
