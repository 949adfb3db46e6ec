"""Dashboards: what they show is written by somebody, they fit, and what is committed is what is made."""

from __future__ import annotations

import copy
import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from local.infra_check.dashboards.bodies import cloudwatch_faults, grafana_faults, series_by_widget
from local.infra_check.dashboards.words import SEARCH, query_faults
from local.infrastructure.alarms import alarms
from local.infrastructure.dashboards import cloudwatch, grafana, queries
from local.infrastructure.dashboards.files import FOLDER, dashboard_files
from local.infrastructure.places import Places, functions_of
from slipway import telemetry
from slipway.domain.configuration import Configuration, WaitTarget
from tests.builders import a_configuration, a_pool, a_profile

PAGE = Path(__file__).parents[3] / "docs" / "dashboards.md"
MAX_SERIES_OF_A_WIDGET, MAX_SERIES = 500, 2_500  # [CW-DASHBOARD-QUOTAS]
# No limit of a body is documented; this is a template's room for it, and far less than what was seen to work.
MAX_BODY_BYTES = 64_000
Body = dict[str, Any]


def configured(pools: int = 1, **github: Any) -> Configuration:
    names = [f"pool-{number}-of-a-large-enterprise" for number in range(pools)]
    profiles = [
        replace(a_profile(name=f"{size}-{name}", pool=name), wait_target=WaitTarget(15 + number))
        for number, name in enumerate(names)
        for size in ("small", "large")
    ]
    made = a_configuration(pools=[a_pool(name=name) for name in names], profiles=profiles)
    return replace(made, github=replace(made.github, **{"app_secret": "slipway/app", **github}))


def body_of(configuration: Configuration, places: Places | None = None) -> Body:
    places = places or Places()
    functions = functions_of(configuration, None)
    return cloudwatch.dashboard(configuration, places, alarms(configuration, places), functions)


def titled(body: Body, title: str) -> Any:
    (found,) = [
        widget["properties"] for widget in body["widgets"] if widget["properties"].get("title") == title
    ]
    return found  # fmt: skip


def test_every_metric_dimension_and_log_field_of_the_cloudwatch_dashboard_is_written_by_somebody() -> None:
    assert cloudwatch_faults(body_of(configured(3))) == []


def test_every_metric_dimension_and_log_field_of_the_grafana_dashboard_is_written_by_somebody() -> None:
    assert grafana_faults(grafana.dashboard()) == []


def test_no_metric_of_ours_is_written_that_the_dashboards_do_not_show() -> None:
    wanted = {metric.name for metric in telemetry.METRICS}
    for made in (body_of(configured()), grafana.dashboard()):
        text = json.dumps(made)
        assert {name for name in wanted if f'"{name}"' not in text.replace("\\", "")} == set()


