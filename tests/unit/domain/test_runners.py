"""Runners' names, and what instances and runners say of themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.domain.instances import InstanceState
from slipway.domain.runners import MAX_NAMES_LENGTH, RunnerState, parse_runner_name, runner_name
from tests.builders import a_runner, an_instance, name_of

PROFILES = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,19}", fullmatch=True)
TASK_IDS = st.text(alphabet="0123456789abcdef", min_size=32, max_size=32)
TASK_ID = "0123456789abcdef0123456789abcdef"


@given(PROFILES, TASK_IDS)
def test_a_name_is_read_back_and_short_enough(profile: str, task_id: str) -> None:
    name = runner_name("slipway", profile, task_id)
    assert parse_runner_name("slipway", name) == (profile, task_id)
    assert len(name) <= 64


@pytest.mark.parametrize(
    "name",
    [
        "",
        "my-runner",
        "slipway",
        f"slipway-{TASK_ID}",
        f"slipway--{TASK_ID}",
        f"slipway-medium-{TASK_ID[:-1]}",
        f"slipway-medium-{TASK_ID}0",
        f"slipway-medium-{TASK_ID.upper()}",
        f"Slipway-medium-{TASK_ID}",
        f"slipway-Medium-{TASK_ID}",
        f"slipway-medium-{TASK_ID}\n",
        f" slipway-medium-{TASK_ID}",
        f"slipway-{'m' * 21}-{TASK_ID}",
        f"slipway-médium-{TASK_ID}",
        f"other-slipway-medium-{TASK_ID}",
    ],
    ids=repr,
)
def test_a_name_that_is_not_exactly_ours_is_not_ours(name: str) -> None:
    assert parse_runner_name("slipway", name) is None


@given(st.text())
def test_any_text_is_a_name_of_ours_or_none(text: str) -> None:
    found = parse_runner_name("slipway", text)
    assert found is None or runner_name("slipway", *found) == text


def test_a_runner_is_called_after_its_profile_and_task() -> None:
    assert parse_runner_name("slipway", name_of(a_runner(7))) == ("medium", a_runner(7).task_id)


@pytest.mark.parametrize(
    "name", [f"staging-medium-{TASK_ID}", f"slipway2-medium-{TASK_ID}", f"medium-{TASK_ID}"]
)
def test_a_runner_of_another_deployment_is_not_ours(name: str) -> None:
    assert parse_runner_name("slipway", name) is None
    assert parse_runner_name("staging", f"staging-medium-{TASK_ID}") == ("medium", TASK_ID)


def test_the_longest_names_of_deployment_and_profile_fit_into_a_runner_s() -> None:
    deployment = "d" * 12
    profile = "p" * (MAX_NAMES_LENGTH - len(deployment))
    assert len(runner_name(deployment, profile, TASK_ID)) == 64


@pytest.mark.parametrize("state", RunnerState, ids=str)
def test_only_a_registered_runner_idles(state: RunnerState) -> None:
    assert a_runner(1, state).is_idle is (state is RunnerState.REGISTERED)


@pytest.mark.parametrize("connected", [True, False])
@pytest.mark.parametrize("state", InstanceState, ids=str)
def test_only_a_ready_instance_with_its_agent_connected_takes_tasks(
    state: InstanceState, connected: bool
) -> None:
    """[ECS-AGENT-REGISTERS-FIRST]"""
    usable = connected and state is InstanceState.READY
    assert an_instance(state=state, connected=connected).is_usable is usable


def test_instances_move_in_one_direction() -> None:
    ranks = [InstanceState(word).rank for word in ("launching", "ready", "draining", "gone")]
    assert ranks == sorted(set(ranks))
