"""A user's own latency file: the form of ``local/twin/latencies.yaml``, as few of its phases as are known.

It replaces the phases that it names. ``basis``, ``source`` and ``about`` may be left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from local.configuration.check import located
from local.configuration.document import parse
from local.configuration.faults import Fault, nearest, printable
from local.simulator.bad_input import BadInputError
from local.twin.latency import LatencyModel, Phase, duration_of

BASES: Final = ("documented", "measured", "estimated")
_FORMS: Final = ("p50", "p95", "between", "exactly")
_WORDS: Final = ("basis", "source", "about")
_FORM_WANTED: Final = "wanted p50 and p95, or between: [SHORTEST, LONGEST], or exactly, in seconds"
#: Nothing in the model takes longer; a figure beyond it was meant in another unit.
_LONGEST_SECONDS: Final = 86_400.0


class LatencyFileError(BadInputError):
    """A latency file that cannot be used, with all of its faults."""


def read_latencies(file: Path | None) -> LatencyModel:
    """Read a user's latency file over the documented model; None: there is none.

    Raises LatencyFileError with every fault: what the file is called, line, phase and what to write instead.
    """
    if file is None:
        return LatencyModel.modelled()
    try:
        text = file.read_text("utf-8")
    except OSError as fault:
        raise LatencyFileError([f"{file}: cannot be read: {fault.strerror}"]) from fault
    except UnicodeDecodeError as fault:
        raise LatencyFileError([f"{file}: is not UTF-8 text"]) from fault
    document = parse(text)
    faults = [*document.faults]
    if not (document.value is None and faults):
        faults += _faults(document.value)
    if faults:
        raise LatencyFileError([fault.sentence(str(file)) for fault in located(faults, document)])
    entries: Mapping[str, Any] = document.value
    return LatencyModel.modelled().replacing(
        {Phase(name): duration_of(entry) for name, entry in entries.items()}
    )


def _faults(value: Any) -> Iterator[Fault]:
    if not isinstance(value, dict) or not value:
        yield Fault((), "wanted phases, each with its duration, such as 'place: {p50: 0.4, p95: 1.5}'")
        return
    phases = [phase.value for phase in Phase]
    for name, entry in value.items():
        if name not in phases:
            yield Fault((name,), "no phase is called so", nearest(name, phases))
        else:
            yield from _entry_faults(name, entry)


def _entry_faults(name: str, entry: Any) -> Iterator[Fault]:
    if not isinstance(entry, dict):
        yield Fault((name,), f"{printable(entry)} is no duration: {_FORM_WANTED}")
        return
    keys = (*_FORMS, *_WORDS)
    unknown = [key for key in entry if key not in keys]
    for key in unknown:
        yield Fault((name, key), "unknown key", nearest(key, keys))
    if (basis := entry.get("basis")) is not None and basis not in BASES:
        known = nearest(basis, BASES)
        yield Fault((name, "basis"), f"'{printable(basis)}' is not one of {', '.join(BASES)}", known)
    for word in ("source", "about"):
        if word in entry and not isinstance(entry[word], str):
            yield Fault((name, word), f"{printable(entry[word])} is not a sentence")
    form = [key for key in _FORMS if key in entry]
    if form == ["p50", "p95"]:
        yield from _lognormal_faults(name, entry)
    elif form == ["between"]:
        yield from _between_faults(name, entry["between"])
    elif form == ["exactly"]:
        yield from _number_faults((name, "exactly"), entry["exactly"])
    elif not unknown or form:
        yield Fault((name,), _FORM_WANTED)


def _lognormal_faults(name: str, entry: Mapping[str, Any]) -> Iterator[Fault]:
    faults = [fault for key in ("p50", "p95") for fault in _number_faults((name, key), entry[key])]
    yield from faults
    if faults:
        return
    p50, p95 = entry["p50"], entry["p95"]
    if p95 < p50:
        yield Fault((name, "p95"), f"{p95} is below the p50 of {p50}; the 95th percentile is the longer one")
    elif p50 == 0 and p95 > 0:
        yield Fault((name, "p50"), "a median of 0 leaves no spread: wanted a small figure, or exactly: 0")


def _between_faults(name: str, pair: Any) -> Iterator[Fault]:
    path = (name, "between")
    if not isinstance(pair, list) or len(pair) != 2:
        yield Fault(path, f"{printable(pair)} is no span: wanted [SHORTEST, LONGEST] in seconds")
        return
    faults = [fault for index, end in enumerate(pair) for fault in _number_faults((*path, index), end)]
    yield from faults
    if not faults and pair[1] < pair[0]:
        yield Fault(path, f"{pair[1]} is below {pair[0]}: wanted [SHORTEST, LONGEST]")


def _number_faults(path: tuple[str | int, ...], value: Any) -> Iterator[Fault]:
    # A whole number can be too long to be asked whether it is finite.
    is_number = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    if isinstance(value, bool) or not is_number:
        yield Fault(path, f"{printable(value)} is not a number of seconds such as 2.5")
    elif value < 0:
        yield Fault(path, f"{printable(value)} is negative: wanted seconds from 0 on")
    elif value > _LONGEST_SECONDS:
        yield Fault(path, f"{printable(value)} is longer than a day: wanted seconds")
