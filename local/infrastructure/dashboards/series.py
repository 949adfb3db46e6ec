"""Series of metrics, and the words that CloudWatch finds them by. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from local.infrastructure.places import named
from slipway import telemetry
from slipway.telemetry import Metric


@dataclass(frozen=True, slots=True)
class Stat:
    """One series: a metric with all of its dimensions."""

    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str
    label: str


@dataclass(frozen=True, slots=True)
class Expression:
    """What CloudWatch works out: a search has as many series as it finds, and its label names each."""

    text: str
    label: str


Series = Stat | Expression


def own(deployment: str, metric: Metric, statistic: str, label: str) -> Stat:
    """Return the one series of a metric of ours that has no dimension but the function."""
    if metric.by:
        raise ValueError(f"{metric.name} has a series for each {' and '.join(metric.by)}")
    dimensions = ((telemetry.FUNCTION, named(deployment, metric.function)),)
    return Stat(telemetry.NAMESPACE, metric.name, dimensions, statistic, label)


def of_each(deployment: str, metric: Metric, statistic: str, by: str = "") -> Expression:
    """Return the series of a metric of ours by one of its dimensions, the only one by default."""
    by = _dimension(metric, by)
    # CloudWatch puts each series' own value into it [CW-SEARCH].
    return Expression(search(deployment, metric, statistic, by), f"${{PROP('Dim.{by}')}}")


def of_all(deployment: str, metric: Metric, statistic: str, label: str) -> Expression:
    """Return the sum over a dimension, zero where nothing was written: only what is not zero is."""
    return Expression(f"FILL({_sum(deployment, metric, statistic)}, 0)", label)


def mean(deployment: str, part: Metric, whole: Metric, label: str) -> Expression:
    """Return the part that each value of ``whole`` has, on average, in a metric that is written beside it."""
    total, count = _sum(deployment, part, "Sum"), _sum(deployment, whole, "SampleCount")
    return Expression(f"{total} / {count}", label)


def search(deployment: str, metric: Metric, statistic: str, by: str) -> str:
    """Return a search for the series of a metric with exactly the dimensions of the function and ``by`` [CW-SEARCH]."""
    schema = f"{{{telemetry.NAMESPACE},{telemetry.FUNCTION},{_dimension(metric, by)}}}"
    function = named(deployment, metric.function)
    return (
        f"SEARCH('{schema} MetricName=\"{metric.name}\" {telemetry.FUNCTION}=\"{function}\"', '{statistic}')"
    )


def _sum(deployment: str, metric: Metric, statistic: str) -> str:
    return f"SUM({search(deployment, metric, statistic, metric.by[0])})"


def _dimension(metric: Metric, by: str) -> str:
    if by and by not in metric.by:
        raise ValueError(f"{metric.name} has no series by {by}")
    return by or metric.by[0]
