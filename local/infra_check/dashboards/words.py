"""Whether what dashboards ask for is there: metrics with their dimensions, and fields of log lines. Pure.

CloudWatch takes a dashboard that names a metric or a field which nobody writes: its panel stays empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from local.infrastructure.dashboards.log_lines import LOG_LINES, OF_EVERY_LINE
from slipway import telemetry

MAX_SEARCH = 1_024  # characters [CW-SEARCH]
# What AWS's services publish, with the dimensions that make up one series.
OF_AWS: Mapping[tuple[str, str], frozenset[str]] = {
    ("AWS/Lambda", "Errors"): frozenset({"FunctionName"}),  # [LAMBDA-METRICS]
    ("AWS/Lambda", "Throttles"): frozenset({"FunctionName"}),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): frozenset({"QueueName"}),  # [SQS-METRICS]
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): frozenset({"QueueName"}),
}
_METRICS = {metric.name: metric for metric in telemetry.METRICS}
_STATISTIC = re.compile(r"Sum|Average|Minimum|Maximum|SampleCount|p\d{1,2}(\.\d+)?")

SEARCH = re.compile(
    r"SEARCH\('\{(?P<schema>[^}]*)\} MetricName=\"(?P<metric>\w+)\" (?P<key>\w+)=\"(?P<value>[^\"]+)\"',"
    r" '(?P<statistic>[^']+)'\)"
)
_AROUND_SEARCHES = re.compile(r"(?:FILL|SUM|TIME_SERIES|\$\{target\}|found|[0-9(),/ ])+")
_PROPERTY = re.compile(r"\$\{PROP\('Dim\.(\w+)'\)\}")

_REGEX = re.compile(r"(?<=@message )(?:like )?/(?P<body>(?:\\.|[^/])*)/")
_STRING = re.compile(r"\"[^\"]*\"|'[^']*'|\$\{\w+\}")
_WORD = re.compile(r"(?<![\w.@])[@A-Za-z_][\w.]*(?!\w|\()")
_COMMANDS = frozenset(
    "SOURCE filter fields stats sort parse display dedup limit by as asc desc and or not like".split()
)


def series_faults(
    namespace: str, metric: str, dimensions: Mapping[str, str], statistic: str
) -> Iterator[str]:
    """Yield what is wrong with one series."""
    if not _STATISTIC.fullmatch(statistic):
        yield f"{metric}: no statistic {statistic}"
    if namespace != telemetry.NAMESPACE:
        wanted = OF_AWS.get((namespace, metric))
        if wanted is None:
            yield f"nobody is known to publish {namespace} {metric}"
        elif wanted != dimensions.keys():
            yield f"{metric} has the dimensions {sorted(wanted)}, not {sorted(dimensions)}"
        return
    yield from _faults_of_ours(metric, list(dimensions), dimensions.get(telemetry.FUNCTION, ""))


def expression_faults(text: str, label: str) -> Iterator[str]:
    """Yield what is wrong with an expression and the label of what it finds."""
    dimensions: set[str] = set()
    for found in SEARCH.finditer(text):
        namespace, *names = found["schema"].split(",")
        dimensions |= set(names)
        if namespace != telemetry.NAMESPACE:
            yield f"a search in {namespace}"
        if found["key"] != telemetry.FUNCTION:
            yield f"{found['metric']}: searched by {found['key']}, so that deployments mix"
        if not _STATISTIC.fullmatch(found["statistic"]):
            yield f"{found['metric']}: no statistic {found['statistic']}"
        if len(found[0]) > MAX_SEARCH:
            yield f"{found['metric']}: a search of {len(found[0])} characters"
        yield from _faults_of_ours(found["metric"], names, found["value"])
    if not _AROUND_SEARCHES.fullmatch(SEARCH.sub("found", text)):
        yield f"cannot be read: {text}"
    for name in _PROPERTY.findall(label):
        if name not in dimensions:
            yield f"the label {label} names no dimension of {text}"


def _faults_of_ours(name: str, dimensions: list[str], function_name: str) -> Iterator[str]:
    metric = _METRICS.get(name)
    if metric is None:
        yield f"nobody writes {name}"
        return
    allowed = [[telemetry.FUNCTION, by] for by in metric.by] or [[telemetry.FUNCTION]]
    if dimensions not in allowed:
        yield f"{name} is written with {' or '.join(map(str, allowed))}, not {dimensions}"
    if not function_name.endswith(f"-{metric.function}"):
        yield f"{name} is written by {metric.function}, not {function_name}"


def query_faults(query: str) -> Iterator[str]:
    """Yield each field that a query names and that its log lines do not have."""
    fields = set(OF_EVERY_LINE)
    for message in re.findall(r'message = "([^"]*)"', query):
        if message not in LOG_LINES:
            yield f"nobody logs {message!r}"
        fields |= LOG_LINES.get(message, frozenset())
    for found in _REGEX.finditer(query):
        fields |= set(re.findall(r"\(\?<(\w+)>", found["body"]))
        for parent in re.findall(r'"(\w+)":', found["body"]):
            if not any(field.startswith(f"{parent}.") for field in fields):
                yield f"no field {parent} with others in it"
    words = _STRING.sub(" ", _REGEX.sub(" ", query))
    fields |= set(re.findall(r" as (\w+)", words))
    for word in _WORD.findall(words):
        if word not in fields and word not in _COMMANDS:
            yield f"no field {word}"


def series_of(expression: str, counts: Mapping[str, int]) -> int:
    """Return how many series an expression reads where each dimension has so many values."""
    dimensions = [found["schema"].split(",")[-1] for found in SEARCH.finditer(expression)]
    return sum(counts[dimension] for dimension in dimensions)
