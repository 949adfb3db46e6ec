"""Snapshot files for tests: valid by default, for the example configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from local.configuration.check import LocatedFault
from local.planning.check import Reading, read_files
from local.planning.printing import as_json
from local.planning.reading import Situation
from slipway.domain.plan import Plan
from slipway.domain.planner import plan
from slipway.domain.policy import policy_of

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "slipway.yaml"
SAMPLES = sorted((ROOT / "docs" / "examples" / "snapshots").glob("*.json"))
NOW = "2026-07-18T10:00:00+09:00"  # a Saturday: outside the hours of the headroom
SUBNET = "subnet-0a1b2c3d4e5f60001"
LABELS = ["self-hosted", "linux", "x64", "medium"]


def a_moment(seconds_before: float = 0) -> str:
    """Return a time before ``NOW`` (after it where that is negative)."""
    whole = 10 * 3_600 - int(seconds_before)
    return f"2026-07-18T{whole // 3_600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}+09:00"


def a_file(**changes: Any) -> dict[str, Any]:
    """Return an empty general pool."""
    return {"configuration": str(EXAMPLE), "pool": "general", "now": NOW, **changes}


def a_queued_job(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a job of acme-web/shop for the medium profile."""
    return {
        "id": number,
        "run_id": 100,
        "organization": "acme-web",
        "repository": "acme-web/shop",
        "labels": LABELS,
        "queued_at": a_moment(30),
        **changes,
    }


def a_task(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a task of the medium profile that has claimed nothing."""
    return {"task": f"{number:032x}", "profile": "medium", "state": "starting", **changes}


def a_host(name: str = "i-1", **changes: Any) -> dict[str, Any]:
    """Return an instance that takes tasks: room for eight of the medium profile."""
    return {
        "id": name,
        "type": "m7i.4xlarge",
        "state": "ready",
        "launched_at": a_moment(600),
        **changes,
    }


def written(folder: Path, body: Any, name: str = "snapshot.json") -> Path:
    """Write a snapshot file; text is written as it is."""
    path = folder / name
    path.write_text(body if isinstance(body, str) else json.dumps(body, indent=1), "utf-8")
    return path


def reading_of(folder: Path, body: Any, name: str = "snapshot.json") -> Reading:
    """Read a snapshot as the command does."""
    return read_files(written(folder, body, name), None)


def faults_of(folder: Path, body: Any, name: str = "snapshot.json") -> list[LocatedFault]:
    """Return a snapshot file's own faults."""
    faults = reading_of(folder, body, name).faults
    assert all(fault.file.endswith(name) for fault in faults), faults
    return [fault.fault for fault in faults]


def situation_of(folder: Path, body: Any) -> Situation:
    """Return what a valid file says."""
    reading = reading_of(folder, body)
    assert reading.situation is not None, reading.faults
    return reading.situation


def decided(situation: Situation) -> Plan:
    """Plan as the command does."""
    now = situation.snapshot.now
    return plan(situation.snapshot, policy_of(situation.configuration, situation.snapshot.pool, now))


def printed(folder: Path, body: Any) -> dict[str, Any]:
    """Return what the command prints for a valid file."""
    situation = situation_of(folder, body)
    return as_json(situation, decided(situation))


def of_kind(output: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """Return the intents of one kind."""
    return [entry for entry in output["intents"] if entry["kind"] == kind]
