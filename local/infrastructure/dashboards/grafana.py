"""The Grafana dashboard: one for every deployment, which variables choose [GRAFANA-CLOUDWATCH]. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from local.infrastructure.dashboards import queries
from local.infrastructure.dashboards.content import Content
from local.infrastructure.dashboards.layout import COLUMNS, Place, below, flow
from local.infrastructure.dashboards.panels import (
    COUNT,
    PERCENT,
    SECONDS,
    AlarmsPanel,
    LogPanel,
    MetricPanel,
    Panel,
    Section,
    TextPanel,
    WeekPanel,
)
from local.infrastructure.dashboards.series import Expression, Series
from slipway import telemetry

DEPLOYMENT, REGION = "${deployment}", "${region}"
TARGET, UTC_OFFSET = "${target}", "${utc_offset}"
DATASOURCE = {"type": "cloudwatch", "uid": "${datasource}"}
_UNITS = {SECONDS: "s", PERCENT: "percent", COUNT: "short"}
_HOUR_MS = 3_600_000
_SEARCH, _BUILDER, _CODE = 0, 0, 1  # kinds of query and of editor, as the data source numbers them
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def dashboard() -> dict[str, Any]:
    """Return the dashboard, as Grafana imports it."""
    return {
        "uid": "slipway",
        "title": "Slipway",
        "description": "GitHub Actions runners on Amazon ECS: waits, capacity, usage and what is broken.",
        "tags": ["slipway", "github-actions"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,  # one crosshair in all panels
        "timezone": "browser",
        "time": {"from": "now-7d", "to": "now"},
        "refresh": "",  # each refresh is billed by what its queries read
        "templating": {"list": _variables()},
        "panels": list(_Panels().of(Content(DEPLOYMENT).sections())),
        "annotations": {"list": []},
        "links": [],
    }


def _variables() -> list[dict[str, Any]]:
    """Return the variables. A data source chosen here serves an import, the API and provisioning from a file alike."""
    service = {
        "refId": "deployments",
        "queryType": "dimensionValues",
        "region": REGION,
        "namespace": telemetry.NAMESPACE,
        "metricName": telemetry.JOB_QUEUE_DURATION.name,
        "dimensionKey": telemetry.FUNCTION,
        "dimensionFilters": {},
    }
    return [
        {"name": "datasource", "label": "Data source", "type": "datasource", "query": "cloudwatch"},
        {
            "name": "region",
            "label": "Home region",
            "type": "query",
            "datasource": DATASOURCE,
            "query": {"refId": "regions", "queryType": "regions"},
            "refresh": 1,
            "sort": 1,
        },
        {
            "name": "deployment",
            "label": "Deployment",
            "type": "query",
            "datasource": DATASOURCE,
            "query": service,
            "regex": f"/^(.+)-{telemetry.JOB_QUEUE_DURATION.function}$/",
            "refresh": 2,
            "sort": 1,
        },
        _typed("target", "Target of the wait's p90, seconds", "15"),
        _typed("utc_offset", "Hours ahead of UTC, for the week", "0"),
    ]


def _typed(name: str, label: str, default: str) -> dict[str, Any]:
    chosen = {"text": default, "value": default}
    return {"name": name, "label": label, "type": "textbox", "query": default, "current": chosen}


@dataclass(slots=True)
class _Panels:
    _ids: Iterator[int] = field(default_factory=lambda: count(1))

    def of(self, sections: Iterable[Section]) -> Iterator[dict[str, Any]]:
        top = 0
        for section in sections:
            row = {
                "type": "row",
                "title": f"{section.title}: {section.about}",
                "collapsed": False,
                "panels": [],
            }
            yield self._at(Place(0, top, COLUMNS, 1), row)
            # Grafana's data source shows no states of CloudWatch's alarms.
            panels = [panel for panel in section.panels if not isinstance(panel, AlarmsPanel)]
            places = list(flow([(panel.width, panel.height) for panel in panels], top + 1))
            for place, panel in zip(places, panels, strict=True):
                yield self._at(place, _panel(panel))
            top = below(places, top + 1)

    def _at(self, place: Place, panel: dict[str, Any]) -> dict[str, Any]:
        position = {"x": place.x, "y": place.y, "w": place.width, "h": place.height}
        return {"id": next(self._ids), "gridPos": position, **panel}


def _panel(panel: Panel) -> dict[str, Any]:
    match panel:
        case MetricPanel():
            return _metrics(panel)
        case LogPanel():
            return _log(panel)
        case WeekPanel():
            return _week(panel)
        case TextPanel():
            options = {"mode": "markdown", "content": panel.markdown}
            return {"type": "text", "title": panel.title, "options": options}
        case AlarmsPanel():
            raise ValueError("Grafana cannot show alarms")


def _metrics(panel: MetricPanel) -> dict[str, Any]:
    series: Sequence[Series] = panel.series
    if panel.has_targets:
        series = (*series, Expression(f"TIME_SERIES({TARGET})", "target"))
    return {
        "type": "timeseries",
        "title": panel.title,
        "description": panel.question,
        "datasource": DATASOURCE,
        "targets": [_target(one, ref_id) for one, ref_id in zip(series, _LETTERS, strict=False)],
        "fieldConfig": _over_time(_UNITS[panel.unit], is_stacked=panel.is_stacked),
        "options": _legend(),
    }


def _target(series: Series, ref_id: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "refId": ref_id,
        "datasource": DATASOURCE,
        "queryMode": "Metrics",
        "metricQueryType": _SEARCH,
        "region": REGION,
        "label": series.label,
        "period": "",
        "id": f"q{ref_id.lower()}",
    }
    if isinstance(series, Expression):
        return {**made, "metricEditorMode": _CODE, "expression": series.text}
    return {
        **made,
        "metricEditorMode": _BUILDER,
        "expression": "",
        "namespace": series.namespace,
        "metricName": series.metric,
        "dimensions": {name: [value] for name, value in series.dimensions},
        "matchExact": True,
        "statistic": series.statistic,
    }


def _log(panel: LogPanel) -> dict[str, Any]:
    made = {
        "title": panel.title,
        "description": panel.question,
        "datasource": DATASOURCE,
        "targets": [_log_target(panel.query, panel.functions)],
    }
    if panel.is_table:
        return {"type": "table", **made, "fieldConfig": {"defaults": {}, "overrides": []}, "options": {}}
    return {
        "type": "timeseries",
        **made,
        "fieldConfig": _over_time("short", is_stacked=True),
        "options": _legend(),
    }


def _log_target(query: str, functions: Iterable[str] = ("scaler",)) -> dict[str, Any]:
    return {
        "refId": "A",
        "datasource": DATASOURCE,
        "queryMode": "Logs",
        "region": REGION,
        "id": "",
        "expression": query,
        # Names, not ARNs: the account's number is not known here.
        "logGroupNames": [f"/aws/lambda/{DEPLOYMENT}-{name}" for name in functions],
        "logGroups": [],
        "statsGroups": [],
    }


def _week(panel: WeekPanel) -> dict[str, Any]:
    """Return a heatmap: a table of a weekday a row and an hour a column, coloured by value."""
    query, value = (
        (queries.demand_by_hour(UTC_OFFSET), "jobs")
        if panel.of == "demand"
        else (queries.wait_by_hour(UTC_OFFSET), "p90")
    )
    corner = "weekday\\hour"  # as Grafana calls the column of rows' names
    named = {str(number): {"text": day, "index": number} for number, day in enumerate(queries.WEEKDAYS)}
    plain = [
        {"id": "mappings", "value": [{"type": "value", "options": named}]},
        {"id": "custom.cellOptions", "value": {"type": "auto"}},
        {"id": "custom.width", "value": 60},
    ]
    return {
        "type": "table",
        "title": f"{panel.title} by weekday and hour",
        "description": panel.question,
        "datasource": DATASOURCE,
        "targets": [_log_target(query)],
        "transformations": [
            {
                "id": "groupingToMatrix",
                "options": {"rowField": "weekday", "columnField": "hour", "valueField": value},
            },
            {"id": "sortBy", "options": {"sort": [{"field": corner}]}},
        ],
        "fieldConfig": {
            "defaults": {
                "unit": "short" if panel.of == "demand" else "s",
                "decimals": 0,
                "color": {"mode": "continuous-YlRd"},
                "custom": {"cellOptions": {"type": "color-background", "mode": "basic"}, "minWidth": 30},
            },
            "overrides": [{"matcher": {"id": "byName", "options": corner}, "properties": plain}],
        },
        "options": {"cellHeight": "sm", "showHeader": True},
    }


def _over_time(unit: str, *, is_stacked: bool) -> dict[str, Any]:
    custom: dict[str, Any] = {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 40 if is_stacked else 0,
        "showPoints": "auto",
        "stacking": {"mode": "normal" if is_stacked else "none", "group": "A"},
        # What is not written was zero: no line is drawn across it.
        "spanNulls": False,
        "insertNulls": _HOUR_MS,
    }
    return {"defaults": {"unit": unit, "min": 0, "custom": custom}, "overrides": []}


def _legend() -> dict[str, Any]:
    return {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
