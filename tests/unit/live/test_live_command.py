"""`slipway live`: what it takes, and what it says of what it cannot show."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.slipway_cli.main import main


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    try:
        status = main(["live", *map(str, arguments)])
    except SystemExit as ended:
        status = int(ended.code or 0)
    return status, capsys.readouterr().err


def test_a_file_that_is_no_recording_is_refused_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "no.jsonl"
    file.write_text("{}\n", "utf-8")
    status, said = run(capsys, "--recording", file)
    assert status == 1
    assert "no.jsonl:1: this is no recording" in said


def test_a_configuration_with_faults_is_refused_with_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "slipway.yaml"
    file.write_text("pools: 3\n", "utf-8")
    status, said = run(capsys, "--config", file)
    assert status == 1
    assert "slipway.yaml:1: pools:" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--recording", "a", "--config", "b"), "not allowed with argument"),
        (("--recording", "a", "--port", "70000"), "'70000' is not a whole number from 0 to 65535"),
        (("--recording", "a", "--serve-seconds", "never"), "'never' is not a number of seconds"),
        (("--recording", "a", "--record", "b"), "a recording is one already"),
    ],
)
def test_wrong_usage_is_told(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, error = run(capsys, *arguments)
    assert status == 2
    assert said in error
