"""`slipway simulate`: what it prints, and what it says of bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from local.catalogue.file import catalogue_text, read_catalogue, shipped
from local.simulator.configuration import CONFIGURATION
from local.simulator.outcome import Outcome
from local.simulator.policies import registry
from local.simulator.policies.policy import Task
from local.slipway_cli.main import main
from tests.support.snapshot_files import ROOT

HEADER = "queued_at_seconds,organization,repository,labels,duration_seconds\n"
LINES = [f"{60 * number},acme,one,self-hosted;linux;x64;medium,120\n" for number in range(4)]
SUMMARY_KEYS = (
    "policy seed jobs completed wait_seconds own_seconds wait_by_organization instance_hours cost_usd "
    "idle_fraction github_calls aws_calls violations"
).split()
BASELINES = registry.NAMES[4:]
SLOW = {"pydantic", "pydantic_core", "rich", "yaml", "boto3", "httpx", "difflib"}
HELP = """
import contextlib, io, json, sys
from local.slipway_cli.main import main
out = io.StringIO()
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(out):
    main(sys.argv[1:])
print(json.dumps({"text": out.getvalue(), "modules": sorted(sys.modules)}))
"""


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    file = tmp_path / "trace.csv"
    file.write_text(HEADER + "".join(LINES), "utf-8")
    return file


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Run the command; the exit status, stdout and stderr."""
    try:
        status = main(["simulate", *map(str, arguments)])
    except SystemExit as ended:
        status = int(ended.code or 0)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_json_of_one_policy_is_one_object_with_exactly_the_agreed_keys(
    trace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, "--trace", trace, "--policy", "ecs-managed-scaling", "--seed", 7, "--json")
    assert status == 0
    (line,) = out.splitlines()
    summary: dict[str, Any] = json.loads(line)
    assert list(summary) == SUMMARY_KEYS
    assert (summary["policy"], summary["seed"], summary["jobs"], summary["completed"]) == (
        "ecs-managed-scaling", 7, 4, 4,
    )  # fmt: skip
    assert "ecs-managed-scaling: 100 % of 4 jobs" in err


