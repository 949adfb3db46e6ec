"""`slipway config render`: what the infrastructure trees deploy, as files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from local.slipway_cli.main import main

ROOT = Path(__file__).parents[3]
EXAMPLE = str(ROOT / "docs" / "examples" / "docker.yaml")


def test_a_file_for_each_profile_and_each_pool_is_written_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "render", EXAMPLE, "--out", str(tmp_path / "out")]) == 0
    wanted = {
        "task-definitions/standard.json",
        "task-definitions/docker.json",
        "task-definitions/emulator.json",
        "roles/shared.json",
        "roles/machines.json",
        "user-data/shared.txt",
        "user-data/machines.txt",
    }
    found = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.*")}
    assert found >= wanted
    assert {Path(line) for line in capsys.readouterr().out.splitlines()} >= {
        tmp_path / "out" / name for name in wanted
    }


def test_what_is_not_known_yet_stays_a_placeholder_and_what_is_given_is_filled_in(tmp_path: Path) -> None:
    main(["config", "render", EXAMPLE, "--out", str(tmp_path)])
    text = (tmp_path / "task-definitions" / "docker.json").read_text("utf-8")
    for known in ("role/slipway-shared-task-eu-west-1", "${account_id}", "${claim_url}", "${claim_region}"):
        assert known in text
    assert "${claim_api_id}" in (tmp_path / "roles" / "shared.json").read_text("utf-8")
    assert "${webhook_api_id}" in (tmp_path / "deployment.json").read_text("utf-8")
    given = [
        "--account-id",
        "111122223333",
        "--claim-url",
        "https://c.example",
        "--region",
        "eu-west-1",
    ]
    given += ["--claim-api-id", "abc", "--webhook-api-id", "def"]
    main(["config", "render", EXAMPLE, "--out", str(tmp_path), *given])
    for path in tmp_path.rglob("*.json"):
        # What CloudWatch puts into a label, like ${PROP('Dim.pool')}, is no placeholder.
        assert not re.search(r"\$\{\w+\}", path.read_text("utf-8")), path


def test_json_lists_what_was_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "render", EXAMPLE, "--out", str(tmp_path), "--json"]) == 0
    written = json.loads(capsys.readouterr().out)["written"]
    assert str(tmp_path / "roles" / "shared.json") in written


def test_a_faulty_file_renders_nothing_and_says_every_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faulty = str(ROOT / "tests" / "fixtures" / "config" / "six-faults.yaml")
    assert main(["config", "render", faulty, "--out", str(tmp_path / "out")]) == 1
    assert not (tmp_path / "out").exists()
    assert len(capsys.readouterr().err.splitlines()) == 6


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["config", "render", EXAMPLE, "--out", str(tmp_path / "file")]) == 1
    assert "cannot be written" in capsys.readouterr().err
