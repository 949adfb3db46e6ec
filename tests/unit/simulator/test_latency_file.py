"""A user's own latency file replaces the phases it names, or every one of its faults is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.simulator.latency_file import LatencyFileError, read_latencies
from local.twin.latency import LATENCIES, Duration, LatencyModel, Lognormal, Phase, Uniform, exactly


def faults_of(tmp_path: Path, text: str | bytes) -> list[str]:
    file = tmp_path / "own.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(LatencyFileError) as raised:
        read_latencies(file)
    assert all(fault.startswith(str(file)) for fault in raised.value.faults)
    return [fault.removeprefix(str(file)) for fault in raised.value.faults]


def test_the_documented_file_is_itself_one_that_a_user_could_hand_in() -> None:
    assert read_latencies(LATENCIES) == LatencyModel.modelled()


def test_a_partial_file_replaces_the_phases_it_names_and_no_others(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(
        "place: {p50: 1, p95: 2}\n"
        "shutdown: {between: [3, 4.5]}\n"
        "image_pull: {exactly: 7, basis: measured, source: our account, about: a pull}\n"
    )
    changed: dict[Phase, Duration] = {
        Phase.PLACE: Lognormal(1.0, 2.0),
        Phase.SHUTDOWN: Uniform(3.0, 4.5),
        Phase.IMAGE_PULL: exactly(7.0),
    }
    assert read_latencies(file) == LatencyModel.modelled().replacing(changed)


ONE_FAULT = {
    "unknown phase": ("plase: {p50: 1, p95: 2}", ":1: plase: no phase is called so; did you mean 'place'?"),
    "unknown phase near none": ("xyzzy: {p50: 1, p95: 2}", ":1: xyzzy: no phase is called so"),
    "unknown key": (
        "place: {p50: 1, p95: 2, sorce: us}",
        ":1: place.sorce: unknown key; did you mean 'source'?",
    ),
    "unknown key instead of a form": (
        "place: {betwen: [1, 2]}",
        ":1: place.betwen: unknown key; did you mean 'between'?",
    ),
    "p95 below p50": (
        "place:\n  p50: 3\n  p95: 2",
        ":3: place.p95: 2 is below the p50 of 3; the 95th percentile is the longer one",
    ),
    "median of 0": ("place: {p50: 0, p95: 2}", ":1: place.p50: a median of 0 leaves no spread"),
    "negative": ("place: {p50: -1, p95: 2}", ":1: place.p50: -1 is negative"),
    "negative end": ("place: {between: [-1, 2]}", ":1: place.between[0]: -1 is negative"),
    "word": ("place: {exactly: soon}", ":1: place.exactly: soon is not a number of seconds"),
    "truth value": ("place: {exactly: yes}", ":1: place.exactly: True is not a number of seconds"),
    "not a number": ("place: {exactly: .nan}", ":1: place.exactly: nan is not a number of seconds"),
    "infinite": ("place: {p50: 1, p95: .inf}", ":1: place.p95: inf is not a number of seconds"),
    "nothing": ("place: {exactly: }", ":1: place.exactly: None is not a number of seconds"),
    "another unit": ("place: {exactly: 400000}", ":1: place.exactly: 400000 is longer than a day"),
    "longer than any number": (f"place: {{exactly: 1{'0' * 400}}}", ":1: place.exactly: 1000"),
    "half a span": ("place: {between: [1]}", ":1: place.between: [1] is no span"),
    "span the wrong way round": ("place: {between: [2, 1]}", ":1: place.between: 1 is below 2"),
    "two forms": ("place: {p50: 1, p95: 2, exactly: 1}", ":1: place: wanted p50 and p95, or between"),
    "half a form": ("place: {p50: 1}", ":1: place: wanted p50 and p95, or between"),
    "no form": ("place: {basis: measured}", ":1: place: wanted p50 and p95, or between"),
    "no mapping": ("place: 3", ":1: place: 3 is no duration: wanted p50 and p95"),
    "unknown basis": (
        "place: {exactly: 3, basis: mesured}",
        ":1: place.basis: 'mesured' is not one of documented, measured, estimated; did you mean 'measured'?",
    ),
    "basis that is no word": ("place: {exactly: 3, basis: [a]}", ":1: place.basis: "),
    "source that is no sentence": ("place: {exactly: 3, source: [a]}", ":1: place.source: "),
    "given twice": ("place: {exactly: 3}\nplace: {exactly: 4}", ":2: place: 'place' is given twice"),
    "a list": ("- place", ":1: (file): wanted phases"),
    "empty": ("", ": (file): the file is empty"),
    "no phases": ("{}", ":1: (file): wanted phases"),
    "not YAML": ("place: {", ":1: (file): not YAML"),
    "not UTF-8": (b"place: {exactly: 3} # \xff", ": is not UTF-8 text"),
}


@pytest.mark.parametrize(("text", "wanted"), ONE_FAULT.values(), ids=ONE_FAULT)
def test_a_fault_names_its_line_and_phase_and_what_to_write(
    tmp_path: Path, text: str | bytes, wanted: str
) -> None:
    (fault,) = faults_of(tmp_path, text)
    assert fault.startswith(wanted)


def test_every_fault_is_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    faults = faults_of(
        tmp_path, "plase: {exactly: 1}\nplace: {p50: x, p95: -1}\nshutdown: {exactly: 1, a: b}"
    )
    assert [fault.split(": ")[0] for fault in faults] == [":1", ":2", ":2", ":3"]


def test_a_file_that_is_not_there_is_a_fault_too(tmp_path: Path) -> None:
    with pytest.raises(LatencyFileError, match=r"none\.yaml: cannot be read: No such file"):
        read_latencies(tmp_path / "none.yaml")
