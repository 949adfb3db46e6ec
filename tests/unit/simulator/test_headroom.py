"""Headroom that would have kept a target: asked of the simulator, in few runs, and said with what was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from local.reports.lines import Lines, write_lines
from local.reports.targets import targets
from local.reports.waits import waits
from local.simulator import headroom
from local.simulator.headroom import Advice, Adviser, missed_by_all, sentence
from local.simulator.outcome import InstanceLife, Outcome
from local.simulator.policies.policy import Progress, Task
from local.slipway_cli.main import main
from slipway.domain.configuration import Configuration, Headroom, InstanceType, Market, Schedule, WaitTarget
from slipway.domain.resources import Resources
from slipway.domain.usage import JobUsage
from tests.builders import a_configuration, a_pool, a_profile
from tests.unit.reports.test_report_command import DAY, START, a_job

OFFICE = Schedule((0, 1, 2, 3, 4), 9 * 60, 19 * 60, "UTC")
HOST = InstanceType("m7i.large", Resources(2_048, 7_168), 1.0)


def waiting(number: int, at: float, wait: float = 60.0) -> JobUsage:
    return a_job(number, queued_at=at, started_at=at + wait, completed_at=at + wait + 60)


def ten(at: float = START + 10 * 3_600, first: int = 1) -> list[JobUsage]:
    return [waiting(number, at + number) for number in range(first, first + 10)]


def a_deployment(slots: int | None = 2) -> Configuration:
    kept = None if slots is None else Headroom(slots, OFFICE)
    profile = a_profile(name="medium", wait_target=WaitTarget(15, OFFICE))
    return a_configuration([profile], [a_pool(headroom=kept)])


class Model:
    """A simulator that answers at once: what jobs wait, by the slots of headroom; a slot costs 1 USD an hour."""

    def __init__(self, wait: Callable[[int], float]) -> None:
        self.wait = wait
        self.ran: list[int] = []
        self.jobs = 0

    def __call__(self, task: Task) -> Outcome:
        kept = task.configuration.pools["general"].headroom
        slots = kept.slots if kept else 0
        self.ran.append(slots)
        self.jobs = len(task.workload.jobs)
        usage = tuple(waiting(number, START + 10 * 3_600, self.wait(slots)) for number in range(10))
        lives = (InstanceLife(HOST, Market.ON_DEMAND, START, START + 3_600),) * slots
        return Outcome("slipway", task.seed, (), lives, (), usage=usage)


@contextmanager
def silent(_name: str, _jobs: int) -> Iterator[Progress]:
    yield lambda _done: None


def advised(model: Model, jobs: list[JobUsage], configuration: Configuration) -> Advice:
    lines = Lines.of(jobs)
    [missed] = missed_by_all(targets(waits(lines), configuration.profiles))
    advice = Adviser(lines, configuration, silent, model).advise(missed)
    assert advice is not None
    return advice


@pytest.mark.parametrize(("enough", "runs"), [(4, 4), (8, 4), (16, 3), (64, 3)])
def test_the_smallest_that_keeps_the_target_is_found_without_trying_all(enough: int, runs: int) -> None:
    model = Model(lambda slots: 10.0 if slots >= enough else 40.0)
    advice = advised(model, ten(), a_deployment(2))
    assert advice.enough is not None
    assert advice.enough.slots == enough
    assert len(model.ran) == len(set(model.ran)) <= runs + 1
    assert f"headroom of {enough} slots would keep 15 s: p90 10.0 s, 40.0 s with 2" in sentence(advice)


def test_where_none_keeps_it_that_is_said() -> None:
    advice = advised(Model(lambda slots: 40.0 - slots / 8), ten(), a_deployment(8))
    assert advice.enough is None
    assert "headroom alone does not keep 15 s: p90 32.0 s with 64 slots, 39.0 s with 8" in sentence(advice)


def test_where_the_model_keeps_it_as_it_is_headroom_is_not_what_was_missing() -> None:
    model = Model(lambda _slots: 5.0)
    advice = advised(model, ten(), a_deployment(2))
    assert model.ran == [2]
    assert advice.is_kept_as_configured
    assert "look at what held jobs up, not at headroom" in sentence(advice)


def test_a_pool_without_headroom_is_asked_for_some_in_the_target_s_hours() -> None:
    seen: list[Headroom | None] = []
    model = Model(lambda slots: 10.0 if slots else 40.0)

    def run(task: Task) -> Outcome:
        seen.append(task.configuration.pools["general"].headroom)
        return model(task)

    lines, configuration = Lines.of(ten()), a_deployment(None)
    [missed] = missed_by_all(targets(waits(lines), configuration.profiles))
    advice = Adviser(lines, configuration, silent, run).advise(missed)
    assert advice is not None
    assert (advice.enough or advice.configured).slots == 2
    assert seen[0] is None
    assert {one.schedule for one in seen[1:] if one} == {OFFICE}


def test_what_it_costs_more_is_for_the_hours_of_a_month_in_which_slots_are_kept() -> None:
    """Two slots more for the hour and the few minutes of the run's office hours, at a dollar an hour each."""
    last = waiting(99, START + 10 * 3_600 - 60)
    advice = advised(Model(lambda slots: 10.0 if slots >= 4 else 40.0), [*ten(), last], a_deployment(2))
    office_hours_a_month = 50 * 52 / 12
    assert advice.usd_more_a_month == pytest.approx(2.0 * office_hours_a_month / (61 / 60), rel=0.03)


