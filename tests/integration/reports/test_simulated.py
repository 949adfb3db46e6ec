"""A report of simulated jobs adds up to what the simulator itself says its instances cost."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import pytest

from local.reports.lines import write_lines
from local.simulator.configuration import configuration_for
from local.simulator.outcome import Outcome
from local.simulator.policies.policy import Task
from local.simulator.policies.slipway import run_slipway
from local.simulator.report.summary import cost_usd
from local.simulator.workload.scenarios import make_workload
from local.simulator.workload.windows import Size, Window
from local.slipway_cli.main import main
from local.twin.latency import LatencyModel
from slipway.domain.usage import JobUsage


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    """Some minutes of a working day: a matrix, hosts that come and go, headroom."""
    workload = make_workload("working-day", 1, Size(10_000, Window(8.0, 0.4)))
    return run_slipway(Task(workload, configuration_for(10_000), LatencyModel.modelled(), 1))


@pytest.mark.parametrize("by", ["organization", "repository", "workflow", "profile"])
def test_rows_add_up_to_the_instances_to_the_last_digit(
    by: str, outcome: Outcome, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = tmp_path / "usage.jsonl"
    write_lines(usage, outcome.usage)
    assert main(["report", "--usage", str(usage), "--by", by, "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert main(["report", "--usage", str(usage), "--by", by, "--format", "json"]) == 0
    told = Decimal(json.loads(capsys.readouterr().out)["instances_usd"])
    assert sum(Decimal(row["cost_usd"]) for row in rows) == told > 0
    assert float(told) == pytest.approx(cost_usd(outcome), rel=0.02)  # whose clock is EC2's, to the second
    assert sum(int(row["jobs"]) for row in rows) == len(outcome.jobs)


def test_what_held_jobs_up_is_in_their_lines_and_only_there_where_something_did(outcome: Outcome) -> None:
    lines = [line for line in outcome.usage if isinstance(line, JobUsage)]
    held_up = [line for line in lines if line.held]
    assert 0 < len(held_up) < len(lines) / 2
    assert {code for line in held_up for code, _ in line.held} <= {
        "instance_starting",
        "awaiting_turn",
        "start_ramp",
    }
    assert all(line.queued_at <= since <= line.completed_at for line in held_up for _, since in line.held)