def test_compare_runs_every_policy_in_order_on_one_seed(
    trace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[tuple[str, int]] = []

    def policy_of(name: str) -> Any:
        def empty(task: Task) -> Outcome:
            seeds.append((name, task.seed))
            return Outcome(name, task.seed, (), (), ())

        return empty

    monkeypatch.setattr(registry, "policy", policy_of)
    status, out, _ = run(capsys, "--trace", trace, "--compare", "--seed", 3, "--json")
    compared = json.loads(out)
    assert status == 0
    assert (list(compared), compared["seed"]) == (["scenario", "seed", "policies"], 3)
    assert [summary["policy"] for summary in compared["policies"]] == list(registry.NAMES)
    same = ("slipway-without-standby", "slipway-without-stopped")  # the simulator's own file has neither tier
    assert seeds == [(name, 3) for name in registry.NAMES if name not in same]


@pytest.mark.parametrize("name", registry.NAMES)
def test_every_policy_of_the_registry_is_there(name: str) -> None:
    assert callable(registry.policy(name))


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_runs_a_scenario_and_says_its_own_name(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = run(capsys, "--scenario", "cold-start", "--policy", name, "--json")
    summary = json.loads(out)
    assert (status, summary["policy"]) == (0, name)
    assert summary["completed"] == summary["jobs"] > 0


def test_without_json_there_is_a_table(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "--trace", trace, "--policy", "clairvoyant")
    assert status == 0
    assert out.splitlines()[2].split()[:2] == ["clairvoyant", "4/4"]
    assert out.splitlines()[-1].startswith("$: list prices of us-east-1, as of 20")


@pytest.fixture
def own_list(tmp_path: Path) -> Path:
    """Return the simulator's file with a catalogue of its region, whose types cost a tenth and one of which is new."""
    document = yaml.safe_load(CONFIGURATION.read_text("utf-8"))
    region = document["pools"]["general"]["region"]
    rows = [
        replace(
            entry, region=region, on_demand_usd_per_hour=entry.on_demand_usd_per_hour / 10, as_of="2026-11-20"
        )
        for entry in shipped().entries()
    ]
    newer = next(row for row in rows if row.name == "m7i.4xlarge")
    rows.append(replace(newer, name="zz9.4xlarge", on_demand_usd_per_hour=0.01))
    (tmp_path / "prices.csv").write_text(catalogue_text(rows), "utf-8")
    document["catalogue"] = "prices.csv"
    document["pools"]["general"]["instance_types"].append("zz9.4xlarge")
    (tmp_path / "slipway.yaml").write_text(yaml.safe_dump(document), "utf-8")
    return tmp_path / "slipway.yaml"


@pytest.mark.parametrize("policy", ["slipway", "instance-per-job"])
def test_a_catalogue_of_ones_own_has_the_prices_and_the_table_says_whose(
    policy: str, trace: Path, own_list: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, usual, _ = run(capsys, "--trace", trace, "--policy", policy, "--json")
    status, out, _ = run(capsys, "--trace", trace, "--policy", policy, "--config", own_list, "--json")
    own = json.loads(out)
    assert (status, own["completed"]) == (0, 4)
    assert 0 < own["cost_usd"] < json.loads(usual)["cost_usd"] / 5
    _, out, _ = run(capsys, "--trace", trace, "--policy", policy, "--config", own_list)
    assert out.splitlines()[-1] == "$: list prices of ap-northeast-1, as of 2026-11-20"


def test_hosts_have_the_size_of_the_catalogue_also_where_their_name_says_another(
    trace: Path, own_list: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A c5n.4xlarge has 42 GiB, where others of c have 32 [EC2-TYPE-SIZES]: as large a job runs on it."""
    (tokyo,) = read_catalogue(own_list.with_name("prices.csv")).lists.values()
    wide = replace(tokyo.entries["c6i.4xlarge"], name="c5n.4xlarge", memory_mib=42 * 1_024)
    own_list.with_name("prices.csv").write_text(catalogue_text([wide]), "utf-8")
    document = yaml.safe_load(own_list.read_text("utf-8"))
    for pool in document["pools"].values():
        pool["instance_types"] = ["c5n.4xlarge"]
    for profile in document["profiles"].values():
        profile.update(cpu=8, memory="36GiB", bounds=None)
    own_list.write_text(yaml.safe_dump(document), "utf-8")
    status, out, _ = run(capsys, "--trace", trace, "--config", own_list, "--json")
    assert (status, json.loads(out)["completed"]) == (0, 4)


def test_jobs_that_no_profile_serves_are_counted_on_stderr(
    trace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace.write_text(HEADER + "".join(LINES) + "9,acme,one,ubuntu-latest,5\n", "utf-8")
    status, out, err = run(capsys, "--trace", trace, "--policy", "clairvoyant", "--json")
    assert (status, json.loads(out)["jobs"]) == (0, 4)
    assert "left out, for no profile serves their labels: 1 jobs" in err


def test_jobs_none_of_which_is_served_are_a_fault(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace.write_text(f"{HEADER}9,acme,one,ubuntu-latest,5\n", "utf-8")
    status, out, err = run(capsys, "--trace", trace, "--policy", "clairvoyant")
    assert (status, out.count("no profile serves any") + err.count("no profile serves any")) == (1, 1)


def test_what_is_no_ordinary_file_is_not_replaced_by_one(
    tmp_path: Path, trace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "plot.svg"
    os.mkfifo(place)
    status, _, err = run(capsys, "--trace", trace, "--plot", place)
    assert status == 1
    assert f"{place}: cannot be written: it is no ordinary file" in err
    assert place.is_fifo()


def test_a_drawing_is_written_whole_and_the_same_each_time(
    trace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawings = []
    for name in ("a.svg", "b.svg"):
        assert (
            run(capsys, "--trace", trace, "--policy", "instance-per-job", "--plot", tmp_path / name)[0] == 0
        )
        drawings.append((tmp_path / name).read_bytes())
    assert drawings[0] == drawings[1]
    ET.fromstring(drawings[0])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.svg", "b.svg", "trace.csv"]


def test_a_drawing_that_fails_leaves_the_old_one_alone(
    trace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / "taken.svg"
    taken.mkdir()
    status, out, _ = run(capsys, "--trace", trace, "--policy", "clairvoyant", "--plot", taken)
    assert status == 1
    assert "cannot be written" in out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taken.svg", "trace.csv"]
    status, out, _ = run(capsys, "--trace", trace, "--plot", tmp_path / "none" / "a.svg")
    assert status == 1
    assert "there is no folder" in out


@pytest.mark.parametrize("option", ["--usage", "--record", "--plot"])
def test_a_file_that_cannot_be_written_is_told_before_anything_runs(
    option: str, trace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace.write_text(f"{HEADER}9,acme,one,ubuntu-latest,5\n", "utf-8")  # a run would tell of it
    status, out, err = run(capsys, "--trace", trace, option, tmp_path / "none" / "file", "--json")
    assert (status, err) == (1, "")
    assert "there is no folder" in json.loads(out)["faults"][0]


def test_an_unknown_policy_names_the_nearest_and_all(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, "--trace", trace, "--policy", "ecs-managed-scalling")
    assert status == 2
    assert "did you mean 'ecs-managed-scaling'?" in err
    assert all(name in err for name in registry.NAMES)


def test_an_unknown_scenario_names_the_nearest_and_all(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, "--scenario", "working-weak")
    assert status == 2
    assert "did you mean 'working-week'?" in err
    assert "cold-start" in err


@pytest.mark.parametrize("seed", ["one", "-1", "1.5", "", "٣", "9" * 30])
def test_a_seed_that_is_no_number_is_wrong_usage(
    seed: str, trace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = run(capsys, "--trace", trace, f"--seed={seed}")
    assert status == 2
    assert "is not a whole number" in err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--scenario", "cold-start", "--trace", "a.csv"],
        ["--scenario", "cold-start", "--policy", "clairvoyant", "--compare"],
        ["--scenario", "cold-start", "--jobs-per-day", "0"],
        ["--scenario", "cold-start", "--jobs-per-day", "20"],
        ["--trace", "a.csv", "--jobs-per-day", "5"],
        ["--scen", "cold-start"],
    ],
)
def test_wrong_usage_exits_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, *arguments)
    assert status == 2
    assert "usage: slipway simulate" in err


def test_a_broken_trace_exits_1_with_line_and_column_and_runs_nothing(
    trace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace.write_text(HEADER + "0,acme,one,self-hosted,soon\n", "utf-8")
    status, out, err = run(capsys, "--trace", trace)
    assert status == 1
    assert f"{trace}:2" in out
    assert "duration_seconds" in out
    assert err == ""
    status, out, _ = run(capsys, "--trace", trace, "--json")
    answer = json.loads(out)
    assert (status, answer["valid"], len(answer["faults"])) == (1, False, 1)


def test_a_broken_configuration_or_latency_file_exits_1_with_its_faults(
    trace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("plase: {p50: 1, p95: 2}\n", "utf-8")
    for option in ("--config", "--latencies"):
        status, out, _ = run(capsys, "--trace", trace, option, broken)
        assert status == 1
        assert str(broken) in out
        assert "plase" in out


def test_own_latencies_are_used(trace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "own.yaml"
    phases = ("webhook_delay", "listener_session", "job_assignment")
    own.write_text("".join(f"{phase}: {{exactly: 2}}\n" for phase in phases), "utf-8")
    _, out, _ = run(capsys, "--trace", trace, "--latencies", own, "--policy", "clairvoyant", "--json")
    assert json.loads(out)["wait_seconds"]["max"] == 6.0


def test_pools_of_bottlerocket_boot_as_bottlerocket_does(
    trace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.yaml"
    phases = {"running_to_registered": 200, "running_to_registered_bottlerocket": 20}
    own.write_text("".join(f"{phase}: {{exactly: {of}}}\n" for phase, of in phases.items()), "utf-8")
    text = (ROOT / "docs/examples/getting-started.yaml").read_text("utf-8")
    alone = text.replace("    cpu: 2\n", "    cpu: 2\n    isolation: instance\n")
    waits = {}
    for system in ("al2023", "bottlerocket"):
        (file := tmp_path / f"{system}.yaml").write_text(
            alone.replace("    max_instances", f"    operating_system: {system}\n    max_instances"), "utf-8"
        )
        options = ("--config", file, "--latencies", own, "--starts-at", 0, "--lasts", 0.01)
        status, out, _ = run(capsys, "--trace", trace, *options, "--json")
        assert status == 0, out
        waits[system] = json.loads(out)["wait_seconds"]["p50"]
    assert waits["al2023"] - waits["bottlerocket"] == pytest.approx(180, abs=20)


def test_a_window_runs_its_jobs_alone(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The trace's four jobs are queued at 0, 1, 2 and 3 minutes."""
    window = ("--starts-at", 1 / 60, "--lasts", 0.03)
    status, out, _ = run(capsys, "--trace", trace, *window, "--policy", "clairvoyant", "--json")
    assert (status, json.loads(out)["jobs"]) == (0, 2)


def test_a_scenario_is_made_for_its_window_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """A day of ten million jobs takes minutes to make, and its quiet minute none."""
    options = ("--jobs-per-day", 10_000_000, "--starts-at", 20, "--lasts", 0.001)
    status, out, _ = run(capsys, "--scenario", "working-day", *options, "--policy", "clairvoyant", "--json")
    assert status == 0
    assert 0 < json.loads(out)["jobs"] < 2_000


@pytest.mark.parametrize(
    ("window", "cure"),
    [
        (("--starts-at", 1), "--starts-at 1: trace.csv has 1 hours; begin before they end"),
        (("--starts-at", 0.5, "--lasts", 1), "write 0.5 or less, or leave it out"),
        (("--lasts", 0), "write 1 for an hour, or 0.25 for a quarter"),
        (("--starts-at", 0.5), "choose others with --starts-at and --lasts"),
    ],
)
def test_a_window_that_shows_nothing_names_its_cure(
    window: tuple[object, ...], cure: str, trace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = run(capsys, "--trace", trace, *window, "--json")
    (fault,) = json.loads(out)["faults"]
    assert (status, cure in fault) == (1, True), fault


@pytest.mark.parametrize("hours", ["soon", "-1", "nan", "inf", ""])
def test_hours_that_are_no_number_are_wrong_usage(
    hours: str, trace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for option in ("--starts-at", "--lasts"):
        status, _, err = run(capsys, "--trace", trace, f"{option}={hours}")
        assert (status, "is not a number of hours: write 5, or 0.25 for a quarter" in err) == (2, True)


def test_help_is_quick() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HELP, "simulate", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    assert "--compare" in answer["text"]
    assert not SLOW & set(answer["modules"])
