"""`slipway config compile`: what is written is what the functions read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from local.configuration.check import check
from local.configuration.compilation import api_url, compile_file
from local.slipway_cli.main import main
from slipway.config import load_configuration
from slipway.domain.configuration import Docker, Isolation, Market, Registration, Schedule, WebhookSecret
from slipway.domain.resources import Resources
from tests.support.checkout import IMPORT_PATH

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.yaml"))
ENTERPRISE = ROOT / "docs" / "examples" / "slipway.yaml"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_every_example_compiles_and_loads(example: Path, tmp_path: Path) -> None:
    compiled = tmp_path / "slipway.json"
    assert main(["config", "compile", str(example), "-o", str(compiled)]) == 0
    configuration = load_configuration(compiled)
    wanted = yaml.safe_load(example.read_text("utf-8"))
    assert set(configuration.profiles) == set(wanted["profiles"])
    assert set(configuration.pools) == set(wanted["pools"])


def test_the_loaded_configuration_says_what_the_file_says(tmp_path: Path) -> None:
    compiled = tmp_path / "slipway.json"
    main(["config", "compile", str(ENTERPRISE), "-o", str(compiled)])
    configuration = load_configuration(compiled)
    hours = Schedule((0, 1, 2, 3, 4), 9 * 60, 19 * 60, "Asia/Tokyo")

    github = configuration.github
    assert (github.registration, github.runner_group) == (Registration.ENTERPRISE, None)
    assert github.webhook_secrets[1] == WebhookSecret(
        "arn:aws:secretsmanager:ap-northeast-1:111122223333:secret:slipway/webhook-labs-GhIjKl",
        ("acme-labs",),
    )
    medium = configuration.profiles["medium"]
    assert medium.size == Resources(2 * 1024, 7 * 1024)
    assert medium.bounds is not None
    assert medium.bounds.largest == Resources(8 * 1024, 28 * 1024)
    assert (medium.idle_timeout_seconds, medium.job_timeout_seconds) == (120, 21_600)
    assert medium.wait_target is not None
    assert (medium.wait_target.p90_wait_seconds, medium.wait_target.hours) == (15, hours)
    assert configuration.profiles["docker"].isolation is Isolation.INSTANCE

    general, alone = configuration.pools["general"], configuration.pools["alone"]
    assert (general.cluster, general.launch_template) == ("slipway-general", "slipway-general")
    assert general.task_role == "slipway-general-task-ap-northeast-1"
    assert general.instance_types[0].registered == Resources(16 * 1024, 62_986)
    assert general.headroom is not None
    assert general.headroom.schedule == hours
    assert (general.market, alone.market) == (Market.SPOT, Market.ON_DEMAND)
    assert (general.exclusive, alone.exclusive) == (False, True)
    assert configuration.fairness.weights == {"acme-platform": 2}


def test_what_jobs_and_hosts_get_is_compiled(tmp_path: Path) -> None:
    compiled = tmp_path / "slipway.json"
    main(["config", "compile", str(ROOT / "docs" / "examples" / "docker.yaml"), "-o", str(compiled)])
    configuration = load_configuration(compiled)
    docker = {name: (profile.docker, profile.kvm) for name, profile in configuration.profiles.items()}
    assert docker == {
        "standard": (Docker.NONE, False),
        "docker": (Docker.NESTED, False),
        "emulator": (Docker.PRIVILEGED, True),
    }
    shared, machines = configuration.pools["shared"], configuration.pools["machines"]
    assert (shared.uid_ranges, shared.registry_mirror) == ("per-container", "https://mirror.example.com")
    assert (shared.disk_quota_gib, machines.disk_quota_gib) == (50, None)
    assert (machines.uid_ranges, machines.operating_system, machines.git_cache) == ("shared", "al2023", False)


def test_names_that_github_compares_without_case_are_compiled_lower_case() -> None:
    text = ENTERPRISE.read_text("utf-8").replace("acme-platform", "Acme-Platform").replace("small]", "SMALL]")
    file = check(text).file
    assert file is not None
    body = json.loads(compile_file(file))
    assert "acme-platform" in body["github"]["allowed_organizations"]
    assert body["fairness"]["weights"] == {"acme-platform": 2}
    assert "small" in body["profiles"]["small"]["labels"]


def test_the_compiled_form_is_one_line_and_the_same_bytes_for_the_same_file() -> None:
    text = ENTERPRISE.read_text("utf-8")
    first, second = check(text).file, check(yaml.safe_dump(yaml.safe_load(text))).file
    assert first is not None
    assert second is not None
    assert compile_file(first) == compile_file(second)
    assert "\n" not in compile_file(first)


def test_a_faulty_file_compiles_to_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "slipway.json"
    faulty = ROOT / "tests" / "fixtures" / "config" / "six-faults.yaml"
    assert main(["config", "compile", str(faulty), "-o", str(out)]) == 1
    assert not out.exists()
    captured = capsys.readouterr()
    assert (captured.out, len(captured.err.splitlines())) == ("", 6)


@pytest.mark.parametrize(
    ("web", "api"),
    [
        ("https://github.com", "https://api.github.com"),
        ("https://acme.ghe.com", "https://api.acme.ghe.com"),
        ("https://ghes.example.com", "https://ghes.example.com/api/v3"),
        ("https://github.com.example.com", "https://github.com.example.com/api/v3"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/api/v3"),
    ],
)
def test_the_api_root_follows_from_the_address_of_github(web: str, api: str) -> None:
    """[GH-API-ROOT]"""
    assert api_url(web) == api


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_the_published_schema_is_valid_and_accepts_every_example(
    example: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(example.read_text("utf-8")))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("7GiB", "7GB"),
        ("market: spot", "market: spott"),
        ("pool: general", "pol: general"),
        ("2m", "2 minutes"),
    ],
)
def test_the_published_schema_refuses_what_an_editor_can_see(
    before: str, after: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["config", "schema", "--json"])
    schema = json.loads(capsys.readouterr().out)
    document = yaml.safe_load(ENTERPRISE.read_text("utf-8").replace(before, after))
    assert not jsonschema.Draft202012Validator(schema).is_valid(document)


def test_the_command_runs_as_a_process_from_any_directory(tmp_path: Path) -> None:
    (tmp_path / "local").mkdir()  # must not be mistaken for ours
    done = subprocess.run(
        [sys.executable, "-P", "-m", "local.slipway_cli", "config", "check", str(ENTERPRISE)],
        cwd=tmp_path,
        env={"PYTHONPATH": IMPORT_PATH},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
