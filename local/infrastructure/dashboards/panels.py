"""What is on the dashboards: each panel with the question that it answers, for CloudWatch and Grafana alike. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from local.infrastructure.dashboards.series import Series

SECONDS, PERCENT, COUNT = "seconds", "percent", "count"


@dataclass(frozen=True, slots=True)
class MetricPanel:
    """Lines over time. ``has_targets``: the waits that profiles promise are drawn into it."""

    title: str
    question: str
    series: tuple[Series, ...]
    unit: str = COUNT
    is_stacked: bool = False
    has_targets: bool = False
    width: int = 8
    height: int = 7


@dataclass(frozen=True, slots=True)
class LogPanel:
    """A query over log lines of functions: a table, or stacked areas over time."""

    title: str
    question: str
    query: str
    functions: tuple[str, ...] = ("scaler",)
    is_table: bool = True
    width: int = 12
    height: int = 8


@dataclass(frozen=True, slots=True)
class WeekPanel:
    """Weekday by hour: of the jobs queued, or of how long they waited."""

    title: str
    question: str
    of: Literal["demand", "wait"]
    width: int = 12
    height: int = 11


@dataclass(frozen=True, slots=True)
class TextPanel:
    """Words."""

    title: str
    markdown: str
    width: int = 6
    height: int = 8


@dataclass(frozen=True, slots=True)
class AlarmsPanel:
    """The states of the deployment's alarms, which CloudWatch alone can show."""

    title: str
    question: str
    width: int = 24
    height: int = 6


Panel = MetricPanel | LogPanel | WeekPanel | TextPanel | AlarmsPanel


@dataclass(frozen=True, slots=True)
class Section:
    """Panels on one subject."""

    title: str
    about: str
    panels: tuple[Panel, ...]
