"""Reads what Terraform would make of a folder: each resource with the values that Terraform computed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.infra_check.terraform.run import Terraform, Variables
from local.infra_check.terraform.values import UNKNOWN


@dataclass(frozen=True, slots=True)
class Planned:
    """A resource that would be made.

    ``values`` has no entry for what is left out (null). What only AWS decides is ``UNKNOWN``, at any depth; but ARNs,
    ids and addresses are made up from names, as `account.py` says, so that what refers to them (a policy in JSON, an
    environment variable) can be read.
    """

    address: str  # `module.slipway.aws_sqs_queue.jobs`
    type: str  # `aws_sqs_queue`
    name: str  # `jobs`
    index: str | int | None  # its key in a `for_each`, its number in a `count`
    module: tuple[str, ...]  # the modules it is in, outermost first: `("module.slipway",)`
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be made, in the order of its addresses, and the outputs by name."""

    resources: tuple[Planned, ...]
    outputs: Mapping[str, Any]

    def of_type(self, kind: str) -> list[Planned]:
        """Return the resources of a type."""
        return [resource for resource in self.resources if resource.type == kind]


def planned(terraform: Terraform, folder: Path, variables: Variables | None = None) -> Plan:
    """Plan a folder into an empty account, and return what would be made.

    Args:
        terraform: as ``run.terraform`` gives it, serving the types of the folder.
        folder: a root module; Terraform writes into it.
        variables: values of its variables; what is no text or path is given as JSON.

    Raises:
        TerraformError: there is no plan; the message is what Terraform said.
    """
    return read_plan(terraform.plan(folder, variables or {}))


def read_plan(plan: Mapping[str, Any]) -> Plan:
    """Return what a plan in Terraform's JSON would make."""
    changes = {change["address"]: change["change"] for change in plan["resource_changes"]}
    resources = [
        Planned(
            address=resource["address"],
            type=resource["type"],
            name=resource["name"],
            index=resource.get("index"),
            module=modules,
            values=_merged(resource["values"], changes[resource["address"]].get("after_unknown", {})),
        )
        for modules, resource in _resources(plan["planned_values"]["root_module"], ())
    ]
    outputs = plan["planned_values"].get("outputs", {})
    return Plan(
        tuple(sorted(resources, key=lambda resource: resource.address)),
        {name: output.get("value", UNKNOWN) for name, output in sorted(outputs.items())},
    )


def _resources(
    module: Mapping[str, Any], modules: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    for resource in module.get("resources", []):
        if resource["mode"] == "managed":
            yield modules, resource
    for child in module.get("child_modules", []):
        outer = ".".join(modules)
        own = child["address"].removeprefix(f"{outer}.") if outer else child["address"]
        yield from _resources(child, (*modules, own))


def _merged(known: Any, unknown: Any) -> Any:
    """Return known values with ``UNKNOWN`` where Terraform says so; nulls go, unless an element of a list."""
    if unknown is True:
        return UNKNOWN
    if isinstance(known, Mapping) or (known is None and isinstance(unknown, Mapping)):
        known, unknown = known or {}, unknown or {}
        merged = {name: _merged(known.get(name), unknown.get(name)) for name in sorted({*known, *unknown})}
        return {name: value for name, value in merged.items() if value is not None}
    if isinstance(known, list):
        marks = unknown if isinstance(unknown, list) else []
        return [_merged(value, mark) for value, mark in _paired(known, marks)]
    return known


def _paired(known: list[Any], marks: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Pair each element with its mark; Terraform leaves out either at the end of a list."""
    for position in range(max(len(known), len(marks))):
        yield (
            known[position] if position < len(known) else None,
            marks[position] if position < len(marks) else None,
        )
