"""Metrics in the lines of a function's log, as CloudWatch reads them [LAMBDA-EMF]."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from slipway import telemetry


@dataclass(frozen=True, slots=True)
class Told:
    """Values of one metric under one set of dimensions."""

    name: str
    unit: str
    dimensions: dict[str, str]
    values: list[float]

    @property
    def by(self) -> str:
        """The dimension besides the function's; empty where there is none."""
        return "".join(self.dimensions.keys() - {telemetry.FUNCTION})


def told_to_cloudwatch(lines: Iterable[Mapping[str, Any]]) -> Iterator[Told]:
    """Yield what the lines tell, in their order."""
    for line in lines:
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
            assert directive["Namespace"] == telemetry.NAMESPACE
            (names,) = directive["Dimensions"]
            for metric in directive["Metrics"]:
                dimensions = {name: line[name] for name in names}
                yield Told(metric["Name"], metric["Unit"], dimensions, line[metric["Name"]])


def values_told(lines: Iterable[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Return the values of each metric, of all its dimensions."""
    found: dict[str, list[float]] = {}
    for told in told_to_cloudwatch(lines):
        found.setdefault(told.name, []).extend(told.values)
    return found
