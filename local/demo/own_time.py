"""Our own time, on the wall: from a job's webhook to CreateFleet, from a usable instance to RunTask.

The twins tell of each webhook, event and call; what AWS, GitHub and the model's latencies add is not in it. A call is
matched with what the same convergence saw for the first time: one reads its pool after it took it, and acts before
it lets it go, and nobody else acts on the pool meanwhile.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.twin.aws.service import Call
from local.twin.github.deliveries import Delivery

_POOL, _JOB, _INSTANCE = "POOL#", "JOB#", "INSTANCE#"


@dataclass(slots=True)
class _Seen:
    """Moments, on the wall, of what was written into a pool: since its last reading, and by that reading."""

    written: list[float] = field(default_factory=list)
    read: list[float] = field(default_factory=list)

    def reading(self) -> None:
        self.read += self.written
        self.written = []

    def acted_on(self) -> list[float]:
        moments, self.read = self.read, []
        return moments


@dataclass(slots=True)
class OwnTime:
    """A stopwatch over one run; the caller holds the lock. Samples are seconds on the wall."""

    queued_to_create_fleet: list[float] = field(default_factory=list)
    usable_to_run_task: list[float] = field(default_factory=list)
    _posted: dict[int, float] = field(default_factory=dict)
    _usable: dict[str, float] = field(default_factory=dict)
    _jobs: dict[str, _Seen] = field(default_factory=lambda: defaultdict(_Seen))
    _instances: dict[str, _Seen] = field(default_factory=lambda: defaultdict(_Seen))

    def webhook(self, delivery: Delivery) -> None:
        """Note that GitHub posts a delivery."""
        if delivery.action == "queued":
            job_id = json.loads(delivery.body)["workflow_job"]["id"]
            self._posted.setdefault(job_id, time.perf_counter())

    def event(self, event: Mapping[str, Any]) -> None:
        """Note that an event is put on the queue, if it says that an instance has become usable."""
        detail = event["detail"]
        if detail.get("agentConnected") and detail.get("status") == "ACTIVE":
            self._usable.setdefault(detail["ec2InstanceId"], time.perf_counter())

    def call(self, call: Call) -> None:
        """Note that AWS is called."""
        readers = {
            "dynamodb.TransactWriteItems": self._written_together,
            "dynamodb.UpdateItem": self._updated,
            "dynamodb.Query": self._queried,
            "ec2.CreateFleet": self._launched,
            "ecs.RunTask": self._ran,
        }
        reader = readers.get(f"{call.service}.{call.operation}")
        if reader is not None:
            reader(call.parameters)

    def as_json(self) -> dict[str, dict[str, float]]:
        """Return p50, p99 and the number of samples of both."""
        return {
            "queued_to_create_fleet": _quantiles(self.queued_to_create_fleet),
            "usable_to_run_task": _quantiles(self.usable_to_run_task),
        }

    def _written_together(self, parameters: Mapping[str, Any]) -> None:
        for part in parameters["TransactItems"]:
            item = part.get("Put", {}).get("Item", {})
            if item:
                self._written(
                    item["pk"]["S"], item["sk"]["S"], is_usable=item.get("connected", {}).get("BOOL")
                )

    def _updated(self, parameters: Mapping[str, Any]) -> None:
        pk, sk = parameters["Key"]["pk"]["S"], parameters["Key"]["sk"]["S"]
        values = parameters.get("ExpressionAttributeValues", {})
        self._written(pk, sk, is_usable=values.get(":set_connected", {}).get("BOOL"))
        if sk == "ROW" and "REMOVE" in parameters["UpdateExpression"]:  # the holder lets go
            self._jobs[pk].acted_on()
            self._instances[pk].acted_on()

    def _written(self, pk: str, sk: str, *, is_usable: bool | None) -> None:
        if not pk.startswith(_POOL):
            return
        if sk.startswith(_JOB):
            posted = self._posted.get(int(sk.rpartition("/")[2].partition("-")[0]))
            self._jobs[pk].written += [posted] if posted is not None else []
        elif sk.startswith(_INSTANCE) and is_usable:
            usable = self._usable.pop(sk.removeprefix(_INSTANCE), None)
            self._instances[pk].written += [usable] if usable is not None else []

    def _queried(self, parameters: Mapping[str, Any]) -> None:
        pk = parameters["ExpressionAttributeValues"][":pk"]["S"]
        if pk.startswith(_POOL):
            self._jobs[pk].reading()
            self._instances[pk].reading()

    def _launched(self, parameters: Mapping[str, Any]) -> None:
        template = parameters["LaunchTemplateConfigs"][0]["LaunchTemplateSpecification"]["LaunchTemplateName"]
        moments = self._jobs[_POOL + template.removeprefix("slipway-")].acted_on()
        self.queued_to_create_fleet += [time.perf_counter() - moment for moment in moments]

    def _ran(self, parameters: Mapping[str, Any]) -> None:
        moments = self._instances[_POOL + parameters["cluster"].removeprefix("slipway-")].acted_on()
        self.usable_to_run_task += [time.perf_counter() - moment for moment in moments]


def _quantiles(samples: list[float]) -> dict[str, float]:
    ordered = sorted(samples)
    at = {"p50": 0.5, "p99": 0.99}
    found = {
        name: round(ordered[min(len(ordered) - 1, int(part * len(ordered)))], 3) if ordered else 0.0
        for name, part in at.items()
    }
    return {**found, "samples": len(ordered)}
