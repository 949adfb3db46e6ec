"""A template with its conditions decided and everything else left to CloudFormation, or to what plays it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from local.infra_check.sam.parameters import Place, given_values
from local.infra_check.sam.resolver import NO_VALUE, Resolver
from local.infra_check.sam.transform import transformed
from local.infrastructure.cloudformation.template_text import Template

_NO_VALUE = {"Ref": "AWS::NoValue"}


def without_conditions(template: Template, parameters: Mapping[str, str], place: Place) -> Template:
    """Return a transformed template without conditions, ``Fn::If`` and ``AWS::NoValue``: moto drops the latter only
    from mappings.

    What remains is references, substitutions and the resources that would be created.
    """
    template = json.loads(json.dumps(template))
    values = given_values(template.get("Parameters", {}), parameters)
    template = transformed(template, values, place.region)
    resolver = Resolver(template, values, place)
    resources = {
        name: _without_choices({key: part for key, part in resource.items() if key != "Condition"}, resolver)
        for name, resource in template["Resources"].items()
        if resolver.is_deployed(name)
    }
    outputs = {
        name: _without_choices({key: part for key, part in output.items() if key != "Condition"}, resolver)
        for name, output in template.get("Outputs", {}).items()
        if resolver.is_true(output.get("Condition"))
    }
    rest = {key: part for key, part in template.items() if key not in {"Conditions", "Rules", "Metadata"}}
    return {**rest, "Resources": resources, "Outputs": outputs}


def _without_choices(value: Any, resolver: Resolver) -> Any:
    if value == _NO_VALUE:
        return NO_VALUE
    if isinstance(value, list):
        return [part for part in (_without_choices(part, resolver) for part in value) if part is not NO_VALUE]
    if not isinstance(value, Mapping):
        return value
    if set(value) == {"Fn::If"}:
        condition, if_true, if_false = value["Fn::If"]
        return _without_choices(if_true if resolver.is_true(condition) else if_false, resolver)
    parts = {key: _without_choices(part, resolver) for key, part in value.items()}
    return {key: part for key, part in parts.items() if part is not NO_VALUE}
