"""Faults of webhooks, of queues and of events: lost, doubled, out of order, hours late."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Final

from local.simulator.chaos.storm import Storm
from local.twin.github.faults import DeliveryFaults

LATE_SECONDS: Final = (1_200.0, 2 * 3_600.0)
_WEBHOOKS: Final = ("lost", "failed", "doubled", "reordered", "late")
_HABITS: Final = {
    "message-doubled": "doubled_message_rate",
    "event-doubled": "doubled_event_rate",
    "event-late": "late_event_rate",
    "event-lost": "lost_event_rate",
}


def meddle_with_messages(storm: Storm) -> None:
    """Set the twins' own rates; what has fired they count themselves."""
    deliveries, context = storm.world.github.deliveries, storm.world.loop.aws.context
    for what in _WEBHOOKS:
        setattr(deliveries.faults, what, storm.rate(f"webhook-{what}"))
    deliveries.faults.late_seconds = LATE_SECONDS
    before = context.behaviour
    rates = {habit: storm.rate(fault) for fault, habit in _HABITS.items()}
    context.behaviour = replace(before, **{name: rate for name, rate in rates.items() if rate})  # type: ignore[arg-type]

    def calm() -> None:
        usual = DeliveryFaults()
        for item in fields(usual):
            if item.name in _WEBHOOKS:
                setattr(deliveries.faults, item.name, getattr(usual, item.name))
        context.behaviour = before

    storm.ends.append(calm)


def count_messages(storm: Storm) -> None:
    """Add what the twins counted."""
    for what in _WEBHOOKS:
        storm.counts[f"webhook-{what}"] += storm.world.github.deliveries.counts[what]
    for fault, habit in _HABITS.items():
        storm.counts[fault] += storm.world.loop.aws.context.happened[habit]
