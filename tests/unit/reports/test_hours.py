"""The week's hours: what a wall clock shows, which are quiet, and how they are drawn."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest

from local.reports.hours import Hour, quietest, week
from local.reports.lines import Lines, write_lines
from local.reports.waits import waits
from local.slipway_cli.main import main
from slipway.domain.usage import Usage
from tests.unit.reports.test_report_command import START, a_job, a_morning

HOUR = 3_600.0


def hours_of(*jobs: Usage, zone: str = "UTC") -> dict[str, Hour]:
    return {hour.name: hour for hour in week(waits(Lines.of(jobs)), ZoneInfo(zone))}


def queued(number: int, at: float, wait: float) -> Usage:
    return a_job(number, queued_at=at, started_at=at + wait, completed_at=at + 900)


def test_a_job_counts_in_the_hour_in_which_it_was_queued_as_the_wall_shows_it() -> None:
    job = queued(1, START + 20 * HOUR, 30)  # Thursday, 20:00 UTC
    assert hours_of(job)["Thu 20:00"].jobs == 1
    assert hours_of(job, zone="Asia/Tokyo")["Fri 05:00"].jobs == 1
    assert hours_of(job)["Thu 21:00"].wait_p90 is None


def test_jobs_are_averaged_over_the_days_that_were_recorded() -> None:
    day = 24 * HOUR
    jobs = [queued(n, START + 7 * day * (n % 2) + 9 * HOUR, 10.0) for n in range(1, 7)]
    assert hours_of(*jobs)["Thu 09:00"].jobs == 3


def test_the_quietest_hours_are_those_where_somebody_waited_least() -> None:
    jobs = [
        queued(1, START, 30),
        queued(2, START + HOUR, 5),
        queued(3, START + 2 * HOUR, 30),
        queued(4, START + 2 * HOUR, 3),
    ]
    found = [hour.name for hour in quietest(hours_of(*jobs).values())]
    assert found == ["Thu 01:00", "Thu 00:00", "Thu 02:00"]


def test_a_drawing_is_an_svg_whose_names_are_only_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usage, drawing = tmp_path / "usage.jsonl", tmp_path / "plot.svg"
    hostile = "acme/<script>alert(1)</script>"
    job = a_job(repository=hostile)
    write_lines(usage, [*a_morning()[:2], job])
    assert main(["report", "--usage", str(usage), "--plot", str(drawing)]) == 0
    capsys.readouterr()
    text = drawing.read_text("utf-8")
    root = ET.fromstring(text)
    assert not [element for element in root.iter() if element.tag.endswith("script")]
    assert hostile in {element.text for element in root.iter()}
    told = [element.text for element in root.iter() if element.tag.endswith("title")]
    assert "Thu 00:00: 1.0" in told
    assert "Thu 00:00: 20" in told


def test_a_drawing_tells_what_held_jobs_up_and_sums_up_who_has_no_bar_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usage, drawing = tmp_path / "usage.jsonl", tmp_path / "plot.svg"
    many = [
        a_job(
            number,
            repository=f"acme/{number}",
            started_at=START + 1_700,
            held=(("pool_limit", START + 1_100),),
        )
        for number in range(10, 35)
    ]
    write_lines(usage, [*a_morning()[:3], *many])
    assert main(["report", "--usage", str(usage), "--plot", str(drawing)]) == 0
    capsys.readouterr()
    told = [element.text for element in ET.fromstring(drawing.read_text("utf-8")).iter() if element.text]
    assert told[told.index("pool_limit") + 1] == "250"
    assert told[told.index("14 others") + 1] == "0.00"


def test_whole_numbers_of_jobs_are_told_as_such(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usage = tmp_path / "usage.jsonl"
    week, half = 7 * 24 * HOUR, [queued(5, START + 2 * HOUR, 3)]
    write_lines(usage, [queued(1, START, 30), queued(2, START + week, 30), *half])
    assert main(["report", "--usage", str(usage), "--quiet-hours"]) == 0
    out = capsys.readouterr().out
    assert "Thu 00:00  1 job, wait p90 30.0 s" in out
    assert "Thu 02:00  0.5 jobs, wait p90 3.0 s" in out
