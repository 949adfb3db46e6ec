"""Payloads of GitHub, honest and not."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.domain.delivery import (
    Ignored,
    RepositoryName,
    read_workflow_job,
    readable_delivery_id,
    repository_of,
)
from slipway.domain.errors import MalformedError
from slipway.domain.jobs import MAX_TEXT, JobEvent, JobState
from tests.deliveries import MEDIUM, NOW, github_examples, iso, payload, repository

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
READ_FIELDS = [
    ("action",), ("workflow_job",), ("repository",), ("organization",), ("installation",),
    ("repository", "id"), ("repository", "full_name"), ("repository", "private"), ("repository", "visibility"),
    ("organization", "id"), ("installation", "id"),
    *(("workflow_job", name) for name in (
        "id", "run_id", "run_attempt", "status", "conclusion", "created_at", "started_at", "completed_at",
        "labels", "runner_id", "runner_name", "name", "workflow_name", "head_branch")),
]  # fmt: skip


def read(value: Any) -> JobEvent:
    event = read_workflow_job(value, NOW, "guid-1")
    assert isinstance(event, JobEvent)
    return event


def with_field(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    whole = copy.deepcopy(payload(installation={"id": 3}))
    place = whole
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return whole


def test_every_listed_field_is_read_and_no_other() -> None:
    job = {
        "conclusion": "success", "started_at": iso(NOW - 3), "completed_at": iso(NOW - 1), "runner_id": 12,
        "runner_name": "slipway-medium-0", "steps": [{"name": "secret step"}], "head_sha": "abc",
    }  # fmt: skip
    assert read(payload("completed", job=job, installation={"id": 3, "node_id": "x"})) == JobEvent(
        action=JobState.COMPLETED, job_id=9001, run_id=501, run_attempt=1, organization="acme",
        organization_id=7, repository="acme/rocket", repository_id=77, public=False, labels=tuple(MEDIUM),
        received_at=NOW, created_at=NOW - 5, started_at=NOW - 3, completed_at=NOW - 1, conclusion="success",
        runner_id=12, runner_name="slipway-medium-0", name="build", workflow="CI", branch="main",
        installation_id=3, delivery_id="guid-1",
    )  # fmt: skip


@pytest.mark.parametrize("example", github_examples("workflow_job"), ids=lambda item: str(item["action"]))
def test_github_s_own_examples_are_read_or_ignored_never_malformed(example: dict[str, Any]) -> None:
    repository_of(example)
    found = read_workflow_job(example, NOW, "")
    if "waiting" in (example["action"], example["workflow_job"]["status"]):
        assert isinstance(found, Ignored)
        assert found.code == "waiting"
    else:
        assert isinstance(found, JobEvent)
        assert found.job_id == example["workflow_job"]["id"]
        assert list(found.labels) == example["workflow_job"]["labels"]


@pytest.mark.parametrize("path", READ_FIELDS, ids=".".join)
@pytest.mark.parametrize("wrong", [True, 1.5, {"a": 1}, [1], [[]], -1, 2**63, "x"], ids=repr)
def test_a_field_of_another_type_is_malformed_and_named_without_its_value(
    path: tuple[str, ...], wrong: Any
) -> None:
    whole = with_field(path, wrong)
    try:
        found = read_workflow_job(whole, NOW, "")
    except MalformedError as fault:
        assert path[0] in str(fault)
        return
    # Let through are only values of the field's own type; none of the numbers above is one.
    wanted_type = {"private": bool, "installation": dict}.get(path[-1], str)
    assert path[-1] not in {"id", "run_id", "runner_id", "run_attempt", "labels"}
    assert type(wrong) is wanted_type
    assert isinstance(found, (JobEvent, Ignored))


@pytest.mark.parametrize(
    "path",
    [("workflow_job", "id"), ("workflow_job", "run_id"), ("workflow_job", "labels"), ("repository", "id")],
)
@pytest.mark.parametrize("nothing", [None, 0])
def test_what_every_server_sends_must_be_there(path: tuple[str, ...], nothing: Any) -> None:
    with pytest.raises(MalformedError):
        read(with_field(path, nothing))


@pytest.mark.parametrize(
    "name",
    ["", "acme", "acme/", "/rocket", "acme/rocket/x", "acme/..", "acme/.", "../rocket", "acme/ro cket",
     "acme/rocket\n", "acme/rocket\u202e", "ac\x00me/rocket", "ac%2fme/rocket", "acme?x/rocket", "acme/rocket#",
     "-acme/rocket", "ａｃｍｅ/rocket", "a" * 40 + "/rocket", "acme/" + "r" * 101, "acme@evil.example/rocket",
     "acme\\rocket", "acme/rocket?ref=1"],
)  # fmt: skip
def test_a_repository_name_that_github_would_not_give_is_malformed(name: str) -> None:
    with pytest.raises(MalformedError):
        repository_of(payload(repository=repository(name)))


@pytest.mark.parametrize("name", ["acme/rocket", "Acme-Corp/.github", "octo_acme/a.b-c_d", "a/" + "r" * 100])
def test_a_repository_name_in_github_s_characters_is_read(name: str) -> None:
    assert str(repository_of(payload(repository=repository(name)))) == name


def test_the_organization_is_the_repository_s_owner_whatever_else_the_payload_claims() -> None:
    forged = payload(organization={"login": "acme", "id": 7}, repository=repository("globex/vault"))
    assert repository_of(forged) == RepositoryName("globex", "vault")
    assert read(forged).organization == "globex"


def test_strings_are_stripped_of_what_is_not_printable_and_capped() -> None:
    hostile = "a\x1b[31mred\x07\u202egnp.exe\u200b\ud800\n\u2028::set-output name=x::y" + "z" * 5000
    event = read(payload(job={"name": hostile, "runner_name": "\x00" * 900, "head_branch": "  b \t"}))
    assert event.name.startswith("a[31mredgnp.exe  ::set-output")
    assert len(event.name) == MAX_TEXT
    assert event.runner_name == ""
    assert event.branch == "b"


@given(st.text(max_size=400))
def test_no_string_keeps_a_character_that_a_sink_could_obey(text: str) -> None:
    name = read(payload(job={"name": text})).name
    assert name.isprintable()
    assert len(name) <= MAX_TEXT
    name.encode("utf-8")


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("2026-11-18T11:06:40Z", 1_795_000_000.0),
        ("2026-11-18T20:06:40+09:00", 1_795_000_000.0),
        ("2026-11-18T11:06:40.250Z", 1_795_000_000.25),
        ("0001-01-01T00:00:00Z", None),
        (None, None),
    ],
)
def test_times_become_epoch_seconds(written: str | None, seconds: float | None) -> None:
    assert read(payload(job={"started_at": written})).started_at == seconds


@pytest.mark.parametrize(
    "written",
    ["", "yesterday", "2026-11-18", "2026-11-18T11:06:40", "2026-13-18T11:06:40Z", "2026-11-18T25:06:40Z",
     "２026-11-18T11:06:40Z", "2026-11-18T11:06:40Z\n", "2026-11-18T11:06:40+99:99", 1_795_000_000],
)  # fmt: skip
def test_what_is_no_time_is_malformed(written: Any) -> None:
    with pytest.raises(MalformedError):
        read(payload(job={"created_at": written}))


@pytest.mark.parametrize(
    ("private", "visibility", "public"),
    [(True, "private", False), (True, "internal", False), (False, "public", True), (False, None, True),
     (True, None, False), (None, "internal", False), (None, None, True), (True, "public", True),
     (False, "private", True)],
)  # fmt: skip
def test_a_repository_that_may_be_public_counts_as_public(
    private: bool | None, visibility: str | None, public: bool
) -> None:
    place = repository("acme/rocket", private=private, visibility=visibility)
    assert read(payload(repository=place)).public is public


@pytest.mark.parametrize("action", ["requested", "Queued", "queued\u200b", "", "deleted"])
def test_an_action_that_is_not_known_is_ignored(action: str) -> None:
    found = read_workflow_job(payload(action, job={"status": "queued"}), NOW, "")
    assert isinstance(found, Ignored)
    assert found.code == "unknown_action"


@pytest.mark.parametrize("text", ["", "a b", "x" * 65, "id\n", "<script>", "é"])
def test_a_delivery_id_in_another_form_is_dropped(text: str) -> None:
    assert readable_delivery_id(text) == ""


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(READ_FIELDS), ANY_JSON)
def test_any_value_in_any_field_is_read_ignored_or_malformed(path: tuple[str, ...], value: Any) -> None:
    whole = with_field(path, value)
    try:
        repository_of(whole)
        read_workflow_job(whole, NOW, "")
    except MalformedError:
        pass
