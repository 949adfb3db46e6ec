"""Whichever call a function dies at, what it leaves behind is repaired: all jobs complete, nothing leaks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.integration.loop.mortality import Mortality, make_mortal
from tests.integration.loop.scenes import no_runner_served_two_tasks, served_per_task
from tests.support.loop import DOCKER_LABELS, LABELS, Acme, acme

WRITES = {"shared": 99, "exclusive": 90}  # of all functions together, from webhook to clean cluster
PROFILES = {"shared": LABELS, "exclusive": DOCKER_LABELS}
REPAIRED_WITHIN_SECONDS = (
    450.0  # the visibility timeout of a message (360 s), or lease (120 s) and tick (60 s)
)
FEW = [(profile, at) for profile, writes in WRITES.items() for at in range(1, writes + 1, 7)]
ALL = [(profile, at) for profile, writes in WRITES.items() for at in range(1, writes + 1)]


def life_of_one_job(profile: str, mortality: Mortality, patch: Callable[..., None]) -> Acme:
    deployment = acme()
    make_mortal(deployment, mortality, patch)
    job = deployment.queue(labels=PROFILES[profile], seconds=20.0)
    assert deployment.until_completed(job, limit_seconds=REPAIRED_WITHIN_SECONDS), mortality.last
    assert deployment.until_clean(limit_seconds=600.0), (mortality.last, deployment.left())
    assert job.now.conclusion == "success"
    assert no_runner_served_two_tasks(deployment)
    assert served_per_task(deployment).total() <= 2
    return deployment


@pytest.mark.parametrize("profile", list(WRITES))
def test_every_write_of_a_jobs_life_is_tried_here(profile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mortality = Mortality(at=0)
    life_of_one_job(profile, mortality, monkeypatch.setattr)
    assert WRITES[profile] - 12 <= len(mortality.writes) <= WRITES[profile]


@pytest.mark.parametrize(("profile", "at"), FEW)
def test_a_function_that_dies_before_some_write_is_made_good(
    profile: str, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    life_of_one_job(profile, Mortality(at), monkeypatch.setattr)


@pytest.mark.slow
@pytest.mark.parametrize(("profile", "at"), ALL)
def test_a_function_that_dies_before_any_write_is_made_good(
    profile: str, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    life_of_one_job(profile, Mortality(at), monkeypatch.setattr)
