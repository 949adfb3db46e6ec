"""Figures, table, drawing and progress of outcomes."""

from __future__ import annotations

import io
import itertools
import json
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from local.simulator.outcome import InstanceLife, JobOutcome, Outcome
from local.simulator.report.plot import draw, nice_step
from local.simulator.report.progress import progress_of
from local.simulator.report.series import STEPS, cost_until, instances_at, timeline, wait_p90
from local.simulator.report.summary import cost_usd, idle_fraction, quantiles, summarize
from local.simulator.report.table import comparison
from slipway.domain.configuration import Market
from tests.builders import SIZE
from tests.support.baselines import BIG, STARTS_AT, a_simulated_job

KEYS = (
    "policy seed jobs completed wait_seconds own_seconds wait_by_organization instance_hours cost_usd "
    "idle_fraction github_calls aws_calls violations"
).split()
SVG = "{http://www.w3.org/2000/svg}"


def an_outcome(
    policy: str = "one", waits: tuple[float | None, ...] = (10.0, 20.0), **changes: object
) -> Outcome:
    jobs = []
    for number, wait in enumerate(waits):
        queued_at = STARTS_AT + 100.0 * number
        job = a_simulated_job(100.0 * number, 600.0, organization=("acme", "other")[number % 2])
        started_at = None if wait is None else queued_at + wait
        jobs.append(
            JobOutcome(job, queued_at, started_at, None if started_at is None else started_at + 600.0)
        )
    lives = (InstanceLife(BIG, Market.ON_DEMAND, STARTS_AT, STARTS_AT + 3_600.0),)
    facts: dict[str, object] = {
        "policy": policy, "seed": 7, "jobs": tuple(jobs), "instances": lives,
        "sizes": (SIZE,) * len(jobs), "github_calls": 3, "aws_calls": {"ecs.RunTask": 2}, "violations": ("late",),
    }  # fmt: skip
    return Outcome(**{**facts, **changes})  # type: ignore[arg-type]  # facts by name


def test_a_summary_has_exactly_the_agreed_keys_and_is_json() -> None:
    summary = summarize(an_outcome())
    assert list(summary) == KEYS
    assert (
        list(summary["wait_seconds"]) == list(summary["own_seconds"]) == ["p50", "p90", "p95", "p99", "max"]
    )
    assert json.loads(json.dumps(summary)) == summary
    assert (summary["jobs"], summary["completed"], summary["violations"]) == (2, 2, ["late"])
    assert summary["wait_by_organization"]["other"]["p50"] == 20.0
    assert set(summary["own_seconds"].values()) == {None}


def test_jobs_that_never_started_count_and_do_not_wait() -> None:
    summary = summarize(an_outcome(waits=(10.0, None)))
    assert (summary["jobs"], summary["completed"], summary["wait_seconds"]["max"]) == (2, 1, 10.0)
    assert summary["wait_by_organization"]["other"] == quantiles([])


def test_quantiles_of_a_hundred_values() -> None:
    found = quantiles(float(value) for value in range(100, 0, -1))
    assert found == {"p50": 51.0, "p90": 91.0, "p95": 96.0, "p99": 100.0, "max": 100.0}


def test_idle_is_the_paid_cpu_time_in_which_no_job_ran() -> None:
    # One hour of 8 vCPU is paid, two jobs of 2 vCPU ran for a sixth of an hour each.
    assert idle_fraction(an_outcome()) == pytest.approx(1 - (2 * 2 / 6) / 8)
    assert idle_fraction(an_outcome(waits=(10.0, None))) == pytest.approx(1 - (2 / 6) / 8)
    assert idle_fraction(an_outcome(instances=())) == 0.0


def test_cost_is_instances_and_everything_besides() -> None:
    assert cost_usd(an_outcome(extra_usd=0.5)) == pytest.approx(0.8 + 0.5)
    assert summarize(an_outcome())["instance_hours"] == 1.0


