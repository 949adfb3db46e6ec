"""Whether a dashboard is one that CloudWatch, or Grafana, takes and shows, by the forms that are used. Pure."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any

from local.infra_check.dashboards.words import expression_faults, query_faults, series_faults, series_of

COLUMNS, MAX_HEIGHT = 24, 1_000
MAX_WIDGETS, MAX_ALARMS = 500, 100  # [CW-DASHBOARD], [CW-DASHBOARD-QUOTAS]
Rectangle = tuple[str, int, int, int, int]

_PROPERTIES = {
    "metric": ({"title", "region", "view", "stacked", "period", "metrics", "yAxis"}, {"annotations"}),
    "log": ({"title", "region", "view", "query"}, {"stacked"}),
    "text": ({"markdown"}, {"background"}),
    "alarm": ({"title", "alarms"}, set()),
}
_ALARM = re.compile(r"arn:aws[\w-]*:cloudwatch:[^:]+:[^:]+:alarm:.+")
_SOURCES = re.compile(r"(?:SOURCE '/aws/lambda/[\w-]+' \| )+")
_GRAFANA_PANELS = {"row", "timeseries", "table", "text"}


def cloudwatch_faults(body: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the body of a CloudWatch dashboard."""
    return list(_cloudwatch_faults(body))


def _cloudwatch_faults(body: Mapping[str, Any]) -> Iterator[str]:
    widgets = body["widgets"]
    if unknown := body.keys() - {"start", "end", "periodOverride", "widgets"}:
        yield f"unknown: {sorted(unknown)}"
    if len(widgets) > MAX_WIDGETS:
        yield f"{len(widgets)} widgets"
    yield from _grid_faults(
        (_title(widget), widget["x"], widget["y"], widget["width"], widget["height"]) for widget in widgets
    )
    for widget in widgets:
        for fault in _widget_faults(widget["type"], widget["properties"]):
            yield f"{_title(widget)}: {fault}"


def _title(widget: Mapping[str, Any]) -> str:
    properties = widget["properties"]
    return str(properties.get("title") or properties.get("markdown", "").partition("\n")[0])


def _widget_faults(kind: str, properties: Mapping[str, Any]) -> Iterator[str]:
    if kind not in _PROPERTIES:
        yield f"no widget is a {kind}"
        return
    needed, allowed = _PROPERTIES[kind]
    if wrong := (needed - properties.keys()) | (properties.keys() - needed - allowed):
        yield f"missing or unknown: {sorted(wrong)}"
        return
    if kind == "metric":
        yield from _metric_faults(properties)
    elif kind == "log":
        if properties["view"] not in {"table", "timeSeries"} or not _SOURCES.match(properties["query"]):
            yield "no view, or no log group"
        yield from query_faults(properties["query"])
    elif kind == "alarm":
        alarms = properties["alarms"]
        if not 1 <= len(alarms) <= MAX_ALARMS or not all(map(_ALARM.fullmatch, alarms)):
            yield f"not 1 to {MAX_ALARMS} ARNs of alarms"


def _metric_faults(properties: Mapping[str, Any]) -> Iterator[str]:
    if properties["view"] != "timeSeries" or properties["period"] % 60:
        yield "no view, or no period"
    for line in properties.get("annotations", {}).get("horizontal", []):
        if line.keys() != {"label", "value"} or not isinstance(line["value"], int | float):
            yield f"no line: {line}"
    ids = [row[0]["id"] for row in properties["metrics"] if isinstance(row[0], dict)]
    if len(ids) > len(set(ids)) or not all(re.fullmatch(r"[a-z]\w*", name) for name in ids):
        yield f"ids {ids}"
    if not properties["metrics"]:
        yield "no metrics"
    for row in properties["metrics"]:
        yield from _row_faults(row)


def _row_faults(row: list[Any]) -> Iterator[str]:
    *words, options = row
    if not isinstance(options, dict):
        yield f"no options in {row}"
    elif not words:
        yield from expression_faults(options["expression"], options["label"])
    elif len(words) < 4 or len(words) % 2 or not all(isinstance(word, str) for word in words):
        yield f"not a namespace, a metric, and names and values of dimensions: {words}"
    else:
        namespace, metric, *pairs = words
        dimensions = dict(zip(pairs[::2], pairs[1::2], strict=True))
        yield from series_faults(namespace, metric, dimensions, options["stat"])


def series_by_widget(body: Mapping[str, Any], counts: Mapping[str, int]) -> dict[str, int]:
    """Return how many series each metric widget reads where each dimension has so many values."""
    return {
        _title(widget): sum(
            1 if len(row) > 1 else series_of(row[0]["expression"], counts)
            for row in widget["properties"]["metrics"]
        )
        for widget in body["widgets"]
        if widget["type"] == "metric"
    }


def grafana_faults(dashboard: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a Grafana dashboard."""
    return list(_grafana_faults(dashboard))


def _grafana_faults(dashboard: Mapping[str, Any]) -> Iterator[str]:
    panels = dashboard["panels"]
    for number, times in Counter(panel["id"] for panel in panels).items():
        if times > 1:
            yield f"{times} panels have the id {number}"
    yield from _grid_faults(
        (panel["title"], *(panel["gridPos"][side] for side in ("x", "y", "w", "h"))) for panel in panels
    )
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    for name in sorted(set(re.findall(r"\$\{(\w+)\}", json.dumps(dashboard))) - variables):
        yield f"no variable {name}"
    for panel in panels:
        for fault in _panel_faults(panel):
            yield f"{panel['title']}: {fault}"


def _panel_faults(panel: Mapping[str, Any]) -> Iterator[str]:
    if panel["type"] not in _GRAFANA_PANELS:
        yield f"no panel is a {panel['type']}"
    if panel["type"] in {"row", "text"}:
        return
    targets = panel["targets"]
    if not targets or len({target["refId"] for target in targets}) != len(targets):
        yield "no queries, or two of one refId"
    for target in targets:
        if target["datasource"] != panel["datasource"] or target["region"] != "${region}":
            yield f"{target['refId']} asks elsewhere"
        if target["queryMode"] == "Logs":
            if not target["logGroupNames"]:
                yield "no log group"
            yield from query_faults(target["expression"])
        elif target["expression"]:
            yield from expression_faults(target["expression"], target["label"])
        else:
            dimensions = {name: value for name, (value,) in target["dimensions"].items()}
            yield from series_faults(
                target["namespace"], target["metricName"], dimensions, target["statistic"]
            )


def _grid_faults(rectangles: Iterable[Rectangle]) -> Iterator[str]:
    kept = list(rectangles)
    for name, x, y, width, height in kept:
        if (
            x < 0
            or y < 0
            or not width >= 1
            or x + width > COLUMNS
            or not 1 <= height <= MAX_HEIGHT
        ):  # fmt: skip
            yield f"{name} is outside of the grid"
    for (one, ax, ay, aw, ah), (other, bx, by, bw, bh) in combinations(kept, 2):
        if ax < bx + bw and bx < ax + aw and ay < by + bh and by < ay + ah:
            yield f"{one} and {other} overlap"
