"""The record of what functions asked of AWS, and how it compares with their policies."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.permissions.account import Account, Need
from local.permissions.needs import needs_of
from local.permissions.policies import Document, allowing, listed
from local.twin.aws.service import Call

Policies = Mapping[str, Document]
#: Function, statement, action.
Grant = tuple[str, str, str]


@dataclass(slots=True)
class Record:
    """What each function needed; calls of nobody's, such as those of the twin's own surroundings, are left out."""

    needs: dict[str, set[Need]] = field(default_factory=lambda: defaultdict(set))

    def add(self, function: str, call: Call, account: Account) -> None:
        """Note what one call of a function needs."""
        self.needs[function].update(needs_of(call, account))

    def write(self, file: Path) -> None:
        """Write it down, one need a line."""
        lines = [
            json.dumps(
                {
                    "function": function,
                    "action": need.action,
                    "resource": need.resource,
                    "facts": dict(need.facts),
                }
            )
            for function, needs in sorted(self.needs.items())
            for need in sorted(needs)
        ]
        file.write_text("\n".join([*lines, ""]), "utf-8")


def read_record(file: Path) -> Record:
    """Read what ``Record.write`` wrote."""
    record = Record()
    for line in file.read_text("utf-8").splitlines():
        told: dict[str, Any] = json.loads(line)
        facts = tuple((key, tuple(values)) for key, values in sorted(told["facts"].items()))
        record.needs[told["function"]].add(Need(told["action"], told["resource"], facts))
    return record


def refused(record: Record, policies: Policies) -> list[str]:
    """Return what functions needed and their policies do not allow."""
    return [
        f"{function}: {need.action} on {need.resource} with {dict(need.facts)}"
        for function, needs in sorted(record.needs.items())
        for need in sorted(needs)
        if function not in policies or not any(allowing(policies[function], need))
    ]


def used(record: Record, policies: Policies) -> set[Grant]:
    """Return the grants that a record needed."""
    return {
        (function, statement["Sid"], need.action)
        for function, needs in record.needs.items()
        for need in needs
        for statement in allowing(policies[function], need)
    }


def granted(policies: Policies) -> set[Grant]:
    """Return all that policies grant."""
    return {
        (function, statement["Sid"], action)
        for function, policy in policies.items()
        for statement in policy["Statement"]
        for action in listed(statement["Action"])
    }


def wide(policies: Policies) -> Iterator[tuple[str, str]]:
    """Return the statements, by function and Sid, that nothing narrows: all there is, or all of a kind, in any case."""
    for function, policy in policies.items():
        for statement in policy["Statement"]:
            is_wide = any(_is_whole_kind(resource) for resource in listed(statement["Resource"]))
            if is_wide and not statement.get("Condition"):
                yield function, statement["Sid"]


def _is_whole_kind(resource: str) -> bool:
    """Say whether a pattern takes in every resource of a kind: `*`, `arn:…:instance/*`, a name that is all wildcard."""
    name = resource.split(":", 5)[-1]
    return name.split("/", 1)[-1].replace("*", "").replace("?", "").strip("/:") == ""