def test_what_is_committed_is_what_is_made() -> None:
    made = dict(dashboard_files())
    assert made == {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.json")}


def test_a_large_enterprise_stays_within_cloudwatch_s_limits() -> None:
    configuration = configured(30)
    body = body_of(configuration)
    assert cloudwatch_faults(body) == []
    counts = {
        "pool": len(configuration.pools),
        "profile": len(configuration.profiles),
        "organization": 61,
    }
    series = series_by_widget(body, counts)
    assert max(series.values()) <= MAX_SERIES_OF_A_WIDGET
    assert 1_000 < sum(series.values()) <= MAX_SERIES
    assert len(json.dumps(body)) <= MAX_BODY_BYTES


def test_pools_beyond_what_one_widget_shows_have_their_alarms_in_the_next() -> None:
    configuration = configured(30)
    body = body_of(configuration, Places("111122223333", claim_region="eu-west-1"))
    shown = [widget["properties"]["alarms"] for widget in body["widgets"] if widget["type"] == "alarm"]
    assert [len(some) > 0 for some in shown] == [True, True]
    prefix = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:slipway-"
    assert {arn for some in shown for arn in some} == {
        f"{prefix}{name}" for name in alarms(configuration, Places())
    }


def test_the_wait_s_p90_has_a_line_at_each_target_with_the_profiles_that_have_it() -> None:
    made = a_configuration(
        profiles=[
            replace(a_profile(name="small"), wait_target=WaitTarget(15)),
            replace(a_profile(name="medium"), wait_target=WaitTarget(15)),
            replace(a_profile(name="large"), wait_target=WaitTarget(60)),
            replace(a_profile(name="any"), wait_target=None),
        ]
    )
    body = body_of(made)
    assert titled(body, "Wait, p90")["annotations"] == {
        "horizontal": [
            {"label": "slo of medium, small", "value": 15},
            {"label": "slo of large", "value": 60},
        ]
    }
    assert "annotations" not in titled(body, "Wait, p50")


def test_profiles_without_a_target_have_no_line() -> None:
    body = body_of(a_configuration(profiles=[replace(a_profile(), wait_target=None)]))
    assert "annotations" not in titled(body, "Wait, p90")


def test_what_a_deployment_does_not_have_is_not_shown() -> None:
    with_app, without = json.dumps(body_of(configured())), json.dumps(body_of(configured(app_secret=None)))
    assert "slipway-redelivery" in with_app
    assert "slipway-redelivery" not in without


def test_two_deployments_show_nothing_of_each_other() -> None:
    blue = json.dumps(body_of(replace(configured(), deployment="blue")))
    green = json.dumps(body_of(replace(configured(), deployment="green")))
    assert "blue-scaler" in blue
    assert "slipway-" not in blue
    assert blue.replace("blue", "green") == green


def test_money_is_no_metric() -> None:
    for made in (body_of(configured()), grafana.dashboard()):
        assert "slipway report" in json.dumps(made)
        assert "usd" not in json.dumps(made).lower()


def test_grafana_draws_the_week_as_a_heatmap() -> None:
    demand, wait = [panel for panel in grafana.dashboard()["panels"] if panel.get("transformations")]
    for panel, value in ((demand, "jobs"), (wait, "p90")):
        matrix, _ = panel["transformations"]
        assert matrix["options"] == {"rowField": "weekday", "columnField": "hour", "valueField": value}
        assert panel["fieldConfig"]["defaults"]["custom"]["cellOptions"]["type"] == "color-background"
        assert f" as {value} by hour, weekday" in panel["targets"][0]["expression"]


def test_a_grafana_panel_draws_the_target_where_cloudwatch_draws_slos() -> None:
    (panel,) = [panel for panel in grafana.dashboard()["panels"] if panel["title"] == "Wait, p90"]
    assert panel["targets"][-1]["expression"] == "TIME_SERIES(${target})"


def edited(made: Body, before: str, after: str) -> Body:
    text = json.dumps(made)
    assert before in text
    read: Body = json.loads(text.replace(before, after))
    return read


MISTAKES = {
    "a renamed metric": ('MetricName=\\"WaitingJobs\\"', 'MetricName=\\"JobsWaiting\\"', "nobody writes JobsWaiting"),
    "a dimension that it has not": (
        "{Slipway,service,pool} MetricName=\\\"Fill",
        "{Slipway,service,profile} MetricName=\\\"Fill",
        "Fill is written with ['service', 'pool'], not ['service', 'profile']",
    ),
    "a dimension forgotten": (
        "{Slipway,service,pool} MetricName=\\\"Fill", "{Slipway,service} MetricName=\\\"Fill", "not ['service']",
    ),
    "another function": ('scaler\\"', 'reaper\\"', "is written by scaler, not"),
    "no function": ('service=\\"', 'pool=\\"', "so that deployments mix"),
    "a namespace of nobody's": ("{Slipway,", "{Slipways,", "a search in Slipways"),
    "a statistic that there is not": ("'p90')", "'P90')", "no statistic P90"),
    "an expression that cannot be read": ("FILL(SUM(", "FILL(SUMS(", "cannot be read"),
    "a label of another dimension": ("PROP('Dim.pool')", "PROP('Dim.pools')", "names no dimension"),
    "a message that nobody logs": ("job completed", "job finished", "nobody logs 'job finished'"),
    "a field that the line has not": ("sum(execution_seconds /", "sum(duration /", "no field duration"),
    "a field of another line": ("queue_seconds, 90", "conclusion, 90", "no field conclusion"),
    "a phase that there is not": ("room_seconds", "place_seconds", "no field place_seconds"),
    "a reason that there is not": ("waiting.pool_limit", "waiting.pools_limit", "no field waiting.pools_limit"),
    "an object that the line has not": ('\\"waiting\\":', '\\"waits\\":', "no field waits"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("kind", ["cloudwatch", "grafana"])
def test_a_name_that_nobody_writes_is_seen(kind: str, mistake: str) -> None:
    before, after, said = MISTAKES[mistake]
    made, faults = {
        "cloudwatch": (body_of(configured()), cloudwatch_faults),
        "grafana": (grafana.dashboard(), grafana_faults),
    }[kind]
    assert [fault for fault in faults(edited(made, before, after)) if said in fault]


def changed(made: Body, change: Callable[[list[Body]], None], where: str) -> Body:
    made = copy.deepcopy(made)
    change(made[where])
    return made


def the_metrics(widgets: list[Body], title: str) -> list[Any]:
    (found,) = [one["properties"] for one in widgets if one["properties"].get("title") == title]
    rows: list[Any] = found["metrics"]
    return rows


CLOUDWATCH_MISTAKES: dict[str, tuple[Callable[[list[Body]], Any], str]] = {
    "an overlap": (lambda widgets: widgets[2].update(x=7), "overlap"),
    "a widget beyond the last column": (lambda widgets: widgets[3].update(width=9), "outside of the grid"),
    "a widget of no kind": (lambda widgets: widgets[1].update(type="graph"), "no widget is a graph"),
    "a property that is not there": (
        lambda widgets: widgets[1]["properties"].pop("region"),
        "missing or unknown: ['region']",
    ),
    "a property of nobody's": (lambda widgets: widgets[1]["properties"].update(stats="Sum"), "['stats']"),
    "a series without a value": (
        lambda widgets: the_metrics(widgets, "Functions' errors")[0].pop(3),
        "not a namespace",
    ),
    "a metric that AWS does not publish": (
        lambda widgets: the_metrics(widgets, "Functions' errors")[0].__setitem__(1, "Failures"),
        "nobody is known to publish AWS/Lambda Failures",
    ),
    "another dimension of AWS's": (
        lambda widgets: the_metrics(widgets, "Functions' errors")[0].__setitem__(2, "Function"),
        "Errors has the dimensions ['FunctionName']",
    ),
    "two ids that are the same": (
        lambda widgets: the_metrics(widgets, "Jobs that wait")[1][0].update(id="e1"),
        "ids ['e1', 'e1']",
    ),
    "no metrics": (lambda widgets: the_metrics(widgets, "Jobs that wait").clear(), "no metrics"),
    "too many alarms": (
        lambda widgets: next(one for one in widgets if one["type"] == "alarm")["properties"].update(
            alarms=["arn:aws:cloudwatch:r:1:alarm:a"] * 101
        ),
        "not 1 to 100",
    ),
}


@pytest.mark.parametrize("mistake", CLOUDWATCH_MISTAKES)
def test_a_widget_that_cloudwatch_would_not_take_is_seen(mistake: str) -> None:
    change, said = CLOUDWATCH_MISTAKES[mistake]
    made = changed(body_of(configured()), change, "widgets")
    assert [fault for fault in cloudwatch_faults(made) if said in fault]


GRAFANA_MISTAKES: dict[str, tuple[Callable[[list[Body]], Any], str]] = {
    "an overlap": (lambda panels: panels[2]["gridPos"].update(x=7), "overlap"),
    "a panel beyond the last column": (
        lambda panels: panels[3]["gridPos"].update(w=9),
        "outside of the grid",
    ),
    "an id given twice": (lambda panels: panels[3].update(id=2), "2 panels have the id 2"),
    "a refId given twice": (
        lambda panels: panels[2]["targets"].append(panels[2]["targets"][0]),
        "two of one refId",
    ),
    "a variable that is not there": (
        lambda panels: panels[1].update(title="${profile}"),
        "no variable profile",
    ),
    "a panel of no kind": (lambda panels: panels[1].update(type="graph2"), "no panel is a graph2"),
    "another region": (lambda panels: panels[1]["targets"][0].update(region="default"), "asks elsewhere"),
}


@pytest.mark.parametrize("mistake", GRAFANA_MISTAKES)
def test_a_panel_that_grafana_would_not_show_is_seen(mistake: str) -> None:
    change, said = GRAFANA_MISTAKES[mistake]
    made = changed(grafana.dashboard(), change, "panels")
    assert [fault for fault in grafana_faults(made) if said in fault]


def test_a_word_of_a_query_is_read_as_what_it_is() -> None:
    query = 'filter level = "no field" and @message like /a "b" c/ | stats max(level) as x by bin(5m) | sort x desc'
    assert list(query_faults(query)) == []
    assert list(query_faults('filter level = "x" | display levels')) == ["no field levels"]


def test_every_panel_answers_a_question_and_is_on_the_page() -> None:
    text = PAGE.read_text("utf-8")
    panels = [panel for panel in grafana.dashboard()["panels"] if panel["type"] not in {"row", "text"}]
    assert all(panel["description"].endswith(("?", ".")) for panel in panels)
    assert [panel["title"] for panel in panels if f"| {panel['title']} |" not in text] == []
    assert "| Alarms |" in text


def test_searches_are_what_the_check_reads() -> None:
    text = json.dumps(grafana.dashboard()).replace("\\", "")
    assert len(SEARCH.findall(text)) == text.count("SEARCH(") > 30


def formulas(query: str) -> dict[str, str]:
    """The columns that a query works out of a line, by name, in Python's words."""
    fields = [
        command.removeprefix("fields ") for command in query.split(" | ") if command.startswith("fields ")
    ]
    named = [found for some in fields for found in re.findall(r"(.+?) as (\w+)(?:, |$)", some)]
    return {name: formula.replace("toMillis(@timestamp)", "now") for formula, name in named}


@pytest.mark.parametrize(
    ("started", "queue_seconds", "utc_offset", "weekday", "hour"),
    [
        ("2026-11-23T00:00:10+00:00", 5, "0", 0, 0),  # a Monday
        ("2026-11-23T00:00:10+00:00", 30, "0", 6, 23),  # queued before midnight
        ("2026-11-26T15:30:00+00:00", 0, "9", 4, 0),  # in Tokyo it is Friday
        ("2026-11-26T00:30:00+00:00", 0, "-5", 2, 19),
        ("1970-01-01T12:00:00+00:00", 0, "0", 3, 12),
    ],
)
def test_a_job_counts_in_the_hour_of_the_week_in_which_it_was_queued(
    started: str, queue_seconds: int, utc_offset: str, weekday: int, hour: int
) -> None:
    query = queries.demand_by_hour(utc_offset)
    known: dict[str, Any] = {
        "now": datetime.fromisoformat(started).timestamp() * 1_000,
        "queue_seconds": queue_seconds,
        "floor": math.floor,
        "abs": abs,
        "least": min,
    }
    for name in ("queued", "weekday", "hour"):
        known[name] = eval(formulas(query)[name], {}, known)
    assert (known["weekday"], known["hour"]) == (weekday, hour)
    pivot = formulas(queries.demand_of_the_week())
    days = {day: eval(pivot[f"is_{day}"], {}, known) for day in queries.WEEKDAYS}
    assert days == {day: int(number == weekday) for number, day in enumerate(queries.WEEKDAYS)}
