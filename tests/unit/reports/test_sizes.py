"""Which jobs would do with less: what their containers told, the smallest that holds it, and what that would save."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from local.reports.lines import Lines, write_lines
from local.reports.money import NANO, Range, bill
from local.reports.output import sizes_as_table
from local.reports.peaks import NoLogsError, Peak, peak_of, peaks_of_folder
from local.reports.sizes import Sized, right_sizes
from local.slipway_cli.main import main
from slipway.domain.configuration import Bounds, Configuration, Docker, Isolation, Profile
from slipway.domain.resources import Resources
from slipway.domain.usage import JobUsage, Usage
from tests.builders import a_configuration, a_pool, a_profile
from tests.unit.reports.test_money import a_container, an_instance
from tests.unit.reports.test_report_command import START, a_job

SMALL, MEDIUM, LARGE = Resources(1_024, 3_072), Resources(2_048, 7_168), Resources(4_096, 14_336)
USED = Peak(800, 2_000, 2_900)


def three_profiles(**of_small: Any) -> Configuration:
    sizes = {"large": LARGE, "medium": MEDIUM, "small": SMALL}
    profiles = [a_profile(name=name, size=size) for name, size in sizes.items()]
    return a_configuration([replace(one, **of_small) if one.name == "small" else one for one in profiles])


def a_morning(
    count: int = 10, size: Resources = MEDIUM, profile: str = "medium", **of_job: Any
) -> list[Usage]:
    """Jobs of one name, one after the other on one host of four slots for an hour."""
    jobs: list[Usage] = [an_instance(launched_at=START, ended_at=START + 3_600)]
    for number in range(1, count + 1):
        at = START + 300 * number
        jobs += [
            a_container(
                number, size=size, profile=profile, started_at=at, stopped_at=at + 200, busy_at=at + 5
            ),
            a_job(number, profile=profile, started_at=at + 5, completed_at=at + 190, **of_job),
        ]
    return jobs


def sized(usages: list[Usage], peaks: list[Peak], configuration: Configuration) -> list[Sized]:
    lines = Lines.of(usages)
    charges = bill(lines.instances, lines.runners, Range(0.0, START * 2), lines.ran_a_job).charges
    by_task = {f"{number:032x}": peak for number, peak in enumerate(peaks, start=1)}
    return right_sizes(lines, by_task, {one.runner.task_id: one for one in charges}, configuration)


def test_a_job_that_uses_little_is_told_the_smallest_profile_that_holds_it_with_a_margin() -> None:
    [one] = sized(a_morning(), [USED] * 10, three_profiles())
    assert (one.repository, one.workflow, one.name, one.profile, one.jobs) == (
        "acme/web",
        "CI",
        "build",
        "medium",
        10,
    )
    assert (one.cpu_units, one.memory_mib, one.memory_most_mib) == (800, 2_000, 2_900)
    assert (one.needs, one.fits, one.fits_size) == (Resources(960, 2_400), "small", SMALL)


def test_the_margin_counts() -> None:
    """2,560 MiB and a fifth are the 3,072 of the small one, and a MiB more is not."""
    for memory, fits in ((2_560, "small"), (2_561, None)):
        [one] = sized(a_morning(), [Peak(100, memory)] * 10, three_profiles())
        assert one.fits == fits


def test_one_peak_in_twenty_may_be_higher() -> None:
    peaks = [USED] * 19 + [Peak(2_000, 7_000)]
    [one] = sized(a_morning(20), [*peaks[:10], peaks[-1], *peaks[10:19]], three_profiles())
    assert one.memory_mib == 7_000  # of twenty the twentieth is what nineteen are below
    [one] = sized(a_morning(40), [*[USED] * 39, Peak(2_000, 7_000)], three_profiles())
    assert (one.memory_mib, one.fits) == (2_000, "small")


def test_what_is_saved_is_what_the_smaller_one_would_not_have_held() -> None:
    """Two of eight CPUs and 7 of 28 GiB are a quarter of a host; one and 3 GiB the mean of 1/8 and 3/28."""
    [one] = sized(a_morning(), [USED] * 10, three_profiles())
    held = 10 * round(0.4032 * NANO * 0.25 * 200 / 3_600)
    assert one.saved == pytest.approx(held * (1 - (1 / 8 + 3_072 / 28_672) / 2 / 0.25), abs=10)


def test_a_job_that_needs_what_it_has_is_left_alone_and_one_that_needs_more_is_called_tight() -> None:
    [one] = sized(a_morning(), [Peak(1_700, 2_000)] * 10, three_profiles())
    assert (one.fits, one.is_tight, one.saved) == (None, False, 0)
    [one] = sized(a_morning(), [Peak(1_700, 6_900)] * 10, three_profiles())
    assert (one.fits, one.is_tight) == (None, True)


@pytest.mark.parametrize(
    "otherwise",
    [
        {"docker": Docker.NESTED},
        {"kvm": True},
        {"size": Resources(1_024, 3_072, 1)},
        {"isolation": Isolation.INSTANCE},
    ],
    ids=["docker", "kvm", "gpus", "isolation"],
)
def test_a_profile_that_is_otherwise_different_is_none_for_the_job(otherwise: dict[str, Any]) -> None:
    [one] = sized(a_morning(), [USED] * 10, three_profiles(**otherwise))
    assert one.fits is None


def test_a_profile_of_another_architecture_is_none_either() -> None:
    of_arm = [a_profile(name="medium"), a_profile(name="small", size=SMALL, pool="arm")]
    configuration = a_configuration(of_arm, [a_pool(), a_pool(name="arm", architecture="arm64")])
    [one] = sized(a_morning(), [USED] * 10, configuration)
    assert one.fits is None


def test_a_job_that_has_its_instance_alone_is_told_nothing_smaller() -> None:
    configuration = three_profiles()
    alone: dict[str, Profile] = {
        name: replace(one, isolation=Isolation.INSTANCE) for name, one in configuration.profiles.items()
    }
    [one] = sized(a_morning(), [USED] * 10, replace(configuration, profiles=alone))
    assert one.fits is None


def test_a_profile_that_sells_sizes_is_asked_by_label_where_that_is_less() -> None:
    bounds = Bounds(Resources(1_024, 2_048), Resources(8_192, 28_672))
    configuration = a_configuration(
        [a_profile(name="medium", bounds=bounds), a_profile(name="small", size=SMALL)]
    )
    [one] = sized(a_morning(), [Peak(400, 1_000)] * 10, configuration)
    assert (one.fits, one.fits_size) == ("slipway/medium/cpu=1/memory=2GiB", Resources(1_024, 2_048))
    [one] = sized(a_morning(), [Peak(800, 2_500)] * 10, configuration)
    assert one.fits == "small"  # as large as the label's, and shared with others


def test_jobs_of_another_name_or_size_are_told_apart_and_the_dearest_comes_first() -> None:
    other: list[Usage] = [
        replace(one, name="lint") if isinstance(one, JobUsage) and one.job.job_id > 7 else one
        for one in a_morning()
    ]
    found = sized(other, [USED] * 10, three_profiles())
    assert [(one.name, one.jobs) for one in found] == [("build", 7), ("lint", 3)]
    assert all(one.is_of_few for one in found)


def test_jobs_that_told_nothing_are_not_counted() -> None:
    [one] = sized(a_morning(), [USED] * 4, three_profiles())
    assert one.jobs == 4
    assert sized(a_morning(), [], three_profiles()) == []
    assert sized(a_morning(profile="former"), [USED] * 10, three_profiles()) == []


ENDED = '{"time":"t","phase":"job_ended","cpu_ms":1,"cpu_peak_units":800,"memory_peak_mib":2000,"memory_most_mib":2900}'


def test_a_line_of_a_job_s_end_tells_its_peak() -> None:
    assert peak_of(ENDED) == USED
    assert peak_of(ENDED.replace("2900", "null")) == Peak(800, 2_000)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "job_ended",
        '{"phase":"job_ended"}',
        ENDED.replace("800", "-1"),
        ENDED.replace("800", "true"),
        ENDED.replace("800", "1e400"),
        ENDED.replace("800", "9" * 30),
        ENDED.replace("job_ended", "job_ended2"),
        f"[{ENDED}]",
        "[" * 4_000 + '"job_ended"',
        ENDED.replace("t", "t" * 5_000, 1),
    ],
)
def test_whatever_a_job_prints_is_no_peak_and_no_fault(line: str) -> None:
    assert peak_of(line) is None


def test_the_container_s_own_word_comes_last_and_counts(tmp_path: Path) -> None:
    lie = ENDED.replace("800", "1")
    (tmp_path / f"{1:032x}.log").write_bytes(b"\xff\xfe\n" + f"{lie}\nlistener\n{ENDED}\n".encode())
    (tmp_path / "scaler.log").write_text(ENDED)
    assert peaks_of_folder(tmp_path) == {f"{1:032x}": USED}
    with pytest.raises(NoLogsError, match="is no folder"):
        peaks_of_folder(tmp_path / "none")


def written(tmp_path: Path) -> list[str]:
    usage, logs = tmp_path / "usage.jsonl", tmp_path / "logs"
    write_lines(usage, a_morning(3, profile="medium", workflow="[bold]CI[/]"))
    logs.mkdir()
    for number in range(1, 4):
        (logs / f"{number:032x}.log").write_text(f"{ENDED}\n")
    simulated = Path(__file__).parents[3] / "local" / "simulator" / "slipway.yaml"
    return ["report", "--right-size", "--usage", str(usage), "--config", str(simulated), "--logs", str(logs)]


def test_the_command_tells_it_as_json_and_as_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = written(tmp_path)
    assert main([*arguments, "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    [job] = told["jobs"]
    assert (told["part"], told["margin"]) == (0.95, 0.2)
    assert (job["fits"], job["fits_size"]) == ("small", {"cpu_units": 1_024, "memory_mib": 3_072})
    assert float(job["saved_usd"]) > 0
    assert main(arguments) == 0
    table = capsys.readouterr().out
    assert "[bold]CI[/]" in table
    assert "small (few)" in table
    assert "0.8 of 2" in table


def test_without_any_line_that_tells_it_the_reason_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = written(tmp_path)
    for log in (tmp_path / "logs").glob("*.log"):
        log.write_text("nothing\n")
    assert main(arguments) == 1
    assert "no log tells what one of these jobs used" in capsys.readouterr().err


def test_a_file_of_usage_needs_its_logs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(written(tmp_path)[:-2])
    assert "--logs DIR" in capsys.readouterr().err


def test_sizes_fit_eighty_columns_whatever_jobs_are_called() -> None:
    out = io.StringIO()
    usages = a_morning(12, repository="acme/a-repository-with-a-long-name", workflow="Build and test")
    bounds = Bounds(Resources(1_024, 2_048), Resources(8_192, 28_672))
    configuration = a_configuration([a_profile(name="medium", bounds=bounds)])
    found = sized(usages, [Peak(400, 1_000)] * 12, configuration)
    Console(file=out, width=80).print(sizes_as_table(found))
    assert max(map(len, out.getvalue().splitlines())) <= 80
    assert "0.4 of 2" in out.getvalue()
