"""Sizes, durations and schedules as an operator writes them."""

from __future__ import annotations

import functools
import re
import zoneinfo

from local.configuration.faults import nearest, quoted
from slipway.domain.configuration import Schedule
from slipway.domain.resources import CPU_UNITS_PER_VCPU

MEMORY_PATTERN = r"^[0-9]{1,7}(MiB|GiB)$"
DISK_PATTERN = r"^0*[1-9][0-9]{0,4}GiB$"
DURATION_PATTERN = r"^[0-9]{1,6}[smhd]$"
SCHEDULE_PATTERN = r"^[A-Z][a-z]{2}([,-][A-Z][a-z]{2})* [0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2} [A-Za-z0-9_+/-]+$"
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_MEMORY = re.compile(r"([0-9]{1,7})(MiB|GiB)", re.ASCII)
_DISK = re.compile(r"0*([1-9][0-9]{0,4})GiB", re.ASCII)
_DURATION = re.compile(r"([0-9]{1,6})([smhd])", re.ASCII)
_HOURS = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})", re.ASCII)
_SMALLEST_CPU_UNITS, _LARGEST_CPU_UNITS = 128, 196_608


class WordError(ValueError):
    """A word that is not one of the possible ones, with the nearest of those."""

    def __init__(self, message: str, near: str | None) -> None:
        super().__init__(message)
        self.nearest = near


def memory_mib(value: object) -> int:
    """Read ``7GiB`` or ``512MiB`` as MiB."""
    match = _MEMORY.fullmatch(value) if isinstance(value, str) else None
    if not match or int(match[1]) == 0:
        raise ValueError(f"{quoted(value)} is not an amount of memory such as 7GiB or 512MiB")
    return int(match[1]) * (1024 if match[2] == "GiB" else 1)


def disk_gib(value: object) -> int:
    """Read ``50GiB`` as GiB: hosts are told whole ones."""
    match = _DISK.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise ValueError(f"{quoted(value)} is not an amount of disk such as 50GiB (whole GiB, at least 1)")
    return int(match[1])


def duration_seconds(value: object) -> int:
    """Read ``90s``, ``2m``, ``6h`` or ``1d`` as seconds."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not match or int(match[1]) == 0:
        raise ValueError(f"{quoted(value)} is not a duration such as 90s, 2m, 6h or 1d")
    return int(match[1]) * _SECONDS[match[2]]


def cpu_units(value: object) -> int:
    """Read a number of vCPU, such as 2 or 0.5, as ECS CPU units (0.125 to 192 vCPU) [ECS-TASK-SIZE]."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{quoted(value)} is not a number of vCPU such as 2 or 0.5")  # noqa: TRY004 pydantic's contract
    units = value * CPU_UNITS_PER_VCPU
    if not _SMALLEST_CPU_UNITS <= units <= _LARGEST_CPU_UNITS or units != int(units):
        raise ValueError(f"{value} vCPU is not between 0.125 and 192 in steps of 1/1024")
    return int(units)


def schedule(value: object) -> Schedule:
    """Read ``Mon-Fri 09:00-19:00 Asia/Tokyo``: days (``Mon-Fri``, ``Sat,Sun``), hours, IANA time zone."""
    parts = value.split(" ") if isinstance(value, str) else []
    if len(parts) != 3:
        raise ValueError(f"{quoted(value)} is not a schedule such as 'Mon-Fri 09:00-19:00 Asia/Tokyo'")
    start, end = _minutes(parts[1])
    return Schedule(_weekdays(parts[0]), start, end, _timezone(parts[2]))


def _weekdays(text: str) -> tuple[int, ...]:
    days: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        start, end = _day(first), _day(last or first)
        # Fri-Mon goes over the end of the week.
        days.update((start + offset) % 7 for offset in range((end - start) % 7 + 1))
    return tuple(sorted(days))


def _day(text: str) -> int:
    if text not in _DAYS:
        raise WordError(f"{quoted(text)} is not a day ({' '.join(_DAYS)})", nearest(text, _DAYS))
    return _DAYS.index(text)


def _minutes(text: str) -> tuple[int, int]:
    match = _HOURS.fullmatch(text)
    if not match:
        raise ValueError(f"{quoted(text)} is not hours such as 09:00-19:00")
    start_hour, start_minute, end_hour, end_minute = (int(group) for group in match.groups())
    start, end = start_hour * 60 + start_minute, end_hour * 60 + end_minute
    if start_minute > 59 or end_minute > 59 or end > 24 * 60 or start >= end:
        raise ValueError(f"{quoted(text)} must begin before it ends, within one day (00:00 to 24:00)")
    return start, end


def _timezone(text: str) -> str:
    zones = _timezones()
    if text not in zones:
        raise WordError(f"{quoted(text)} is not a time zone", nearest(text, zones))
    return text


@functools.cache
def _timezones() -> frozenset[str]:
    # Finding them reads every file of the zone database.
    return frozenset(zoneinfo.available_timezones())
