"""Time-outs, last steps and schedules: one table for simulator and demo, as SAM deploys it and the handlers keep it.

That Terraform deploys what SAM does is held in ``tests/infra/test_parity.py``.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from local.infrastructure.cloudformation.template_text import read_template
from local.simulator import retries
from local.twin_deployment import FUNCTIONS, LEASE_SECONDS
from slipway.adapters import aws_http
from slipway.adapters.aws_clients import CONTROL, ONCE, QUICK
from slipway.adapters.environments.clients import ONCE as OF_ENVIRONMENTS
from slipway.adapters.github import http
from slipway.domain.intents import ANSWER_SECONDS

TEMPLATE = Path(__file__).parents[2] / "infra/sam/template.yaml"
LAST_STEPS = {
    "scaler": "LAST_ROUND_MS",
    "reaper": "LAST_REMOVAL_MS",
    "redelivery": "LAST_STEP_MS",
    "environments": "LAST_STEP_MS",
}
SCHEDULES = {
    "scaler": "TickSchedule",
    "reaper": "ReaperSchedule",
    "redelivery": "RedeliverySchedule",
    "environments": "EnvironmentsSchedule",
}
GITHUB = retries.GITHUB
#: The worst that hangs in one step and still lets it be recorded: by the constants that the clients are made of.
STEPS = {
    "scaler": max(ONCE.hangs_seconds, CONTROL.hangs_seconds) + QUICK.one_try_seconds,
    "reaper": max(GITHUB.hangs_seconds, CONTROL.hangs_seconds) + QUICK.one_try_seconds,
    # Find the installation, make its token, keep it, call.
    "redelivery": 3 * GITHUB.read_seconds + QUICK.one_try_seconds,
    "environments": OF_ENVIRONMENTS.hangs_seconds + QUICK.one_try_seconds,
}


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    found: dict[str, Any] = read_template(TEMPLATE.read_text("utf-8"))["Resources"]
    return found


def function(resources: dict[str, Any], name: str) -> dict[str, Any]:
    properties: dict[str, Any] = resources[f"{name.title()}Function"]["Properties"]
    return properties


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_has_the_time_out_that_is_deployed(name: str, resources: dict[str, Any]) -> None:
    assert function(resources, name)["Timeout"] == FUNCTIONS[name].timeout_seconds


@pytest.mark.parametrize("name", SCHEDULES)
def test_each_schedule_is_the_one_that_is_deployed(name: str, resources: dict[str, Any]) -> None:
    minutes = FUNCTIONS[name].every_seconds / 60
    expression = f"rate({minutes:.0f} minute{'s' if minutes > 1 else ''})"
    assert resources[SCHEDULES[name]]["Properties"]["ScheduleExpression"] == expression


def test_every_function_with_a_schedule_is_compared() -> None:
    assert {name for name, one in FUNCTIONS.items() if one.every_seconds} == set(SCHEDULES)
    assert {name for name, one in FUNCTIONS.items() if one.last_step_seconds} == set(LAST_STEPS)


@pytest.mark.parametrize("name", LAST_STEPS)
def test_each_last_step_is_the_handler_s(name: str) -> None:
    handler = importlib.import_module(f"functions.{name}.handler")
    assert getattr(handler, LAST_STEPS[name]) == FUNCTIONS[name].last_step_seconds * 1000


@pytest.mark.parametrize("name", ["scaler", "environments"])
def test_a_lease_outlives_its_holder(name: str, resources: dict[str, Any]) -> None:
    lease = function(resources, name)["Environment"]["Variables"]["SLIPWAY_LEASE_SECONDS"]
    assert int(lease) == LEASE_SECONDS >= FUNCTIONS[name].timeout_seconds


@pytest.mark.parametrize("name", STEPS)
def test_a_call_that_hangs_leaves_time_to_record_what_came_of_it(name: str) -> None:
    assert STEPS[name] <= FUNCTIONS[name].last_step_seconds
    assert FUNCTIONS[name].last_step_seconds < FUNCTIONS[name].timeout_seconds / 1.5


def test_nobody_repeats_what_starts_instances_while_its_caller_may_still_record_the_answer() -> None:
    assert ONCE.hangs_seconds + QUICK.one_try_seconds <= ANSWER_SECONDS


def test_a_call_that_hangs_cuts_off_no_answer() -> None:
    assert FUNCTIONS["webhook"].timeout_seconds >= 2 * aws_http.TIMEOUT_SECONDS
    # A claim reads and writes the ledger, and asks GitHub once.
    assert QUICK.hangs_seconds + GITHUB.hangs_seconds <= FUNCTIONS["registrar"].timeout_seconds


def test_the_simulator_waits_for_github_as_long_as_the_functions_do() -> None:
    assert (http._TIMEOUT.connect, http._TIMEOUT.read) == (GITHUB.connect_seconds, GITHUB.read_seconds)
