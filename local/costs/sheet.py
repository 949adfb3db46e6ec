"""The cost sheet: what was used times what it costs, by service. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from local.costs.prices import Price

HOURS_A_MONTH = 730
LOGS = "CloudWatch Logs"
Used = dict[str, float]
"""How much was used, by the key of its price: ``{"write_unit": 12.0}``."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a sheet."""

    service: str
    what: str
    quantity: float
    usd: float


def lines(used: Mapping[str, float], prices: Mapping[str, Price], factor: float = 1.0) -> list[Line]:
    """Return what the used costs, ``factor`` times over, dearest first."""
    made = [
        Line(
            prices[key].service,
            prices[key].what,
            quantity * factor,
            quantity * factor * prices[key].usd,
        )
        for key, quantity in used.items()
        if quantity
    ]
    return sorted(made, key=lambda line: (-line.usd, line.service, line.what))


def total(made: Iterable[Line]) -> float:
    """Add up a sheet."""
    return sum(line.usd for line in made)


def by_service(made: Iterable[Line]) -> dict[str, float]:
    """Add up a sheet's lines by service, dearest first."""
    sums: dict[str, float] = {}
    for line in made:
        sums[line.service] = sums.get(line.service, 0.0) + line.usd
    return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))


def without_logs(made: Iterable[Line]) -> list[Line]:
    """Return a sheet without what logs cost."""
    return [line for line in made if line.service != LOGS]


def less(used: Mapping[str, float], idle: Mapping[str, float]) -> Used:
    """Return what is used beyond what would have been used anyway."""
    return {key: max(0.0, quantity - idle.get(key, 0.0)) for key, quantity in used.items()}


def standing(description: Mapping[str, Any]) -> Used:
    """Return what a deployment has by the month, from its description: nothing of it depends on jobs."""
    return {
        "secret_month": len(description["secrets"]),
        "alarm_month": len(description["alarms"]),
        "dashboard_month": 1 if description["dashboard"] else 0,
    }


def told_at_most(description: Mapping[str, Any]) -> Used:
    """Return the custom metrics that alarms look at. CloudWatch bills the hours in which one is written, and ours are
    written only where they are not zero."""
    metrics = {
        (alarm["metric"], *sorted(alarm["dimensions"].items()))
        for alarm in description["alarms"].values()
        if alarm["namespace"] == "Slipway"
    }
    return {"metric_month": len(metrics)}
