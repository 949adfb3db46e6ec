"""What a template would deploy: the SAM transform done, conditions decided, functions worked out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.infra_check.sam.parameters import Place, given_values, rules_hold
from local.infra_check.sam.resolver import Resolver
from local.infra_check.sam.transform import transformed
from local.infrastructure.cloudformation.template_text import Template, read_template


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource that would be created: properties without functions, attributes such as ``DeletionPolicy``."""

    logical_id: str
    type: str
    properties: Mapping[str, Any]
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stack:
    """Everything of a template that would be created, and what it would put out."""

    resources: tuple[Resource, ...]
    outputs: Mapping[str, Any]


def translated(
    template: Path, parameters: Mapping[str, str] | None = None, place: Place | None = None
) -> list[Resource]:
    """Return the resources that a template would create, in the template's order.

    Names and ARNs follow from properties wherever AWS makes them so. What AWS itself chooses stays as a mark in
    angle brackets: ``<ClaimApiPublic>``, ``<WebhookIntegration>``, ``<LaunchTemplate.LatestVersionNumber>``.

    Args:
        template: a SAM or CloudFormation template, in YAML or JSON.
        parameters: values as they are given on the command line; the others have their defaults.
        place: account and region; by default the region that the template says it was made for.

    Raises:
        TemplateFaultError: a parameter, a rule, a reference or a function is wrong.
    """
    return list(stack(read_template(template.read_text("utf-8")), parameters, place).resources)


def stack(
    template: Template, parameters: Mapping[str, str] | None = None, place: Place | None = None
) -> Stack:
    """Return the same of a template that is read already; it is not changed."""
    template = json.loads(json.dumps(template))
    place = place or Place(region_of(template) or Place().region)
    values = given_values(template.get("Parameters", {}), parameters or {})
    template = transformed(template, values, place.region)
    resolver = Resolver(template, values, place)
    rules_hold(template.get("Rules", {}), resolver)
    kept = {name: resource for name, resource in template["Resources"].items() if resolver.is_deployed(name)}
    resources = tuple(
        Resource(
            name,
            resource["Type"],
            resolver.resolved(resource.get("Properties", {})),
            {key: value for key, value in resource.items() if key not in {"Type", "Properties", "Condition"}},
        )
        for name, resource in kept.items()
    )
    outputs = {
        name: resolver.resolved(output["Value"])
        for name, output in template.get("Outputs", {}).items()
        if resolver.is_true(output.get("Condition"))
    }
    return Stack(resources, outputs)


def region_of(template: Template) -> str | None:
    """Return the region that a template of ours insists on; None of one that may be anywhere."""
    rule = template.get("Rules", {}).get("OnlyInItsRegion")
    return str(rule["Assertions"][0]["Assert"]["Fn::Equals"][1]) if rule else None
