"""Runs checkov, and holds what it finds against the skips that have a reason."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

SKIPS = Path(__file__).with_name("checkov-skips.yaml")
TIMEOUT_SECONDS = 240


class CheckovError(RuntimeError):
    """checkov came to no result; the message is what it said."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One check that one resource of one file fails."""

    file: str
    check: str
    resource: str
    about: str


@dataclass(frozen=True, slots=True)
class Skip:
    """A check that we do not follow on some resources, and why."""

    check: str
    patterns: tuple[str, ...]
    about: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Say whether a finding is one of these."""
        return finding.check == self.check and any(
            fnmatchcase(finding.resource, pattern) for pattern in self.patterns
        )


def skips(file: Path = SKIPS) -> list[Skip]:
    """Read the list of skips."""
    return [
        Skip(one["check"], tuple(one["where"]), one["about"], one["reason"])
        for one in yaml.safe_load(file.read_text("utf-8"))
    ]


def findings(program: Path, framework: str, arguments: Sequence[str | Path], folder: Path) -> list[Finding]:
    """Return what checkov finds, nothing skipped. It asks no service of its maker's for more.

    Args:
        program: checkov.
        framework: ``cloudformation`` or ``terraform``.
        arguments: what to check: ``-f FILE…`` or ``-d FOLDER``.
        folder: where it runs, and where files' names begin.

    Raises:
        CheckovError: it failed, or could not read a file.
    """
    options = ["--framework", framework, "--output", "json", "--compact", "--quiet", "--skip-download"]
    done = subprocess.run(  # noqa: S603 a program of ours
        [str(part) for part in (program, *options, *arguments)],
        cwd=folder,
        # Nothing of the shell's but this: a token there would make it talk to its maker.
        env={name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    try:
        reports: Any = json.loads(done.stdout)
    except ValueError as fault:
        raise CheckovError(f"checkov failed ({done.returncode}): {done.stdout}{done.stderr}") from fault
    return _read(reports if isinstance(reports, list) else [reports])


def _read(reports: Iterable[Mapping[str, Any]]) -> list[Finding]:
    found = []
    for report in reports:
        if "summary" not in report or report["summary"]["parsing_errors"]:
            raise CheckovError(
                f"checkov could not read everything: {report.get('results', {}).get('parsing_errors')}"
            )
        found += [
            Finding(one["file_path"].lstrip("/"), one["check_id"], one["resource"], one["check_name"])
            for one in report["results"]["failed_checks"]
        ]
    return sorted(found)
