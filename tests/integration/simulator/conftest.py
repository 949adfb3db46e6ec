"""What every simulated run of a test is given."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def no_garbage_is_looked_for() -> Iterator[None]:
    """As ``make chaos`` runs it: a run makes little garbage, and there is much to look at to find it."""
    gc.disable()
    yield
    gc.enable()
    gc.collect()
