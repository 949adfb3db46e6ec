"""``slipway report``: formats that add up, names that stay text, and what it says of bad input."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.catalogue.file import catalogue_text
from local.reports.lines import Lines, UsageFileError, read_lines, write_lines
from local.slipway_cli.main import main
from slipway.domain.jobs import JobKey
from slipway.domain.usage import JobUsage, Usage
from tests.support.catalogues import an_entry
from tests.support.repository import ROOT
from tests.unit.reports.test_money import a_container, an_instance

DAY = 86_400.0
START = 1_795_651_200.0  # 2026-11-26, 00:00 UTC


def a_job(number: int = 1, **changes: Any) -> JobUsage:
    usual = JobUsage(
        job=JobKey("acme", number, 1),
        run_id=number,
        repository="acme/web",
        workflow="CI",
        name="build",
        pool="general",
        profile="medium",
        queued_at=START + 1_100,
        started_at=START + 1_120,
        completed_at=START + 2_000,
        conclusion="success",
        runner_name=f"slipway-medium-{number:032x}",
    )
    return replace(usual, **changes)


def a_morning() -> list[Usage]:
    """Two jobs on one host, the second of a repository of its own."""
    hosts = [an_instance(launched_at=START + 1_000, ended_at=START + 4_600)]
    containers = [
        a_container(number, started_at=START + 1_100, stopped_at=START + end, busy_at=START + 1_120)
        for number, end in ((1, 2_000), (2, 2_700))
    ]
    second = a_job(2, repository="acme/api", workflow="=2+5", completed_at=START + 2_700)
    return [*hosts, *containers, a_job(), second]


def told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *arguments: str, usage: list[Usage] | None = None
) -> tuple[int, str, str]:
    file = tmp_path / "usage.jsonl"
    write_lines(file, a_morning() if usage is None else usage)
    status = main(["report", "--usage", str(file), *arguments])
    out, err = capsys.readouterr()
    return status, out, err


def test_lines_come_back_as_they_were_written(tmp_path: Path) -> None:
    file = tmp_path / "usage.jsonl"
    write_lines(file, a_morning())
    assert list(read_lines(file)) == a_morning()


def test_a_line_of_before_that_tells_nothing_of_reasons_is_read(tmp_path: Path) -> None:
    file = tmp_path / "usage.jsonl"
    told = a_job(held=(("pool_limit", START + 1_101.5),))
    write_lines(file, [a_job(), told])
    assert "held" not in json.loads(file.read_text("utf-8").splitlines()[0])
    assert list(read_lines(file)) == [a_job(), told]


def test_json_tells_what_an_account_s_jobs_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    held_up = a_job(3, held=(("pool_limit", START + 1_102),))
    _, out, _ = told(tmp_path, capsys, "--format", "json", usage=[*a_morning(), held_up])
    rows = {row["repository"]: row["waited_for_minutes"] for row in json.loads(out)["rows"]}
    assert rows == {"acme/web": {"pool_limit": 0.3}, "acme/api": {}}


@pytest.mark.parametrize("by", ["organization", "repository", "workflow", "profile"])
def test_csv_adds_up_to_the_cost_of_the_instances_exactly(
    by: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = told(tmp_path, capsys, "--by", by, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    _, document, _ = told(tmp_path, capsys, "--by", by, "--format", "json")
    assert status == 0
    assert (
        sum(Decimal(row["cost_usd"]) for row in rows)
        == Decimal("0.4032")
        == Decimal(json.loads(document)["instances_usd"])
    )
    assert sum(int(row["jobs"]) for row in rows) == 2


def test_a_table_shows_cents_that_add_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = told(tmp_path, capsys, "--by", "repository")
    lines = out.splitlines()
    assert status == 0
    assert [line.split()[0] for line in lines[1:3]] == ["acme/api", "acme/web"]
    *amounts, total = (round(100 * float(line.split()[-1])) for line in lines[1:])
    assert sum(amounts) == total == 40


def test_a_name_that_a_spreadsheet_would_run_is_only_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = a_job(workflow="ci", repository="=cmd()")
    _, out, _ = told(tmp_path, capsys, "--format", "csv", usage=[*a_morning()[:2], hostile])
    assert "\n'=cmd()," in out


def test_markup_in_a_name_is_shown_and_not_followed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = a_job(repository="acme/[bold red]x[/]")
    _, out, _ = told(tmp_path, capsys, usage=[*a_morning()[:2], hostile])
    assert "acme/[bold red]x[/]" in out


def test_an_escape_sequence_in_a_file_of_usage_never_reaches_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = a_job(repository="acme/\x1b]0;x\x07one")
    _, out, _ = told(tmp_path, capsys, usage=[*a_morning()[:2], hostile])
    assert "acme/]0;xone" in out
    assert "\x1b" not in out


def test_a_container_whose_jobs_end_was_lost_is_charged_to_its_repository(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = a_container(
        7, started_at=START + 1_100, stopped_at=START + 2_000, busy_at=START + 1_120, repository="acme/lost"
    )
    _, out, _ = told(tmp_path, capsys, "--format", "csv", usage=[a_morning()[0], lost])
    assert "acme/lost,0,0.0,,,0.0" in out


def test_waiting_is_from_queued_to_started_by_githubs_clock(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = told(tmp_path, capsys, "--by", "organization", "--format", "json")
    [row] = json.loads(out)["rows"]
    assert (row["wait_p50_seconds"], row["wait_p90_seconds"]) == (20.0, 20.0)
    assert row["minutes"] == round((880 + 1_580) / 60, 3)


@pytest.mark.parametrize(
    ("arguments", "usage", "says"),
    [
        (
            ("--from", "2026-12-01"),
            None,
            "nothing is recorded in these days: records reach from 2026-11-26 00:16",
        ),
        (("--from", "2026-11-02", "--to", "2026-11-01"), None, "--from is not before --to"),
        ((), [], "no usage is recorded in"),
        (
            (),
            [an_instance(usd_per_hour=0.0, instance_type="x9.large")],
            "no price is known of x9.large: add --price x9.large=USD",
        ),
    ],
    ids=["no data", "backwards", "empty", "no price"],
)
def test_what_cannot_be_reported_is_refused_with_its_reason(
    arguments: tuple[str, ...],
    usage: list[Usage] | None,
    says: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, out, err = told(tmp_path, capsys, *arguments, usage=usage)
    assert (status, out) == (1, "")
    assert says in err


def test_a_price_can_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lives: list[Usage] = [an_instance(usd_per_hour=0.0, instance_type="x9.large")]
    status, out, _ = told(tmp_path, capsys, "--price", "x9.large=2.5", "--format", "json", usage=lives)
    assert status == 0
    assert json.loads(out)["instances_usd"] == "2.500000000"


def test_prices_are_those_of_the_pools_region_where_the_configuration_has_a_catalogue(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tokyo = an_entry("m8g.4xlarge", vcpu=16, memory_mib=65_536, architecture="arm64")
    rows = [
        replace(tokyo, on_demand_usd_per_hour=4.0),
        replace(tokyo, region="us-west-2", on_demand_usd_per_hour=2.0, as_of="2026-11-21"),
        replace(tokyo, region="eu-west-1", on_demand_usd_per_hour=1.0),
    ]
    (tmp_path / "prices.csv").write_text(catalogue_text(rows), "utf-8")
    document = yaml.safe_load((ROOT / "docs/examples/organizations.yaml").read_text("utf-8"))
    usual = {**document["pools"]["arm"], "instance_types": ["m8g.4xlarge"]}
    regions = {"arm": "ap-northeast-1", "oregon": "us-west-2"}
    document["pools"] = {name: {**usual, "region": region} for name, region in regions.items()}
    (tmp_path / "slipway.yaml").write_text(yaml.safe_dump({**document, "catalogue": "prices.csv"}), "utf-8")
    usage: list[Usage] = [
        an_instance(number, pool=pool, usd_per_hour=0.0, instance_type="m8g.4xlarge")
        for number, pool in enumerate(regions)
    ]
    arguments = ("--config", str(tmp_path / "slipway.yaml"), "--json")
    _, out, _ = told(tmp_path, capsys, *arguments, usage=usage)
    report = json.loads(out)
    assert report["instances_usd"] == "6.000000000"
    whose = "list prices of ap-northeast-1, as of 2026-11-20 and of us-west-2, as of 2026-11-21"
    assert report["notes"][0].startswith(f"{whose}, where an instance's launch recorded no other")
    gone: list[Usage] = [an_instance(pool="gone", usd_per_hour=0.0, instance_type="m8g.4xlarge")]
    _, out, _ = told(tmp_path, capsys, *arguments, usage=gone)
    assert json.loads(out) == {"error": "no price is known of m8g.4xlarge: add --price m8g.4xlarge=USD"}


def test_a_price_that_is_named_wins_and_whose_prices_these_are_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usage: list[Usage] = [an_instance()]
    _, out, err = told(tmp_path, capsys, usage=usage)
    assert "list prices of us-east-1, as of 2026-07-20" in err
    _, out, _ = told(tmp_path, capsys, "--price", "m7i.2xlarge=5", "--json", usage=usage)
    report = json.loads(out)
    assert report["instances_usd"] == "5.000000000"
    assert report["notes"][0].endswith("named: m7i.2xlarge 5 USD an hour")


def test_a_range_that_is_half_recorded_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = told(tmp_path, capsys, "--from", "2026-11-01", "--to", "2026-12-01")
    assert status == 0
    assert "recorded only since 2026-11-26 00:16 UTC" in err


def test_a_file_that_is_no_usage_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "usage.jsonl"
    write_lines(file, a_morning())
    file.write_text(file.read_text("utf-8") + '{"kind":"cow"}\n', "utf-8")
    with pytest.raises(UsageFileError, match=r"usage\.jsonl:6: is not a usage line"):
        list(read_lines(file))


def test_a_line_given_twice_counts_once() -> None:
    assert Lines.of([*a_morning(), *reversed(a_morning())]) == Lines.of(a_morning())


def test_targets_need_a_configuration_that_has_some(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    example = Path(__file__).parents[3] / "docs" / "examples" / "getting-started.yaml"
    status, out, err = told(tmp_path, capsys, "--slo", "--config", str(example))
    assert (status, out) == (1, "")
    assert "has a target: give it slo.p90_wait" in err


def test_targets_are_judged_by_the_configuration_and_a_miss_is_the_exit_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    example = Path(__file__).parents[3] / "docs" / "examples" / "getting-started.yaml"
    told_by = tmp_path / "slipway.yaml"
    text = example.read_text("utf-8")
    [profile] = [line for line in text.splitlines() if line.startswith("  ") and line.strip() == "medium:"]
    for seconds, wanted in (("30s", 0), ("10s", 1)):
        told_by.write_text(text.replace(profile, f"{profile}\n    slo: {{p90_wait: {seconds}}}"), "utf-8")
        slow = [a_job(number, workflow=f"w{number}") for number in range(1, 4)]
        status, out, _ = told(
            tmp_path, capsys, "--slo", "--config", str(told_by), "--format", "json", usage=[*slow]
        )
        everybody = json.loads(out)["targets"][0]
        assert (status, everybody["organization"], everybody["p90_wait_seconds"]) == (wanted, "*", 20.0)


def test_a_configuration_with_faults_is_told_with_each_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faulty = tmp_path / "slipway.yaml"
    faulty.write_text("githubb: {}\n", "utf-8")
    status, _, err = told(tmp_path, capsys, "--slo", "--config", str(faulty))
    assert status == 1
    assert "githubb" in err
