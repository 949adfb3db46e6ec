"""Traces: jobs in a CSV file, one a line, read with all of its faults at once, and written.

The columns may stand in any order; labels are separated by ``;``, a repository is ``NAME`` or ``OWNER/NAME``.
Times are seconds from the trace's start.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from local.configuration.check import LocatedFault
from local.configuration.faults import nearest, printable
from local.simulator.bad_input import BadInputError
from local.simulator.workload import cells
from local.simulator.workload.jobs import SimulatedJob, Workload

COLUMNS: Final = ("queued_at_seconds", "organization", "repository", "labels", "duration_seconds")
#: A Monday, 00:00 UTC: traces begin there unless told otherwise. In winter, so that no clock changes in the week.
STARTS_AT: Final = datetime(2026, 1, 5, tzinfo=UTC).timestamp()

_WHOLE_FILE: Final = "(file)"
_READERS: Final[dict[str, Callable[[str], object]]] = {
    "queued_at_seconds": cells.seconds_from_start,
    "organization": cells.login,
    "repository": cells.repository,
    "labels": cells.labels,
    "duration_seconds": cells.duration,
}


class TraceError(BadInputError):
    """A trace that cannot be used, with all of its faults: file, line, column and what to write instead."""


def read_trace(file: Path, starts_at: float = STARTS_AT) -> Workload:
    """Read a trace as a workload that starts at ``starts_at`` (epoch seconds); TraceError tells every fault."""
    try:
        content = file.read_bytes()
    except OSError as fault:
        raise TraceError([f"{file}: cannot be read: {fault.strerror}"]) from fault
    try:
        text = content.decode("utf-8-sig")  # spreadsheets write a byte order mark
    except UnicodeDecodeError as fault:
        line = fault.object[: fault.start].count(b"\n") + 1
        raise TraceError([f"{file}:{line}: is not UTF-8 text: save it as UTF-8"]) from fault
    reading = _Reading(text)
    if reading.faults:
        raise TraceError([fault.sentence(str(file)) for fault in reading.faults])
    jobs = sorted(reading.jobs, key=lambda job: job.queued_at_seconds)  # stable: a tie keeps the file's order
    return Workload(file.name, starts_at, tuple(jobs))


class _Reading:
    """One pass over a trace's text: its jobs, and its faults in the order of the file."""

    def __init__(self, text: str) -> None:
        self.faults: list[LocatedFault] = []
        self.jobs: list[SimulatedJob] = []
        records = self._records(text)
        header = next(records, None)
        if header is None:
            if not self.faults:  # else its quoting is what is wrong
                self._fault(None, _WHOLE_FILE, f"the file is empty: wanted a first line {','.join(COLUMNS)}")
            return
        place = self._places(*header)
        width = len(header[1])
        is_empty = True
        for line, record in records:
            is_empty = False
            self._row(line, record, place, width)
        if is_empty and not self.faults:
            self._fault(
                None, _WHOLE_FILE, "has no jobs: wanted a line for each below the names of the columns"
            )

    def _records(self, text: str) -> Iterator[tuple[int, list[str]]]:
        """Yield records with the line on which each begins; what cannot be split ends the reading."""
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        while True:
            line = reader.line_num + 1
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error as fault:
                # Where quotes do not pair, no later line can be told from a value.
                cure = 'quote a whole value ("…") and double the quotes in it'
                self._fault(line, _WHOLE_FILE, f"wrong quoting ({printable(str(fault))}): {cure}")
                return
            if record:
                yield line, record

    def _places(self, line: int, header: list[str]) -> dict[str, int]:
        """Return where each known column stands, and note what is wrong with the header."""
        places: dict[str, int] = {}
        meant: set[str] = set()
        for index, cell in enumerate(header):
            name = cell.strip()
            if name in places:
                self._fault(line, name, "the column is given twice: keep one of them")
            elif name in COLUMNS:
                places[name] = index
            else:
                near = nearest(name, [column for column in COLUMNS if column not in header])
                meant.update([near] if near else [])
                message = f"no column is called so: wanted {','.join(COLUMNS)}"
                self._fault(line, printable(name) or "(empty)", message, near)
        for column in COLUMNS:
            if column not in places and column not in meant:
                self._fault(line, column, f"the column is missing: wanted {','.join(COLUMNS)}")
        return places

    def _row(self, line: int, record: list[str], places: dict[str, int], width: int) -> None:
        if len(record) > width:
            cure = "quote a value that holds a comma, and separate labels by ;"
            self._fault(line, _WHOLE_FILE, f"has {len(record)} values for {width} columns: {cure}")
            return
        values: dict[str, object] = {}
        for column, index in places.items():
            if index >= len(record):
                self._fault(line, column, f"the value is missing: the line ends after {len(record)}")
                continue
            try:
                values[column] = _READERS[column](record[index].strip())
            except ValueError as fault:
                self._fault(line, column, str(fault))
        job = self._job(line, values)
        if job:
            self.jobs.append(job)

    def _job(self, line: int, values: dict[str, object]) -> SimulatedJob | None:
        """Return the job of values that were all read; a repository's owner is the organization."""
        queued_at, organization, names, labels, duration = (values.get(column) for column in COLUMNS)
        if isinstance(names, cells.RepositoryName) and isinstance(organization, str):
            owner = names.owner
            if owner is not None and owner.lower() != organization.lower():
                message = (
                    f"the owner '{owner}' is not the organization '{organization}': write one login in both"
                )
                self._fault(line, "repository", message)
                return None
            if isinstance(queued_at, float) and isinstance(labels, tuple) and isinstance(duration, float):
                return SimulatedJob(queued_at, organization, names.name, labels, duration)
        return None

    def _fault(self, line: int | None, place: str, message: str, near: str | None = None) -> None:
        self.faults.append(LocatedFault(place, line, message, near))
