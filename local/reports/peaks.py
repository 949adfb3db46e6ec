"""What jobs used at most, by their containers' own logs: the lines that tell a job's end (runner-image/README.md)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from botocore.exceptions import BotoCoreError, ClientError

from local.infrastructure.places import log_group
from local.operator_account import Account, lack_of
from slipway.domain.configuration import Configuration

PAGE = 10_000  # events that CloudWatch Logs gives at once, at most
_TASK_ID = re.compile(r"[0-9a-f]{32}")
_PHASE = "job_ended"
_LONGEST_LINE = 4_096  # ours are short; a job's own are anything
_MOST = 10**9


@dataclass(frozen=True, slots=True)
class Peak:
    """What one job used at most: CPU over some seconds, its working set, and the kernel's own peak of all memory."""

    cpu_units: int
    memory_mib: int
    memory_most_mib: int | None = None


class NoLogsError(Exception):
    """Logs that cannot be read; the message says why and what to do."""


def peak_of(line: str) -> Peak | None:
    """Read a line of a container's log; None where it tells no peak. Whatever it is: a job may have printed it."""
    if len(line) > _LONGEST_LINE or _PHASE not in line:
        return None
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or told.get("phase") != _PHASE:
        return None
    cpu, memory = told.get("cpu_peak_units"), told.get("memory_peak_mib")
    most = told.get("memory_most_mib")
    if not (_is_amount(cpu) and _is_amount(memory)):
        return None
    return Peak(cpu, memory, most if _is_amount(most) else None)


def peaks_of_folder(folder: Path) -> dict[str, Peak]:
    """Read the logs that ``slipway demo --keep-logs`` left, one a container, by task id.

    Raises:
        NoLogsError: there is no such folder.
    """
    if not folder.is_dir():
        raise NoLogsError(f"{folder}: is no folder; it is what slipway demo --keep-logs DIR left")
    files = sorted(file for file in folder.glob("*.log") if _TASK_ID.fullmatch(file.stem))
    lines = (
        (file.stem, line) for file in files for line in file.read_text("utf-8", errors="replace").splitlines()
    )
    return _last_of_each(lines)


def peaks_of_deployment(configuration: Configuration, start: float, end: float) -> dict[str, Peak]:
    """Read the lines of a range from the log groups of a deployment's pools, by task id.

    Raises:
        NoLogsError: there is no such group, or it may not be read.
    """
    found: dict[str, Peak] = {}
    account: Account | None = None
    for pool in configuration.pools.values():
        group = log_group(pool)
        try:
            account = account or Account(reads_pages=True)
            found |= _last_of_each(_of_group(account.client("logs", pool.region), group, start, end))
        except (BotoCoreError, ClientError) as fault:
            raise NoLogsError(
                f"the log group {group} in {pool.region} cannot be read: {_why(fault)}"
            ) from fault
    return found


def _why(fault: BotoCoreError | ClientError) -> str:
    if lack := lack_of(fault):
        return lack.told
    return f"{fault}. This needs AWS credentials that may logs:FilterLogEvents it"


def _of_group(client: Any, group: str, start: float, end: float) -> Iterator[tuple[str, str]]:
    pages = client.get_paginator("filter_log_events").paginate(
        logGroupName=group,
        startTime=int(start * 1_000),
        endTime=int(end * 1_000),
        filterPattern=f'"{_PHASE}"',
        PaginationConfig={"PageSize": PAGE},
    )
    for page in pages:
        for event in page["events"]:
            yield event["logStreamName"].rpartition("/")[2], event["message"]


def _last_of_each(lines: Iterator[tuple[str, str]]) -> dict[str, Peak]:
    """Return the last peak of each task: the container's own word comes after its job's, if that prints such lines."""
    return {task_id: peak for task_id, line in lines if (peak := peak_of(line)) is not None}


def _is_amount(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST
