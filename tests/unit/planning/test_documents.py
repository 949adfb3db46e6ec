"""Files that cannot be read, or are not what they should be: a fault at its line, never an exception."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local.planning.check import read_files
from tests.support.snapshot_files import (
    EXAMPLE,
    a_file,
    a_host,
    a_queued_job,
    a_task,
    faults_of,
    reading_of,
    written,
)


def test_a_line_is_the_one_on_which_the_value_stands(tmp_path: Path) -> None:
    text = json.dumps(a_file(jobs=[a_queued_job(1), a_queued_job(2, id="two")]), indent=1)
    (fault,) = faults_of(tmp_path, text)
    assert fault.line is not None
    assert '"id": "two"' in text.splitlines()[fault.line - 1]


def test_a_key_that_is_given_twice_is_a_fault_at_the_second_place(tmp_path: Path) -> None:
    text = json.dumps(a_file(), indent=1).replace('"pool"', '"pool": "alone",\n"p\\u006fol"')
    (fault,) = faults_of(tmp_path, text)
    assert (fault.path, fault.message, fault.line) == ("pool", "'pool' is given twice", 4)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ('{"pool": "general",}', "not JSON"),
        ('{"now": NaN}', "NaN is not a number"),
        ('{"now": ' + "9" * 5_000 + "}", "not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"pool": "\\ud800"}', "half of a surrogate pair"),
        ('{"\\uDC00": 1}', "half of a surrogate pair"),
        ("[]", "mapping of keys"),
        ("null", "mapping of keys"),
        ('"general"', "mapping of keys"),
    ],
    ids=[
        "empty",
        "cut off",
        "comma too much",
        "NaN",
        "endless number",
        "too deep",
        "half",
        "half key",
        "list",
        "null",
        "text",
    ],
)
def test_what_is_not_json_or_no_object_is_one_fault_of_the_file(
    text: str, words: str, tmp_path: Path
) -> None:
    (fault,) = faults_of(tmp_path, text)
    assert fault.path == "(file)"
    assert words in fault.message


def test_broken_json_is_reported_at_its_line(tmp_path: Path) -> None:
    (fault,) = faults_of(tmp_path, '{"pool": "general",\n\n "now" "x"}')
    assert fault.line == 3


def test_broken_yaml_is_called_yaml(tmp_path: Path) -> None:
    (fault,) = faults_of(tmp_path, "pool: [", "snapshot.yaml")
    assert "not YAML" in fault.message


def test_a_file_that_is_not_there_or_not_text_is_a_fault(tmp_path: Path) -> None:
    binary = tmp_path / "binary.json"
    binary.write_bytes(b"\xff\xfe\x00{")
    for path, words in [
        (tmp_path / "none.json", "cannot be read"),
        (tmp_path, "cannot be read"),
        (binary, "not UTF-8"),
    ]:
        (fault,) = read_files(path, EXAMPLE).faults
        assert (fault.file, fault.fault.path) == (str(path), "(file)")
        assert words in fault.fault.message


def test_faults_of_the_configuration_are_reported_with_those_of_the_snapshot(tmp_path: Path) -> None:
    config = tmp_path / "slipway.yaml"
    config.write_text(EXAMPLE.read_text("utf-8").replace("market: spot", "market: spott"), "utf-8")
    reading = reading_of(tmp_path, a_file(configuration="slipway.yaml", control="paus"))
    assert reading.situation is None
    assert [(Path(fault.file).name, fault.fault.path) for fault in reading.faults] == [
        ("snapshot.json", "control"),
        ("slipway.yaml", "pools.general.market"),
    ]


def test_a_configuration_that_is_not_there_is_a_fault_of_that_file(tmp_path: Path) -> None:
    (fault,) = reading_of(tmp_path, a_file(configuration="none.yaml")).faults
    assert (fault.file, fault.fault.path) == (str(tmp_path / "none.yaml"), "(file)")


def test_hostile_text_is_never_printed_raw(tmp_path: Path) -> None:
    hostile = "\x1b[31m\nsnapshot.json: valid"
    body = a_file(
        **{hostile: 1},
        pool=hostile,
        jobs=[a_queued_job(repository=hostile)],
        runners=[a_task(profile=hostile, instance=hostile)],
        instances=[a_host(type=hostile)],
    )
    path = written(tmp_path, json.dumps(body))
    faults = read_files(path, None).faults
    assert len(faults) == 6
    assert all(fault.fault.sentence("snapshot.json").isprintable() for fault in faults)
