"""What the labels of a job say: an ordinary label set, or one label that carries size and run."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from slipway.domain.resources import CPU_UNITS_PER_VCPU

MAX_LABELS = 100  # runners carry 1 to 100 labels [GH-JIT-SCHEMA]
MAX_LABEL_LENGTH = 256
# A runner must have a label [GH-JIT-SCHEMA]: that of a job without any is one which no other job asks for.
UNLABELLED = "slipway-unlabelled"
# Printable, no space: what can be typed in runs-on.
_LABEL = re.compile(rf"[!-~]{{1,{MAX_LABEL_LENGTH}}}", re.ASCII)
_SIZED_PREFIX = "slipway/"
_PROFILE = re.compile(r"[a-z0-9][a-z0-9_-]{0,19}", re.ASCII)
_CPU = re.compile(r"[0-9]{1,4}", re.ASCII)
_MEMORY = re.compile(r"([0-9]{1,4})(gib|mib)", re.ASCII)
_RUN = re.compile(r"([0-9]{1,20})-([0-9]{1,4})", re.ASCII)


class UnreadableLabelsError(ValueError):
    """Labels that Slipway refuses to interpret; the message says which and why."""


@dataclass(frozen=True, slots=True)
class SizedLabel:
    """The parts of ``slipway/PROFILE/cpu=N/memory=NGiB/run=ID-ATTEMPT``; absent parts are None."""

    profile: str
    cpu_units: int | None = None
    memory_mib: int | None = None
    run: tuple[int, int] | None = None


def canonical(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the labels lower-case, sorted, each once.

    Labels are case-insensitive at GitHub [GH-LABELS-CASE]. Only printable ASCII is read, so that
    lowering cannot merge two labels which GitHub tells apart ("ß" folds to "ss").

    Raises:
        UnreadableLabelsError: more than 100 labels, or one that is not 1 to 256 printable ASCII characters.
    """
    if len(labels) > MAX_LABELS:
        raise UnreadableLabelsError(f"{len(labels)} labels, at most {MAX_LABELS} are read")
    for label in labels:
        if not _LABEL.fullmatch(label):
            raise UnreadableLabelsError(f"a label is not 1 to {MAX_LABEL_LENGTH} printable ASCII characters")
    return tuple(sorted({label.lower() for label in labels}))


def label_set_key(labels: Sequence[str]) -> str:
    """Return a short stable key of a label set: equal sets, equal keys, whatever case or order."""
    return _key_of(canonical(labels))


# An enterprise has a few dozen label sets, and each job's is asked for at every event.
@lru_cache(maxsize=1_000)
def _key_of(names: tuple[str, ...]) -> str:
    text = json.dumps(names, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:20]


def sized_label(labels: Sequence[str]) -> SizedLabel | None:
    """Read the one-label form; ``None`` when the labels are an ordinary set.

    Raises:
        UnreadableLabelsError: the label starts like ours but breaks the grammar, or has company.
    """
    names = canonical(labels)
    ours = [name for name in names if name.startswith(_SIZED_PREFIX)]
    if not ours:
        return None
    if len(names) > 1:
        raise UnreadableLabelsError("a slipway/… label must be the only label of its job")
    return _parse_sized(ours[0])


def _parse_sized(label: str) -> SizedLabel:
    _, profile, *parts = label.split("/")
    if not _PROFILE.fullmatch(profile):
        raise UnreadableLabelsError("slipway/PROFILE: the profile's name is not readable")
    values: dict[str, str] = {}
    for part in parts:
        name, separator, value = part.partition("=")
        if not separator or name not in ("cpu", "memory", "run"):
            raise UnreadableLabelsError("slipway/PROFILE/… takes cpu=, memory= and run= only")
        if name in values:
            raise UnreadableLabelsError(f"{name}= is given twice")
        values[name] = value
    return SizedLabel(
        profile,
        cpu_units=_cpu_units(values.get("cpu")),
        memory_mib=_memory_mib(values.get("memory")),
        run=_run(values.get("run")),
    )


def _cpu_units(text: str | None) -> int | None:
    if text is None:
        return None
    if not _CPU.fullmatch(text) or int(text) == 0:
        raise UnreadableLabelsError("cpu= takes a whole number of vCPU, 1 to 9999")
    return int(text) * CPU_UNITS_PER_VCPU


def _memory_mib(text: str | None) -> int | None:
    if text is None:
        return None
    match = _MEMORY.fullmatch(text)
    if not match or int(match[1]) == 0:
        raise UnreadableLabelsError("memory= takes a whole number with GiB or MiB, such as 14GiB")
    return int(match[1]) * (1024 if match[2] == "gib" else 1)


def _run(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    match = _RUN.fullmatch(text)
    if not match:
        raise UnreadableLabelsError("run= takes ${{ github.run_id }}-${{ github.run_attempt }}")
    return int(match[1]), int(match[2])
