"""A check that breaks, and groups and answers that no twin gives."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.response import StreamingBody
from botocore.session import Session
from botocore.stub import Stubber

from local.doctor.checks import runner_groups
from local.doctor.examine import examine, has_passed
from local.doctor.findings import Check, Look, Verdict, ok
from local.doctor.surroundings import Surroundings
from slipway.domain.configuration import Registration
from slipway.domain.group_facts import GroupFacts
from tests.builders import a_configuration, a_github


def test_a_look_that_breaks_is_told_and_hides_no_other() -> None:
    def broken() -> Iterator[Verdict]:
        yield ok("so far")
        raise KeyError("Role")

    looks = [Look("one", broken), Look("another", lambda: [ok("fine")])]
    check = Check("some", "about", (), lambda _surroundings: looks)
    found = examine([check], Surroundings(a_configuration(), None, "eu-west-1"))  # type: ignore[arg-type]
    assert [(one.looked_at, one.id) for one in found] == [("one", ""), ("one", "look-broke"), ("another", "")]
    assert not has_passed(found)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("TooManyRequestsException", [("unknown", "reaper-busy")]),
        ("ResourceNotFoundException", []),
        ("AccessDeniedException", [("unknown", "permission-missing")]),
    ],
)
def test_a_reaper_that_does_not_answer_is_told_by_why(code: str, expected: list[tuple[str, str]]) -> None:
    client = _lambda()
    stubber = Stubber(client)
    stubber.add_client_error("invoke", code)
    stubber.activate()
    assert _told(client) == expected


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        (GroupFacts("acme", 1, "Default", "all", is_default=True), ["group-default"]),
        (GroupFacts("acme", 2, "slipway", "all"), []),
        (GroupFacts("acme", 2, "slipway", "all", allows_public_repositories=True), ["group-admits-public"]),
        (GroupFacts("acme", 2, "slipway", "all", workflows=()), ["group-workflows"]),
    ],
    ids=["the default group", "in order", "public", "workflows"],
)
def test_groups_of_an_organization_are_judged_but_for_who_of_it_may_use_them(
    group: GroupFacts, expected: list[str]
) -> None:
    github = a_github(registration=Registration.ORGANIZATION)
    found = runner_groups._of_all(github, [group], is_whole=True)
    assert [verdict.id for verdict in found if verdict.status != "ok"] == expected


def test_what_the_reaper_left_out_is_not_told_as_missing() -> None:
    answer = {"at": 0, "groups": [], "unread": [], "left": 3}
    client = _lambda()
    stubber = Stubber(client)
    text = json.dumps(answer).encode()
    stubber.add_response("invoke", {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(text), len(text))})
    stubber.activate()
    assert _told(client, runner_group="ours") == []


def _lambda() -> Any:
    return Session().create_client(
        "lambda", region_name="eu-west-1", aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="made-up"
    )


def _told(client: Any, **github: Any) -> list[tuple[str, str]]:
    class Deployed:
        def client(self, _service: str, _region: str) -> Any:
            return client

        def remembered(self, _question: str, _ask: object) -> bool:
            return True

    configuration = a_configuration(github=a_github(**github))
    surroundings = Surroundings(configuration, Deployed(), "eu-west-1")  # type: ignore[arg-type]
    found = examine([runner_groups.CHECK], surroundings)
    return [(one.status, one.id) for one in found]
