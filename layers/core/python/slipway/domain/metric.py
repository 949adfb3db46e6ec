"""What a metric of ours is, and those of the webhook: it must not import what the others' are made from."""

from __future__ import annotations

from dataclasses import dataclass

NAMESPACE = "Slipway"
# Dimensions. The function's whole name is one of every metric, so that deployments differ.
FUNCTION = "service"
SECONDS, PERCENT = "Seconds", "Percent"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: name and unit as CloudWatch has them, which function writes it, and what it says.

    ``by`` are dimensions besides the function's, one at a time: there are series by each of them. ``arc`` is the name
    that actions-runner-controller has for the same, if any. ``tells_zero``: a zero says something too, and is written.
    """

    name: str
    function: str
    help: str
    by: tuple[str, ...] = ()
    unit: str = "Count"
    arc: str = ""
    tells_zero: bool = False


DELIVERY_DELAY = Metric(
    "DeliveryDelay",
    "webhook",
    "from queued, by GitHub's clock, until its webhook was here; the count of its values is that of jobs queued",
    (),
    SECONDS,
    tells_zero=True,
)
DELIVERIES_REFUSED = Metric(
    "DeliveriesRefused", "webhook", "deliveries that no webhook secret of ours signed"
)