def test_instances_and_cost_over_time_begin_at_nothing_and_end_at_the_sum() -> None:
    lives = tuple(
        InstanceLife(BIG, Market.ON_DEMAND, STARTS_AT + 31.0 * n, STARTS_AT + 31.0 * n + 17.0 + 60.0 * n)
        for n in range(1, 30)
    )
    outcome = an_outcome(instances=lives, extra_usd=0.25)
    time = timeline([outcome])
    costs, counts = cost_until(outcome, time), instances_at(outcome, time)
    assert (costs[0], counts[0], counts[-1]) == (0.0, 0.0, 0.0)
    assert costs[-1] == pytest.approx(cost_usd(outcome))
    assert all((after or 0.0) >= (before or 0.0) - 1e-9 for before, after in itertools.pairwise(costs))
    for moment, count in zip(time.moments, counts, strict=True):
        assert count == sum(life.launched_at <= moment < life.ended_at for life in lives)


def test_waits_over_time_are_those_of_the_jobs_queued_then() -> None:
    outcome = an_outcome()
    shown = wait_p90(outcome, timeline([outcome]))
    assert len(shown) == STEPS
    assert [wait for wait in shown if wait is not None] == [10.0, 20.0]


def test_a_drawing_is_xml_with_a_line_for_each_policy_in_each_panel_and_is_the_same_each_time() -> None:
    outcomes = [an_outcome("one"), an_outcome("<two> & more", waits=(None, None))]
    text = draw(outcomes, 'a "title" <&>')
    root = ET.fromstring(text)
    lines = root.findall(f"{SVG}polyline")
    assert len(lines) == 3 * len(outcomes)
    words = {element.text for element in root.iter(f"{SVG}text")}
    assert {"one", "<two> & more", 'a "title" <&>', "instances paid for", "cost so far (USD)"} <= words
    assert any(word and "(seconds)" in word for word in words)
    assert any(word and word.startswith("0 ") for word in words), "the time axis has a unit"
    assert "prefers-color-scheme" in text
    assert text == draw(outcomes, 'a "title" <&>')
    points = [point.split(",") for line in lines for point in line.attrib["points"].split()]
    assert all(0 <= float(x) <= float(root.attrib["width"]) for x, _ in points)
    assert all(0 <= float(y) <= float(root.attrib["height"]) for _, y in points)


def test_a_drawing_of_nothing_is_still_one() -> None:
    ET.fromstring(draw([an_outcome(waits=(), instances=(), sizes=())], "empty"))


@pytest.mark.parametrize(
    ("largest", "step"), [(0.0, 1.0), (3.9, 1.0), (7.0, 2.0), (19.0, 5.0), (400.0, 100.0), (0.3, 0.1)]
)
def test_ticks_are_at_round_figures(largest: float, step: float) -> None:
    assert nice_step(largest) == pytest.approx(step)


def test_the_table_compares_with_the_bound() -> None:
    bound = an_outcome("clairvoyant", instances=(), extra_usd=0.4)
    out = io.StringIO()
    summaries = [summarize(an_outcome("slipway")), summarize(bound)]
    Console(file=out, width=120).print(comparison(summaries))
    first, second = out.getvalue().splitlines()[2:4]
    assert first.split()[:2] == ["slipway", "2/2"]
    assert "2.00" in first.split()
    assert "1.00" in second.split()


def test_one_policy_of_ten_thousand_jobs_fits_a_terminal_of_eighty_columns_uncut() -> None:
    summary = {
        **summarize(an_outcome("slipway")), "jobs": 10_000, "completed": 10_000, "instance_hours": 1_234.5, "cost_usd": 1_234.56,
        "wait_seconds": dict.fromkeys(("p50", "p90", "p99", "max"), 234.5), "own_seconds": {"p90": 12.3},
    }  # fmt: skip
    out = io.StringIO()
    Console(file=out, width=80).print(comparison([summary]))
    [*_, row] = out.getvalue().splitlines()
    told = ["slipway", "10000/10000", *["234.5"] * 4, "12.3", "1,234.5", "1,234.56"]
    assert row.split()[: len(told)] == told
    assert row.split()[len(told) :] == [f"{100 * summary['idle_fraction']:.0f}"]


def test_without_a_terminal_progress_is_a_line_each_tenth() -> None:
    out = io.StringIO()
    with progress_of("one", 50, out) as told:
        for done in range(1, 51):
            told(done)
    lines = out.getvalue().splitlines()
    assert lines[0] == "one: 10 % of 50 jobs"
    assert lines[-1] == "one: 100 % of 50 jobs"
    assert len(lines) == 10


def test_a_terminal_gets_a_bar_and_no_lines() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    with progress_of("one", 50, out) as told:
        told(50)
    assert "% of 50 jobs" not in out.getvalue()
