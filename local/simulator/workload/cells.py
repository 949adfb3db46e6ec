"""The values of a trace's cells, each read from its text; a ValueError says what was wanted instead."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from local.configuration.faults import printable

# Not float() alone: it takes 1_000, nan and the digits of every script.
_NUMBER: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_NO_NUMBERS: Final = re.compile(r"[+-]?(inf|infinity|nan)", re.ASCII | re.IGNORECASE)
_LOGIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)
_LONGEST_LABEL: Final = 256
#: A time beyond a year is a date or another unit: epoch seconds, milliseconds.
_LONGEST_SECONDS: Final = 366 * 86_400.0


@dataclass(frozen=True, slots=True)
class RepositoryName:
    """A repository as a trace names it: with or without its owner."""

    name: str
    owner: str | None = None


def seconds_from_start(text: str) -> float:
    """Read when a job was queued: seconds from the trace's start."""
    return _seconds(text, "seconds from the trace's start")


def duration(text: str) -> float:
    """Read how long a job runs, in seconds."""
    return _seconds(text, "seconds")


def _seconds(text: str, what: str) -> float:
    wanted = f"wanted {what}, such as 90 or 12.5"
    if not text:
        raise ValueError(f"is empty: {wanted}")
    if _NO_NUMBERS.fullmatch(text):
        raise ValueError(f"'{printable(text)}' is not a finite number: {wanted}")
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"'{printable(text)}' is not a number: {wanted}")
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"'{printable(text)}' is not a finite number: {wanted}")
    if number < 0:
        raise ValueError(f"{printable(text)} is negative: {wanted}")
    if number > _LONGEST_SECONDS:
        raise ValueError(f"{printable(text)} is more than a year: {wanted}, neither a date nor milliseconds")
    return abs(number)  # -0 is 0


def login(text: str) -> str:
    """Read the login of an organization."""
    if not text:
        raise ValueError("is empty: wanted the login of an organization, such as acme-web")
    if not _LOGIN.fullmatch(text):
        raise ValueError(f"'{printable(text)}' is not the login of an organization, such as acme-web")
    return text


def repository(text: str) -> RepositoryName:
    """Read ``NAME`` or ``OWNER/NAME``."""
    wanted = "wanted NAME or OWNER/NAME, such as shop or acme-web/shop"
    if not text:
        raise ValueError(f"is empty: {wanted}")
    owner, slash, name = text.rpartition("/")
    if not _NAME.fullmatch(name) or (slash and not _LOGIN.fullmatch(owner)):
        raise ValueError(f"'{printable(text)}' is not a repository: {wanted}")
    return RepositoryName(name, owner if slash else None)


def labels(text: str) -> tuple[str, ...]:
    """Read labels separated by ``;``."""
    wanted = "wanted labels separated by ;, such as self-hosted;linux;small"
    names = tuple(name.strip() for name in text.split(";"))
    if names == ("",):
        raise ValueError(f"is empty: {wanted}")
    for name in names:
        if not name:
            raise ValueError(f"'{printable(text)}' has an empty label: {wanted}")
        if not name.isprintable() or len(name) > _LONGEST_LABEL:
            raise ValueError(f"'{printable(name)}' is not a label: {wanted}")
    return names
