"""The CloudWatch dashboard of a deployment [CW-DASHBOARD]. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.infrastructure.dashboards import queries
from local.infrastructure.dashboards.content import Content
from local.infrastructure.dashboards.layout import COLUMNS, Place, below, flow
from local.infrastructure.dashboards.panels import (
    AlarmsPanel,
    LogPanel,
    MetricPanel,
    Panel,
    Section,
    TextPanel,
    WeekPanel,
)
from local.infrastructure.dashboards.series import Series, Stat
from local.infrastructure.places import Places, named
from slipway.domain.configuration import Configuration

MAX_ALARMS = 100  # of one widget [CW-DASHBOARD]
_HEADING_HEIGHT = 2
_WORST_HOURS = 24

Widget = dict[str, Any]


def dashboard(
    configuration: Configuration, places: Places, alarms: Iterable[str], functions: Sequence[str]
) -> dict[str, Any]:
    """Return the body of a deployment's dashboard.

    Args:
        configuration: of a valid ``slipway.yaml``.
        places: what only a deployment knows, or its placeholders.
        alarms: names of the deployment's alarms, without its own.
        functions: those that are deployed.
    """
    made = _Widgets(
        configuration.deployment,
        places.claim_region,
        _targets(configuration),
        [
            places.arn("cloudwatch", f"alarm:{named(configuration.deployment, alarm)}")
            for alarm in sorted(alarms)
        ],
    )
    sections = Content(configuration.deployment, functions).sections()
    return {"start": "-P7D", "periodOverride": "auto", "widgets": list(made.of(sections))}


def _targets(configuration: Configuration) -> list[dict[str, Any]]:
    """Return a line for each wait that profiles promise, with their names."""
    promised: dict[int, list[str]] = defaultdict(list)
    for name, profile in sorted(configuration.profiles.items()):
        if profile.wait_target:
            promised[profile.wait_target.p90_wait_seconds].append(name)
    return [
        {"label": f"slo of {', '.join(names)}", "value": seconds}
        for seconds, names in sorted(promised.items())
    ]


@dataclass(frozen=True, slots=True)
class _Widgets:
    deployment: str
    region: str
    targets: Sequence[Mapping[str, Any]]
    alarms: Sequence[str]

    def of(self, sections: Iterable[Section]) -> Iterator[Widget]:
        top = 0
        for section in sections:
            heading = {"markdown": f"## {section.title}\n{section.about}", "background": "transparent"}
            yield _at(Place(0, top, COLUMNS, _HEADING_HEIGHT), {"type": "text", "properties": heading})
            top += _HEADING_HEIGHT
            made = [widget for panel in section.panels for widget in self._of_panel(panel)]
            places = list(flow([size for size, _ in made], top))
            for place, (_, widget) in zip(places, made, strict=True):
                yield _at(place, widget)
            top = below(places, top)

    def _of_panel(self, panel: Panel) -> Iterator[tuple[tuple[int, int], Widget]]:
        size = (panel.width, panel.height)
        match panel:
            case MetricPanel():
                yield size, {"type": "metric", "properties": self._metrics(panel)}
            case LogPanel():
                yield size, {"type": "log", "properties": self._log(panel)}
            case WeekPanel():
                yield size, {"type": "log", "properties": self._log(_week(panel))}
            case TextPanel():
                yield size, {"type": "text", "properties": {"markdown": panel.markdown}}
            case AlarmsPanel():
                for first in range(0, len(self.alarms), MAX_ALARMS):
                    some = list(self.alarms[first : first + MAX_ALARMS])
                    title = panel.title if not first else f"{panel.title}, from {first + 1}"
                    yield size, {"type": "alarm", "properties": {"title": title, "alarms": some}}

    def _metrics(self, panel: MetricPanel) -> dict[str, Any]:
        made: dict[str, Any] = {
            "title": panel.title,
            "region": self.region,
            "view": "timeSeries",
            "stacked": panel.is_stacked,
            "period": 300,
            "metrics": [_series(series, number) for number, series in enumerate(panel.series, 1)],
            "yAxis": {"left": {"min": 0, "label": panel.unit, "showUnits": False}},
        }
        if panel.has_targets and self.targets:
            made["annotations"] = {"horizontal": [dict(target) for target in self.targets]}
        return made

    def _log(self, panel: LogPanel) -> dict[str, Any]:
        groups = [f"SOURCE '/aws/lambda/{named(self.deployment, name)}'" for name in panel.functions]
        made: dict[str, Any] = {
            "title": panel.title,
            "region": self.region,
            "view": "table" if panel.is_table else "timeSeries",
            "query": " | ".join([*groups, panel.query]),
        }
        return made if panel.is_table else {**made, "stacked": True}


def _week(panel: WeekPanel) -> LogPanel:
    """Return what CloudWatch can do of a week by weekday and hour: a table, for it draws no heatmap."""
    query, title = (
        (queries.demand_of_the_week(), f"{panel.title} by hour (UTC) and weekday: jobs queued")
        if panel.of == "demand"
        else (
            queries.worst_hours(_WORST_HOURS),
            f"{panel.title}: the week's worst hours (UTC; weekday 0 is Monday)",
        )
    )
    return LogPanel(title, panel.question, query, width=panel.width, height=panel.height)


def _series(series: Series, number: int) -> list[Any]:
    if isinstance(series, Stat):
        dimensions = [word for pair in series.dimensions for word in pair]
        return [
            series.namespace,
            series.metric,
            *dimensions,
            {"stat": series.statistic, "label": series.label},
        ]
    return [{"expression": series.text, "label": series.label, "id": f"e{number}"}]


def _at(place: Place, widget: Widget) -> Widget:
    return {
        "type": widget["type"],
        "x": place.x,
        "y": place.y,
        "width": place.width,
        "height": place.height,
        "properties": widget["properties"],
    }
