"""The envelope of the ``jobs`` queue."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.domain.errors import MalformedError, UnavailableError
from slipway.domain.jobs import JobEvent, JobKey, JobState, decode_job_event, encode_job_event

EVENT = JobEvent(
    action=JobState.QUEUED, job_id=9001, run_id=501, run_attempt=2, organization="acme", organization_id=7,
    repository="acme/rocket", repository_id=77, public=False, labels=("self-hosted", "Medium"),
    received_at=1_795_000_000.25,
)  # fmt: skip
SMALL = st.integers(min_value=1, max_value=2**63 - 1)
SECONDS = st.floats(min_value=0, max_value=4e9)
LINE = st.text(max_size=200)
NAME = st.text(min_size=1, max_size=200)


def events() -> st.SearchStrategy[JobEvent]:
    return st.builds(
        JobEvent, action=st.sampled_from(JobState), job_id=SMALL, run_id=SMALL, run_attempt=SMALL,
        organization=NAME, organization_id=SMALL, repository=NAME, repository_id=SMALL, public=st.booleans(),
        labels=st.lists(LINE, max_size=5).map(tuple), received_at=SECONDS, created_at=st.none() | SECONDS,
        conclusion=st.none() | LINE.filter(bool), runner_id=st.none() | SMALL, name=LINE,
        installation_id=st.none() | SMALL,
    )  # fmt: skip


def changed(**values: Any) -> str:
    return json.dumps({**json.loads(encode_job_event(EVENT)), **values})


@settings(deadline=None)
@given(events())
def test_an_event_survives_the_queue(event: JobEvent) -> None:
    text = encode_job_event(event)
    assert text.isascii()
    assert decode_job_event(text) == event


def test_what_is_absent_takes_no_room() -> None:
    assert "null" not in encode_job_event(EVENT)
    assert "runner_name" not in encode_job_event(EVENT)


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "null", "[]", "7", '"x"', "{}", '{"version":1}', "[" * 100_000, changed(version="2"),
        changed(version=None), changed(job_id="9001"), changed(job_id=True), changed(job_id=1.5),
        changed(job_id=None), changed(public="no"), changed(public=1), changed(labels="medium"),
        changed(labels=[1]), changed(labels=None), changed(action="waiting"), changed(action=[]),
        changed(received_at="now"), changed(received_at=True), changed(received_at=float("nan")),
        changed(received_at=float("inf")), changed(organization=["acme"]),
        changed(job_id=int("9" * 4000)), encode_job_event(EVENT).replace('"job_id"', '"run_id"'),
    ],
    ids=lambda text: text[:40],
)  # fmt: skip
def test_what_is_not_our_envelope_is_malformed(text: str) -> None:
    with pytest.raises(MalformedError):
        decode_job_event(text)


@pytest.mark.parametrize("name", [item.name for item in fields(JobEvent) if "None" not in str(item.type)])
def test_a_missing_field_is_malformed_unless_it_is_text_that_may_be_empty(name: str) -> None:
    body = json.loads(encode_job_event(EVENT))
    if body.pop(name, None) is None:
        assert name in ("name", "workflow", "branch", "delivery_id")
        return
    with pytest.raises(MalformedError):
        decode_job_event(json.dumps(body))


def test_states_only_grow() -> None:
    assert JobState.QUEUED.rank < JobState.IN_PROGRESS.rank < JobState.COMPLETED.rank


def test_a_rerun_is_another_job() -> None:
    assert replace(EVENT, run_attempt=3).key != EVENT.key
    assert str(EVENT.key) == "acme/9001-2"
    assert EVENT.key == JobKey("acme", 9001, 2)


def test_a_job_waits_since_github_made_it_or_since_we_heard_of_it() -> None:
    assert EVENT.queued_at == EVENT.received_at
    assert replace(EVENT, created_at=5.0).queued_at == 5.0


def test_what_a_newer_webhook_tells_besides_is_left_unread() -> None:
    body = {**json.loads(encode_job_event(EVENT)), "surprise": 1}
    assert decode_job_event(json.dumps(body)) == EVENT


def test_a_newer_version_is_not_malformed_but_not_yet_readable() -> None:
    body = {**json.loads(encode_job_event(EVENT)), "version": 2}
    with pytest.raises(UnavailableError, match="newer version 2"):
        decode_job_event(json.dumps(body))
