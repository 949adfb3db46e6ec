"""Usage is what happened, however often, late and out of order it is told of."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from local.reports.lines import Lines
from local.reports.money import Range, bill
from local.reports.source import usage_of
from local.twin.aws.behaviour import Behaviour
from tests.support.loop import DOCKER_LABELS, LABELS, Acme, acme

CALM = Behaviour()
ROUGH = Behaviour(doubled_event_rate=1.0, late_event_rate=0.3, doubled_message_rate=0.5)


@dataclass
class Witness:
    """Hears every event of AWS, as a log of its own would."""

    stopped: dict[str, float] = field(default_factory=dict)
    terminated: set[str] = field(default_factory=set)

    def __call__(self, event: dict[str, Any]) -> None:
        detail = event["detail"]
        if detail.get("lastStatus") == "STOPPED":
            task_id = detail["taskArn"].rpartition("/")[2]
            self.stopped[task_id] = datetime.fromisoformat(detail["stoppedAt"]).timestamp()
        if detail.get("state") == "terminated":
            self.terminated.add(detail["instance-id"])


def a_morning(behaviour: Behaviour, seed: int, witness: Witness) -> tuple[Acme, Lines]:
    """Jobs of several organizations on shared and exclusive hosts, until all is given back."""
    deployment = acme(behaviour=behaviour, seed=seed)
    deployment.loop.aws.subscribe(witness)
    faults = deployment.github.deliveries.faults
    if behaviour is ROUGH:
        faults.doubled, faults.reordered = 1.0, 0.5
    began = deployment.clock.now()
    jobs = [
        deployment.queue(f"{organization}/{name}", labels, seconds)
        for organization, name, labels, seconds in (
            ("alpha", "web", LABELS, 40.0),
            ("alpha", "api", LABELS, 300.0),
            ("beta", "web", LABELS, 90.0),
            ("gamma", "web", DOCKER_LABELS, 60.0),
        )
        for _ in range(3)
    ]
    assert deployment.until_completed(*jobs, limit_seconds=3_600.0)
    assert deployment.until_clean(limit_seconds=7_200.0)
    deployment.clock.advance(120.0)  # until the witness, too, has heard of the last instance's end
    loop = deployment.loop
    lines = Lines.of(usage_of(loop.ledger, loop.configuration, began, deployment.clock.now()))
    return deployment, lines


@pytest.mark.parametrize("behaviour", [CALM, ROUGH], ids=["calm", "doubled, late and shuffled"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_usage_has_each_life_once_and_as_it_was(behaviour: Behaviour, seed: int) -> None:
    witness = Witness()
    deployment, lines = a_morning(behaviour, seed, witness)
    jobs = deployment.github.jobs.by_id.values()
    assert sorted(
        (line.job.job_id, line.repository, line.started_at, line.completed_at) for line in lines.jobs
    ) == [
        (job.id, job.repository.full_name, _whole(job.now.started_at), _whole(job.now.completed_at))
        for job in jobs
    ]
    assert {line.task_id: line.stopped_at for line in lines.runners} == pytest.approx(
        witness.stopped, abs=0.01
    )
    assert sorted(line.instance_id for line in lines.instances) == sorted(witness.terminated)


def _whole(moment: float | None) -> int | None:
    """Return a moment as GitHub tells it: in whole seconds."""
    return None if moment is None else int(moment)


def test_money_adds_up_after_a_rough_morning() -> None:
    deployment, lines = a_morning(ROUGH, 4, Witness())
    within = Range(0.0, deployment.clock.now() + 1)
    made = bill(lines.instances, lines.runners, within, lines.ran_a_job)
    assert made.instances > 0
    assert made.total == made.instances
    assert {charge.runner.repository for charge in made.charges} == {
        "alpha/web",
        "alpha/api",
        "beta/web",
        "gamma/web",
    }
