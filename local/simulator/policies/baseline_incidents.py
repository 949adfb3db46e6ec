"""What the incidents of a workload mean to a baseline; times are epoch seconds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from local.simulator.policies.draws import Draws
from local.simulator.workload.jobs import Incident, IncidentKind, Workload


@dataclass(frozen=True, slots=True)
class Incidents:
    """The incidents of one workload, asked by moment."""

    workload: Workload
    draws: Draws

    def loses_webhook(self, index: int, queued_at: float) -> bool:
        """Say whether GitHub never tells of a job: nobody asks again for a baseline [GH-HOOK-NO-RETRY]."""
        strength = self._strength(IncidentKind.GITHUB_DOWN, queued_at)
        return strength > 0 and self.draws.chance(index, "webhook_lost").random() < strength

    def refuses_call(self, now: float, *caller: object) -> bool:
        """Say whether GitHub answers 503 to a call."""
        strength = self._strength(IncidentKind.GITHUB_DOWN, now)
        return strength > 0 and self.draws.chance(*caller, "github_call_refused").random() < strength

    def spot_capacity_from(self, now: float) -> float:
        """Return from when on there is Spot capacity: ``now`` when there is."""
        moment = now
        for starts, ends, _ in self._of(IncidentKind.NO_SPOT_CAPACITY):
            if starts <= moment < ends:
                moment = ends
        return moment

    def interrupted_at(self, host: str, launched_at: float) -> float | None:
        """Return when EC2 warns a Spot instance, should it live so long; None: never."""
        for number, (starts, ends, strength) in enumerate(self._of(IncidentKind.SPOT_STORM)):
            begins = max(starts, launched_at)
            if strength <= 0 or begins >= ends:
                continue
            moment = begins + self.draws.chance(host, "interruption", number).expovariate(strength / 3600)
            if moment < ends:
                return moment
        return None

    def _strength(self, kind: IncidentKind, now: float) -> float:
        return max(
            (strength for starts, ends, strength in self._of(kind) if starts <= now < ends), default=0.0
        )

    def _of(self, kind: IncidentKind) -> Iterator[tuple[float, float, float]]:
        for incident in sorted(self.workload.incidents, key=_by_start):
            if incident.kind is kind:
                starts = self.workload.starts_at + incident.at_seconds
                yield starts, starts + incident.lasts_seconds, incident.strength


def _by_start(incident: Incident) -> tuple[float, float]:
    return incident.at_seconds, incident.lasts_seconds
