"""What would be deployed, said the same way whichever tree says it. Pure.

A fact belongs to a kind (`queue`), a name and a key (`visibility_seconds`). Several resources may tell facts of one
thing: Terraform has a queue's policy apart, CloudFormation has a role's within it.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Told = tuple[str, str, Mapping[str, Any]]  # kind, name, facts by key
Facts = dict[str, dict[str, dict[str, Any]]]  # facts by kind, name and key


@dataclass(frozen=True, slots=True)
class Difference:
    """A fact in which the trees differ; None where one of them has nothing to say."""

    kind: str
    name: str
    key: str
    terraform: Any
    sam: Any

    def __str__(self) -> str:
        return f"{self.kind} {self.name}, {self.key}: Terraform has {_told(self.terraform)}, SAM has {_told(self.sam)}"


def gathered(told: Iterable[Told]) -> Facts:
    """Put together what is told of each thing; lists that several resources tell are joined and sorted."""
    facts: Facts = defaultdict(lambda: defaultdict(dict))
    for kind, name, some in told:
        thing = facts[kind][name]
        for key, value in some.items():
            both = [*thing.get(key, []), *value] if isinstance(value, list) else value
            thing[key] = sorted(both, key=_order) if isinstance(both, list) else both
    return {kind: dict(things) for kind, things in facts.items()}


def path_of(resource: str, parents: Mapping[str, tuple[str, str]]) -> str:
    """Return the path of a REST API's resource from what each has for a parent and adds to its path."""
    if resource not in parents:  # the API's root
        return ""
    parent, part = parents[resource]
    return f"{path_of(parent, parents)}/{part}"


def differences(terraform: Facts, sam: Facts) -> list[Difference]:
    """Return every fact in which the trees differ."""
    return list(_differences(terraform, sam))


def _differences(terraform: Facts, sam: Facts) -> Iterator[Difference]:
    for kind in sorted({*terraform, *sam}):
        ours, theirs = terraform.get(kind, {}), sam.get(kind, {})
        for name in sorted({*ours, *theirs}):
            one, other = ours.get(name), theirs.get(name)
            if one is None or other is None:
                yield Difference(kind, name, "itself", one, other)
                continue
            for key in sorted({*one, *other}):
                if one.get(key) != other.get(key):
                    yield Difference(kind, name, key, one.get(key), other.get(key))


def policy(document: Any) -> list[str]:
    """Return a policy's statements as text, each with its lists in order and without its Sid, which is only a name."""
    if not document:
        return []
    if isinstance(document, str):
        document = json.loads(document)
    statements = document["Statement"]
    return [
        _statement(statement) for statement in (statements if isinstance(statements, list) else [statements])
    ]


def widgets(body: str) -> dict[str, Any]:
    """Return a dashboard's widgets by what stands where, each as text; and what is said of all of them."""
    dashboard = json.loads(body)
    found = {
        f"widget at {widget['x']},{widget['y']}": json.dumps(widget, sort_keys=True)
        for widget in dashboard.pop("widgets")
    }
    return {**found, "itself": json.dumps(dashboard, sort_keys=True)}


def _statement(statement: Mapping[str, Any]) -> str:
    return json.dumps(
        _in_order({key: value for key, value in statement.items() if key != "Sid"}), sort_keys=True
    )


def _in_order(value: Any) -> Any:
    """Return a part of a policy with its lists sorted; a list of one is the one."""
    if isinstance(value, Mapping):
        return {key: _in_order(part) for key, part in value.items()}
    if isinstance(value, list):
        parts = sorted((_in_order(part) for part in value), key=_order)
        return parts[0] if len(parts) == 1 else parts
    return value


def _order(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _told(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value, sort_keys=True, default=str)
    return text if len(text) <= 400 else f"{text[:400]}…"


_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def alike(value: Any) -> Any:
    """Return nested arguments in a form that is the same in both trees.

    Names are snake_case, numbers and switches are text, what is empty is left out, and a list of one is the one:
    Terraform's blocks are lists, CloudFormation's properties are not.
    """
    if isinstance(value, Mapping):
        parts = {_WORD.sub("_", name).lower(): alike(part) for name, part in value.items()}
        return {name: part for name, part in parts.items() if part not in (None, [], {})}
    if isinstance(value, list):
        items = [alike(part) for part in value]
        return items[0] if len(items) == 1 else sorted(items, key=_order)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value
