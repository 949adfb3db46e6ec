"""Usage lines: each end counts once."""

from __future__ import annotations

from dataclasses import replace

from local.reports.lines import Lines
from slipway.domain.jobs import JobKey
from slipway.domain.runners import runner_name
from tests.builders import a_task_id
from tests.unit.reports.test_report_command import a_job


def test_a_job_whose_end_was_told_again_for_a_later_attempt_counts_once() -> None:
    """[GH-RERUN-COPIES]"""
    name = runner_name("slipway", "medium", a_task_id(1))
    own = replace(a_job(5), runner_name=name)
    copies = [replace(own, job=JobKey("acme", number, attempt)) for number, attempt in ((4, 2), (9, 3))]
    assert Lines.of([*copies, own]).jobs == (own,)


def test_jobs_of_runners_that_are_not_ours_and_of_other_runs_all_count() -> None:
    name = runner_name("slipway", "medium", a_task_id(1))
    theirs = [replace(a_job(number), runner_name="build-1", run_id=7) for number in (1, 2)]
    of_two_runs = [replace(a_job(number), runner_name=name, run_id=number) for number in (3, 4)]
    nobodys = [replace(a_job(number), runner_name=None, run_id=7) for number in (5, 6)]
    jobs = (*theirs, *of_two_runs, *nobodys)
    assert Lines.of(jobs).jobs == jobs
