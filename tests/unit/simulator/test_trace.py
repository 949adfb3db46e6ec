"""A trace is read as it was written, or every one of its faults is told with line, column and cure."""

from __future__ import annotations

import csv
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.simulator.workload.jobs import SimulatedJob
from local.simulator.workload.trace import COLUMNS, STARTS_AT, TraceError, read_trace

HEADER = ",".join(COLUMNS)
GOOD = "0,acme-web,shop,linux;small,60"
SECONDS = st.floats(0, 1e7, allow_nan=False, allow_subnormal=False) | st.integers(0, 10**7).map(float)
JOBS = st.builds(
    SimulatedJob,
    queued_at_seconds=SECONDS,
    organization=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}", fullmatch=True),
    repository=st.from_regex(r"[A-Za-z0-9._-]{1,100}", fullmatch=True),
    labels=st.lists(
        # Whatever can be typed in runs-on, and the commas and quotes that CSV has to keep apart.
        st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=";"), min_size=1),
        min_size=1,
        max_size=5,
    ).map(tuple),
    duration_seconds=SECONDS,
)


def write_trace(file: Path, jobs: list[SimulatedJob]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for job in jobs:
            queued_at, duration = float(job.queued_at_seconds), float(job.duration_seconds)
            writer.writerow((queued_at, job.organization, job.repository, ";".join(job.labels), duration))


@given(st.lists(JOBS, min_size=1, max_size=20))
def test_a_trace_that_was_written_is_read_as_the_same_jobs_by_time(jobs: list[SimulatedJob]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "day.csv"
        write_trace(file, jobs)
        workload = read_trace(file)
    assert list(workload.jobs) == sorted(jobs, key=lambda job: job.queued_at_seconds)


def read(tmp_path: Path, text: str | bytes) -> tuple[SimulatedJob, ...]:
    file = tmp_path / "day.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_trace(file).jobs


def faults_of(tmp_path: Path, text: str | bytes) -> list[str]:
    with pytest.raises(TraceError) as raised:
        read(tmp_path, text)
    file = str(tmp_path / "day.csv")
    assert all(fault.startswith(file) for fault in raised.value.faults)
    return [fault.removeprefix(file) for fault in raised.value.faults]


def test_a_trace_begins_on_a_monday_unless_told_otherwise(tmp_path: Path) -> None:
    file = tmp_path / "day.csv"
    file.write_text(f"{HEADER}\n{GOOD}\n")
    assert read_trace(file).starts_at == STARTS_AT
    assert datetime.fromtimestamp(STARTS_AT, UTC).strftime("%a %H:%M:%S") == "Mon 00:00:00"
    assert read_trace(file, starts_at=5.0).starts_at == 5.0
    assert read_trace(file).name == "day.csv"


JOB = SimulatedJob(0.0, "acme-web", "shop", ("linux", "small"), 60.0)
SAME_JOB = {
    "owner given": f"{HEADER}\n0,acme-web,acme-web/shop,linux;small,60",
    "owner in another case": f"{HEADER}\n0,acme-web,ACME-web/shop,linux;small,60",
    "other order": "labels,duration_seconds,repository,organization,queued_at_seconds\nlinux;small,60,shop,acme-web,0",
    "spaces": f"{HEADER.replace(',', ', ')}\n 0 , acme-web , shop , linux ; small , 60 ",
    "quoted": f'{HEADER}\n"0","acme-web","shop","linux;small","60"',
    "windows": f"{HEADER}\r\n{GOOD}\r\n",
    "empty lines": f"\n{HEADER}\n\n{GOOD}\n\n",
    "byte order mark": f"\ufeff{HEADER}\n{GOOD}\n",
    "exponent": f"{HEADER}\n-0,acme-web,shop,linux;small,6e1",
}


@pytest.mark.parametrize("text", SAME_JOB.values(), ids=SAME_JOB)
def test_a_trace_may_be_written_in_several_ways(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == (JOB,)


def test_jobs_are_sorted_by_time_and_keep_the_order_of_the_file_where_times_are_equal(tmp_path: Path) -> None:
    rows = [f"{at},acme-web,{name},small,60" for at, name in ((5, "b"), (5, "a"), (1, "c"))]
    assert [job.repository for job in read(tmp_path, "\n".join([HEADER, *rows]))] == ["c", "b", "a"]


def row(**changes: str) -> str:
    cells = dict(zip(COLUMNS, GOOD.split(","), strict=True)) | changes
    return f"{HEADER}\n{','.join(cells.values())}"


WANTED_SECONDS = "wanted seconds, such as 90 or 12.5"
ONE_FAULT: dict[str, tuple[str | bytes, str]] = {
    "empty file": ("", f": (file): the file is empty: wanted a first line {HEADER}"),
    "blank file": ("\n\n", ": (file): the file is empty"),
    "no jobs": (f"{HEADER}\n\n", ": (file): has no jobs"),
    "missing column": (
        "queued_at_seconds,organization,repository,duration_seconds\n0,acme,shop,60",
        f":1: labels: the column is missing: wanted {HEADER}",
    ),
    "unknown column": (f"{HEADER},team\n{GOOD},a", ":1: team: no column is called so"),
    "misspelt column": (
        f"{HEADER.replace('duration_', 'duratoin_')}\n{GOOD}",
        f":1: duratoin_seconds: no column is called so: wanted {HEADER}; did you mean 'duration_seconds'?",
    ),
    "column without a name": (f"{HEADER},\n{GOOD},", ":1: (empty): no column is called so"),
    "doubled column": (f"{HEADER},labels\n{GOOD},x", ":1: labels: the column is given twice"),
    "no number": (
        row(duration_seconds="soon"),
        f":2: duration_seconds: 'soon' is not a number: {WANTED_SECONDS}",
    ),
    "python's number": (row(duration_seconds="1_000"), ":2: duration_seconds: '1_000' is not a number"),
    "a date": (
        row(queued_at_seconds="2026-01-05T00:00:00Z"),
        ":2: queued_at_seconds: '2026-01-05T00:00:00Z' is not",
    ),
    "decimal comma": (row(duration_seconds='"1,5"'), ":2: duration_seconds: '1,5' is not a number"),
    "foreign digits": (row(duration_seconds="٣"), ":2: duration_seconds: '\\u0663' is not a number"),
    "epoch seconds": (
        row(queued_at_seconds="1767571200"),
        ":2: queued_at_seconds: 1767571200 is more than a year",
    ),
    "negative": (
        row(queued_at_seconds="-1"),
        ":2: queued_at_seconds: -1 is negative: wanted seconds from the trace's",
    ),
    "infinite": (row(duration_seconds="inf"), ":2: duration_seconds: 'inf' is not a finite number"),
    "too large": (row(duration_seconds="1e999"), ":2: duration_seconds: '1e999' is not a finite number"),
    "nan": (row(duration_seconds="NaN"), ":2: duration_seconds: 'NaN' is not a finite number"),
    "empty number": (row(duration_seconds=""), f":2: duration_seconds: is empty: {WANTED_SECONDS}"),
    "empty organization": (row(organization=" "), ":2: organization: is empty: wanted the login"),
    "bad organization": (row(organization="acme web"), ":2: organization: 'acme web' is not the login"),
    "empty repository": (row(repository=""), ":2: repository: is empty: wanted NAME or OWNER/NAME"),
    "bad repository": (row(repository="a/b/c"), ":2: repository: 'a/b/c' is not a repository"),
    "no owner before the slash": (row(repository="/shop"), ":2: repository: '/shop' is not a repository"),
    "other owner": (
        row(repository="acme-labs/shop"),
        ":2: repository: the owner 'acme-labs' is not the organization 'acme-web': write one login in both",
    ),
    "no labels": (row(labels=""), ":2: labels: is empty: wanted labels separated by ;"),
    "empty label": (row(labels="linux;;small"), ":2: labels: 'linux;;small' has an empty label"),
    "control character": (row(labels="lin\x1bux"), ":2: labels: 'lin\\x1bux' is not a label"),
    "long label": (row(labels="x" * 257), ":2: labels: 'xxx"),
    "missing value": (f"{HEADER}\n0,acme-web,shop,small", ":2: duration_seconds: the value is missing"),
    "labels separated by commas": (
        f"{HEADER}\n0,acme-web,shop,linux,small,60",
        ":2: (file): has 6 values for 5 columns: quote a value that holds a comma, and separate labels by ;",
    ),
    "text behind a quote": (row(labels='"linux"small'), ":2: (file): wrong quoting"),
    "open quote": (f'{HEADER}\n{GOOD}\n0,acme-web,shop,"small,60\n{GOOD}\n', ":3: (file): wrong quoting"),
    "open quote in the header": (f'"{HEADER}\n{GOOD}', ":1: (file): wrong quoting"),
    "not UTF-8": (f"{HEADER}\n{GOOD}\n".encode() + b"\xff", ":3: is not UTF-8 text: save it as UTF-8"),
}


@pytest.mark.parametrize(("text", "wanted"), ONE_FAULT.values(), ids=ONE_FAULT)
def test_a_fault_names_line_and_column_and_what_to_write(
    tmp_path: Path, text: str | bytes, wanted: str
) -> None:
    (fault,) = faults_of(tmp_path, text)
    assert fault.startswith(wanted)


def test_every_fault_is_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    rows = ["x,acme-web,,small,-1", GOOD, "0,acme-web,shop,small"]
    faults = faults_of(tmp_path, "\n".join([f"{HEADER},team", *(f"{each},t" for each in rows)]))
    assert [tuple(fault.split(": ")[:2]) for fault in faults] == [
        (":1", "team"),
        (":2", "queued_at_seconds"),
        (":2", "repository"),
        (":2", "duration_seconds"),
        (":4", "duration_seconds"),
    ]


def test_a_value_over_several_lines_does_not_shift_the_line_of_a_later_fault(tmp_path: Path) -> None:
    faults = faults_of(tmp_path, f'{HEADER}\n0,acme-web,shop,"li\nnux",60\n0,acme-web,shop,small,x')
    assert [fault[:3] for fault in faults] == [":2:", ":4:"]


def test_of_many_faults_the_first_twenty_are_shown_and_the_others_counted(tmp_path: Path) -> None:
    file = tmp_path / "day.csv"
    file.write_text("\n".join([HEADER, *["0,acme-web,shop,small,x"] * 25]))
    with pytest.raises(TraceError) as raised:
        read_trace(file)
    lines = str(raised.value).splitlines()
    assert len(raised.value.faults) == 25
    assert len(lines) == 21
    assert lines[19].startswith(f"{file}:21:")
    assert lines[20] == "… and 5 more"


def test_twenty_faults_are_shown_without_a_count(tmp_path: Path) -> None:
    file = tmp_path / "day.csv"
    file.write_text("\n".join([HEADER, *["0,acme-web,shop,small,x"] * 20]))
    with pytest.raises(TraceError) as raised:
        read_trace(file)
    assert str(raised.value).splitlines() == list(raised.value.faults)


def test_a_trace_that_is_not_there_is_a_fault_too(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"none\.csv: cannot be read: No such file"):
        read_trace(tmp_path / "none.csv")
