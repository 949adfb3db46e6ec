"""What holds for every test: no credentials or settings of the machine, and the mark for python3.13."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# What a machine takes for an example says nothing about the code: no property fails for being slow.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

_UNIT = Path(__file__).parent / "unit"
_OURS_AND_AWS = ("AWS_", "SLIPWAY_", "GITHUB_", "GH_")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what a developer's shell may hold; a forgotten stub then fails instead of reaching AWS."""
    for name in list(os.environ):
        if name.startswith(_OURS_AND_AWS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every unit test ``runtime``: the second run, on Lambda's own version, takes all of them."""
    for item in items:
        if _UNIT in item.path.parents:
            item.add_marker(pytest.mark.runtime)
