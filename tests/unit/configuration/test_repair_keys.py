"""The keys that only repair uses."""

from __future__ import annotations

from tests.unit.configuration.test_check import example_with, faults_of, only_fault


def test_a_sweep_of_a_few_calls_an_hour_is_none() -> None:
    app = ("github.secrets.app", "arn:aws:secretsmanager:ap-northeast-1:111122223333:secret:app")
    fault = only_fault(app, ("github.sweep_calls_per_hour", 59))
    assert (fault.path, "at least 60" in fault.message) == ("github.sweep_calls_per_hour", True)
    assert faults_of(example_with(app, ("github.sweep_calls_per_hour", 60))) == []
