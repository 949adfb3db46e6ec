"""What every command has in common: its name, its refusals, where it looks when nothing is said."""

from __future__ import annotations

import argparse
import errno
import json
import tomllib
from pathlib import Path

import pytest
import yaml

from local.slipway_cli.answers import leave
from local.slipway_cli.main import main
from tests.support.repository import ROOT

EXAMPLE = ROOT / "docs" / "examples" / "getting-started.yaml"
NEEDS = {
    "explain": ["1"],
    "pause": ["general", "--yes"],
    "resume": ["general", "--yes"],
    "drain": ["general", "--yes"],
}
OF_A_DEPLOYMENT = ("status", "jobs", "runners", "instances", "explain", "pause", "resume", "drain", "report")


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    try:
        status = main([str(argument) for argument in arguments])
    except SystemExit as ended:
        status = int(ended.code or 0)
    out, err = capsys.readouterr()
    return status, out, err


def test_the_version_is_the_project_s(capsys: pytest.CaptureFixture[str]) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert run(capsys, "--version") == (0, f"slipway {version}\n", "")


@pytest.mark.parametrize(
    ("word", "hint"), [("statu", "did you mean 'status'?"), ("\x1b[31m", "there are config, build")]
)
def test_a_command_that_is_none_is_answered_with_the_nearest(
    word: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = run(capsys, word)
    assert status == 2
    assert hint in err
    assert "\x1b" not in err


@pytest.mark.parametrize("command", OF_A_DEPLOYMENT)
def test_without_a_word_the_slipway_yaml_of_this_folder_is_meant_and_a_refusal_is_json_if_asked_for(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = (command, *NEEDS.get(command, []))
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (1, "")
    assert err.startswith(f"slipway {command}: slipway.yaml: ")
    status, out, err = run(capsys, *arguments, "--json")
    assert (status, err) == (1, "")
    assert json.loads(out)["error"].startswith("slipway.yaml: ")


def test_doctor_and_live_look_at_the_slipway_yaml_of_this_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, _ = run(capsys, "doctor", "--json")
    assert (status, json.loads(out)["findings"][0]["looked_at"]) == (1, "slipway.yaml")
    status, _, err = run(capsys, "live")
    assert (status, err.startswith("slipway live: slipway.yaml")) == (1, True)


def test_what_cannot_be_written_is_json_if_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    inside = tmp_path / "file" / "x"
    for arguments in (
        ["config", "compile", EXAMPLE, "-o", inside],
        ["config", "render", EXAMPLE, "--out", inside],
    ):
        status, out, err = run(capsys, *arguments, "--json")
        assert (status, err) == (1, "")
        assert "cannot be written" in json.loads(out)["error"]


def test_an_app_that_nothing_would_use_is_refused_as_json_if_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--organization", "acme", "--webhook-url", f"https://x.example/webhook/{'a' * 16}"]
    document = yaml.safe_load(EXAMPLE.read_text("utf-8"))
    del document["github"]["secrets"]["app"]
    document["github"].pop("sweep_calls_per_hour", None)  # which needs an App
    (file := tmp_path / "slipway.yaml").write_text(yaml.safe_dump(document), "utf-8")
    status, out, _ = run(capsys, "github-app", file, *arguments, "--json")
    assert status == 1
    assert json.loads(out)["error"].endswith("names no secret, so nothing would use the App")


def test_a_report_s_json_is_its_format_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (usage := tmp_path / "usage.jsonl").touch()
    assert run(capsys, "report", "--usage", usage, "--json") == run(
        capsys, "report", "--usage", usage, "--format", "json"
    )


def test_a_file_that_turns_out_not_to_be_writable_costs_no_answer(capsys: pytest.CaptureFixture[str]) -> None:
    def full(_path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    arguments = argparse.Namespace(command="simulate", json=True)
    assert not leave(arguments, Path("usage.jsonl"), full)
    out, err = capsys.readouterr()
    assert (out, err) == ("", "slipway simulate: usage.jsonl: cannot be written: No space left on device\n")
    assert leave(arguments, None, full)
