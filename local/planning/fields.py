"""The kinds of value that a snapshot file is made of, beside those of a configuration."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from local.configuration.faults import printable
from local.configuration.fields import PositiveCount, text

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_FIRST_YEAR, _LAST_YEAR = 2000, 2100


def moment(value: object) -> datetime:
    """Read an ISO 8601 time with its offset; YAML has made a time of it already where it is not quoted."""
    read = value if isinstance(value, datetime) else None
    if isinstance(value, str) and _TIME.fullmatch(value):
        try:
            read = datetime.fromisoformat(value)
        except ValueError:
            read = None
    if read is None or read.tzinfo is None:
        shown = value.isoformat() if isinstance(value, datetime) else printable(value)
        raise ValueError(f"'{shown}' is not a time with its offset such as 2026-07-20T09:00:00+09:00")
    if not _FIRST_YEAR <= read.year < _LAST_YEAR:
        raise ValueError(f"'{read.isoformat()}' is not in the years {_FIRST_YEAR} to {_LAST_YEAR - 1}")
    return read


Time = Annotated[datetime, BeforeValidator(moment), WithJsonSchema({"type": "string", "format": "date-time"})]
Number = Annotated[int, Field(ge=1, le=10**18)]
Amount = Annotated[int, Field(ge=-(10**9), le=10**9)]  # nothing and less than nothing are in form
TaskId = text(r"[0-9a-f]{32}", "a task id: 32 of 0-9 a-f")
InstanceId = text(r"i-[A-Za-z0-9-]{1,40}", "an instance id (i-…)")
Token = text(r"[A-Za-z0-9._:/+=-]{1,64}", "a token: 1 to 64 of A-Z a-z 0-9 . _ : / + = -")
MarketName = Literal["spot", "on-demand"]
Pair = Annotated[list[str], Field(min_length=2, max_length=2)]  # an instance type and a subnet
LoadOf = dict[str, PositiveCount]
