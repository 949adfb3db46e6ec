"""Queries over the functions' log lines, as Logs Insights takes them [CW-INSIGHTS]. Pure."""

from __future__ import annotations

from local.infrastructure.dashboards.log_lines import CONVERGED, JOB_COMPLETED, JOB_STARTED
from slipway.domain.phases import PHASES
from slipway.domain.reasons import Why

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY, _HOUR = 86_400_000, 3_600_000
_THURSDAY = 3  # 1970-01-01, where milliseconds are counted from


def phases() -> str:
    """Return what jobs waited for, a column a phase, by the hour."""
    columns = ", ".join(f"avg({phase}_seconds) as {phase}" for phase in PHASES)
    return f"{_lines(JOB_STARTED)} | stats {columns} by bin(1h)"


def usage(by: str, most: int) -> str:
    """Return the minutes and jobs of those who used most."""
    return (
        f"{_lines(JOB_COMPLETED)} | stats sum(execution_seconds / 60) as minutes, count(*) as jobs by {by}"
        f" | sort minutes desc | limit {most}"
    )


def demand_by_hour(utc_offset_hours: str = "0") -> str:
    """Return jobs queued by weekday (0 is Monday) and hour, one row each."""
    return f"{_when(utc_offset_hours)} | stats count(*) as jobs by hour, weekday | sort hour asc, weekday asc"


def wait_by_hour(utc_offset_hours: str = "0") -> str:
    """Return the wait's p90 by weekday (0 is Monday) and hour, one row each."""
    return (
        f"{_when(utc_offset_hours)} | stats pct(queue_seconds, 90) as p90 by hour, weekday"
        " | sort hour asc, weekday asc"
    )


def demand_of_the_week() -> str:
    """Return jobs queued as a table: an hour a row, a weekday a column. Logs Insights has no pivot of its own."""
    # One where it is that day, zero elsewhere.
    is_day = ", ".join(
        f"1 - least(1, abs(weekday - {number})) as is_{day}" for number, day in enumerate(WEEKDAYS)
    )
    columns = ", ".join(f"sum(is_{day}) as {day}" for day in WEEKDAYS)
    return f"{_when('0')} | fields {is_day} | stats {columns} by hour | sort hour asc"


def worst_hours(most: int) -> str:
    """Return the hours of the week in which jobs waited longest."""
    return (
        f"{_when('0')} | stats pct(queue_seconds, 90) as p90, count(*) as jobs by weekday, hour"
        f" | sort p90 desc | limit {most}"
    )


def reasons_now() -> str:
    """Return each pool's last word on why jobs wait."""
    return (
        rf'{_lines(CONVERGED)} | parse @message /"waiting":\s*\{{(?<reasons>[^}}]*)\}}/'
        " | sort @timestamp desc | dedup pool | display @timestamp, pool, reasons"
    )


def reasons() -> str:
    """Return the most jobs of one pool that waited at once, a column a reason."""
    columns = ", ".join(f"max(waiting.{why}) as {why}" for why in Why)
    return f"{_lines(CONVERGED)} | stats {columns} by bin(5m)"


def errors(most: int) -> str:
    """Return the last errors, with the function's log that has them."""
    return (
        'filter level = "ERROR" or level = "CRITICAL" or @message like /Task timed out|Runtime exited/'
        f" | fields @timestamp, @log, @message | sort @timestamp desc | limit {most}"
    )


def _lines(message: str) -> str:
    return f'filter message = "{message}"'


def _when(utc_offset_hours: str) -> str:
    """Return the start of a query by weekday and hour: those in which a job was queued."""
    queued = f"toMillis(@timestamp) - queue_seconds * 1000 + {utc_offset_hours} * {_HOUR}"
    return (
        f"{_lines(JOB_STARTED)} | fields {queued} as queued, queue_seconds"
        f" | fields (floor(queued / {_DAY}) + {_THURSDAY}) % 7 as weekday,"
        f" floor((queued % {_DAY}) / {_HOUR}) as hour"
    )
