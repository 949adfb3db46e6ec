"""Recordings: what is written is read back, and what is damaged is told by its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local.live.frames import Frame, FrameMaker, about
from local.live.reading import Reading
from local.live.recording import Recorder, RecordingError, open_recording
from local.live.replay import history_of
from tests.builders import NOW, a_configuration, a_snapshot, several_jobs


def some_frames(count: int = 4) -> list[Frame]:
    maker = FrameMaker(a_configuration())
    return [
        maker.frame(Reading(NOW + number, (a_snapshot(now=NOW + number, jobs=several_jobs(number)),)))
        for number in range(count)
    ]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    place = tmp_path / "a.jsonl"
    with Recorder(place, about(a_configuration(), "simulation", title="of a test")) as recorder:
        for frame in some_frames():
            recorder.keep(frame)
            recorder.keep({**frame, "t": frame["t"] + 0.5})  # nothing else changed: no line
    return place


def rewritten(file: Path, number: int, text: str) -> Path:
    lines = file.read_text("utf-8").splitlines()
    lines[number - 1] = text
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return file


def changed(file: Path, number: int, **changes: Any) -> Path:
    body = json.loads(file.read_text("utf-8").splitlines()[number - 1])
    return rewritten(file, number, json.dumps({**body, **changes}))


def fault_of(file: Path) -> str:
    with pytest.raises(RecordingError) as fault:
        history_of(open_recording(file))
    return str(fault.value)


def test_what_was_recorded_is_read_back_frame_by_frame(file: Path) -> None:
    recording = open_recording(file)
    assert recording.about["title"] == "of a test"
    assert [frame for frame, _ in recording.frames()] == json.loads(json.dumps(some_frames()))
    assert len(file.read_text("utf-8").splitlines()) == 5


def test_a_line_is_there_as_soon_as_its_frame_was(tmp_path: Path) -> None:
    place = tmp_path / "a.jsonl"
    with Recorder(place, about(a_configuration(), "simulation")) as recorder:
        for number, frame in enumerate(some_frames(), start=1):
            recorder.keep(frame)
            assert history_of(open_recording(place)).last == number


def test_the_last_line_of_a_run_that_broke_off_is_left_out(file: Path) -> None:
    file.write_text(file.read_text("utf-8")[:-20], "utf-8")
    assert history_of(open_recording(file)).last == 3


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("{}", "a.jsonl:1: this is no recording: slipway simulate --record"),
        ('{"slipway_recording":2}', "a.jsonl:1: a recording of version 2; this program reads version 1"),
        ('{"slipway_recording":1}', "a.jsonl:1: it does not say what it is about"),
        ("[", "a.jsonl:1: not JSON"),
    ],
)
def test_a_file_that_is_no_recording_of_ours_is_told(file: Path, header: str, said: str) -> None:
    assert said in fault_of(rewritten(file, 1, header))


@pytest.mark.parametrize(
    ("number", "changes", "said"),
    [
        (2, {"i": None}, ":2: a whole frame is expected here, and 'i' is missing"),
        (2, {"w": {"": [1, 2]}}, ":2: 'w' of '' is not as frames have it"),
        (3, {"t": "noon"}, ":3: its time ('t') or its summary ('s') is missing"),
        (3, {"+": {"j": {"k": ["one"]}}}, ":3: 'j' of 'k' is not as frames have it"),
        (3, {"+": {"z": {}}}, ":3: what changed is of no known kind"),
        (3, {"-": {"j": [1]}}, ":3: what went of 'j' is not a list of names"),
        (3, {"t": float("nan")}, ":3: not JSON: NaN is no number"),
        (4, {"t": 1.0}, ":4: it is of a time before the line above"),
    ],
)
def test_a_damaged_line_is_told_by_its_number(
    file: Path, number: int, changes: dict[str, Any], said: str
) -> None:
    assert said in fault_of(changed(file, number, **changes))


def test_a_recording_without_a_frame_and_a_file_that_is_not_there_are_told(file: Path) -> None:
    file.write_text(file.read_text("utf-8").splitlines()[0] + "\n", "utf-8")
    assert "it has no frame" in fault_of(file)
    assert "cannot be read: No such file" in fault_of(file.with_name("none"))
    file.write_bytes(b"\xff\xfe\n")
    assert "is not UTF-8 text" in fault_of(file)
