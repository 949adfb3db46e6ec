"""What holds for every test: no credentials or settings of the machine, the mark for python3.13, and the order."""

from __future__ import annotations

import os
from itertools import cycle
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# What a machine takes for an example says nothing about the code: no property fails for being slow.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

_TESTS = Path(__file__).parent
_UNIT = _TESTS / "unit"
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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark every unit test ``runtime``: the second run, on Lambda's own version, takes all of them."""
    for item in items:
        if _UNIT in item.path.parents:
            item.add_marker(pytest.mark.runtime)
    if workers := getattr(config, "workerinput", {}).get("workercount"):
        items[:] = _long_ones_first(items, workers)


def _long_ones_first(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """Order tests so that each worker begins with long ones, and what the workers share out at the end is short.

    Each worker is given an equal run of the list, and who is done takes tests from the end of another's run (xdist's
    ``worksteal``). Long ones of one folder stay together, for what their fixtures make is theirs.
    """
    long_ones: dict[str, list[pytest.Item]] = {}
    others: list[pytest.Item] = []
    for item in items:
        folder = item.path.relative_to(_TESTS).parts[0]
        is_long = folder == "containers" or item.get_closest_marker("slow") is not None
        (long_ones.setdefault(folder, []) if is_long else others).append(item)
    runs: list[list[pytest.Item]] = [[] for _ in range(workers)]
    for run, folder in zip(cycle(runs), sorted(long_ones), strict=False):
        run.extend(long_ones[folder])
    for left, run in zip(range(workers, 0, -1), runs, strict=True):
        length = (len(others) + sum(map(len, runs[workers - left :]))) // left
        short = max(0, length - len(run))
        run.extend(others[:short])
        del others[:short]
    return [item for run in runs for item in run] + others
