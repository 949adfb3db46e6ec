"""What the webhook's log says of a job's deliveries: it alone knows those of jobs that were never let in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from slipway.domain.configuration import Profile
from slipway.domain.matching import nearest_profile

LOG_NAME = "webhook.log"
_TIME = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A delivery of a job that the webhook did not let in: its reason and sentence, at a time (epoch seconds)."""

    at: float
    action: str
    reason: str
    detail: str
    repository: str
    labels: tuple[str, ...]
    nearest: str | None


class NoLogError(Exception):
    """The log cannot be read; the message says why."""


class Logs(Protocol):
    """What is used of CloudWatch Logs' client."""

    def get_paginator(self, operation: str, /) -> Any:
        """Return a paginator."""


def of_folder(folder: Path, job_id: int, profiles: Iterable[Profile]) -> list[Refusal]:
    """Read them from the logs that a demo left.

    Raises:
        NoLogError: there is no such log.
    """
    try:
        lines = (folder / LOG_NAME).read_text("utf-8", "replace").splitlines()
    except OSError as fault:
        raise NoLogError(f"{folder / LOG_NAME}: {fault.strerror}") from fault
    return list(_refusals(lines, job_id, list(profiles)))


def of_deployment(
    logs: Logs, group: str, job_id: int, profiles: Iterable[Profile], since: float
) -> list[Refusal]:
    """Read those since a time (epoch seconds) from the webhook's log group: all of it may be years.

    Raises:
        NoLogError: it may not be read, or is not there.
    """
    try:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=int(since * 1000), filterPattern=f"{{ $.job_id = {job_id} }}"
        )
        lines = [event["message"] for page in pages for event in page["events"]]
    except (BotoCoreError, ClientError) as fault:
        raise NoLogError(f"log group {group}: {fault}") from fault
    return list(_refusals(lines, job_id, list(profiles)))


def _refusals(lines: Iterable[str], job_id: int, profiles: list[Profile]) -> Iterator[Refusal]:
    for line in lines:
        try:
            body = json.loads(line)
        except ValueError:
            continue  # not a line of ours: the runtime writes others
        # 202: it was let in; 503: it will be, for GitHub is asked to send it again.
        if not isinstance(body, dict) or body.get("job_id") != job_id or body.get("status") != 200:
            continue
        labels = tuple(str(label) for label in body.get("labels") or ())
        yield Refusal(
            at=_epoch(str(body.get("timestamp", ""))),
            action=str(body.get("action", "")),
            reason=str(body.get("reason", "")),
            detail=str(body.get("message", "")),
            repository=str(body.get("repository", "")),
            labels=labels,
            nearest=nearest_profile(labels, profiles),
        )


def _epoch(text: str) -> float:
    try:
        return datetime.strptime(text.partition(",")[0], _TIME).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0