def test_the_busiest_day_is_asked_about_and_of_a_very_busy_one_its_busiest_stretch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(headroom, "MOST_JOBS", 12)
    model = Model(lambda _slots: 5.0)
    calm, spread, dense = ten(), ten(START + DAY, 100), ten(START + DAY + 9 * 3_600, 200)
    more = [waiting(300 + number, START + DAY + 9 * 3_600 + 300 + number) for number in range(4)]
    advice = advised(model, [*calm, *spread, *dense, *more], a_deployment(2))
    assert (advice.day, advice.jobs, advice.recorded, model.jobs) == ("2026-11-27", 12, 24, 12)
    assert "12 of 24 jobs of 2026-11-27" in sentence(advice)


def test_jobs_of_other_pools_are_not_run() -> None:
    model = Model(lambda _slots: 5.0)
    other = [replace(job, profile="elsewhere") for job in ten(first=50)]
    assert advised(model, [*ten(), *other], a_deployment(2)).jobs == 10


def test_the_command_asks_the_simulator_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quiet pool in which each job waits for a boot: two slots end that."""
    monkeypatch.setattr(headroom, "SLOTS", (0, 2, 4))
    simulated = (Path(headroom.__file__).parents[1] / "simulator" / "slipway.yaml").read_text("utf-8")
    config, usage = tmp_path / "slipway.yaml", tmp_path / "usage.jsonl"
    kept = '    headroom: {slots: 8, schedule: "Mon-Fri 00:00-17:00 UTC"}\n'
    assert kept in simulated
    text = simulated.replace(kept, "").replace(
        "    max_runners: 640\n", "    max_runners: 640\n    slo: {p90_wait: 50s}\n"
    )
    config.write_text(text, "utf-8")
    write_lines(usage, [waiting(number, START + 900 * number, 80.0) for number in range(1, 4)])
    arguments = ["report", "--slo", "--headroom", "--usage", str(usage), "--config", str(config)]
    assert main([*arguments, "--format", "json"]) == 1
    out, err = capsys.readouterr()
    [advice] = json.loads(out)["headroom"]
    assert (advice["jobs"], advice["configured"]["slots"], advice["enough"]["slots"]) == (3, 0, 2)
    assert advice["configured"]["p90_wait_seconds"] > 50
    assert advice["usd_more_a_month"] > 0
    assert "headroom of 4 slots" in err
