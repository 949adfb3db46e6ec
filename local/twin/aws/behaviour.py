"""Which of AWS's bad habits are switched on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Rates are probabilities per event or call, 0 to 1, unless the name says otherwise.

    The default is an AWS without accidents, but with its documented shape: reads that lag, agents that
    register before they connect, events in no particular order. How long those take is the latency
    model's business.
    """

    throttling: bool = False
    agent_disconnects_per_hour: float = 0.0
    spot_interruptions_per_hour: float = 0.0
    doubled_event_rate: float = 0.0
    late_event_rate: float = 0.0
    lost_event_rate: float = 0.0
    doubled_message_rate: float = 0.0
    never_register_rate: float = 0.0
    stale_read_rate: float = 0.0
    images_in_ami: bool = True

    @classmethod
    def stormy(cls) -> Behaviour:
        """Everything that AWS says may happen, often."""
        return cls(
            throttling=True,
            agent_disconnects_per_hour=4.0,
            spot_interruptions_per_hour=0.05,
            doubled_event_rate=0.05,
            late_event_rate=0.02,
            doubled_message_rate=0.02,
            never_register_rate=0.02,
            stale_read_rate=0.1,
        )
