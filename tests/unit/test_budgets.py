"""What is left of GitHub's hourly limits."""

from __future__ import annotations

from slipway.adapters.github.budgets import Budgets
from tests.builders import NOW


def heard(remaining: int, reset_at: float = NOW + 600, resource: str = "core") -> dict[str, str]:
    return {
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-reset": str(int(reset_at)),
        "x-ratelimit-resource": resource,
    }


def test_of_each_owner_the_resource_with_the_fewest_calls_left_is_told() -> None:
    budgets = Budgets()
    budgets.hear("one", heard(4_000))
    budgets.hear("one", heard(900, resource="actions_runner_registration"))
    budgets.hear("two", heard(0))
    assert budgets.left(NOW) == {"one": 900, "two": 0}


def test_what_was_left_of_an_hour_that_is_over_is_not_told() -> None:
    budgets = Budgets()
    budgets.hear("one", heard(3))
    budgets.hear("two", {})  # a server without limits
    assert budgets.left(NOW + 601) == {}
