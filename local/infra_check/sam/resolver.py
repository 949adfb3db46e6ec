"""CloudFormation's functions, worked out as far as they can be without AWS."""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

from local.infra_check.sam.faults import TemplateFaultError
from local.infra_check.sam.parameters import Place
from local.infra_check.sam.references import attribute_of, reference_to
from local.infrastructure.cloudformation.template_text import Template

_VARIABLE = re.compile(r"\$\{(!?)([^}]+)\}")
_ZONES = "abc"


class _NoValue:
    """AWS::NoValue: what has it is as if it had not been written."""


NO_VALUE = _NoValue()


class Resolver:
    """Works out values of one template, for one set of parameters in one place."""

    def __init__(self, template: Template, parameters: Mapping[str, Any], place: Place) -> None:
        self._resources: Mapping[str, Any] = template["Resources"]
        self._mappings = template.get("Mappings", {})
        self._conditions = template.get("Conditions", {})
        self._parameters = parameters
        self._place = place
        self._pseudo = {**place.pseudo_parameters(), "AWS::NoValue": NO_VALUE}
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Condition": self.is_true,
            "Fn::And": lambda parts: all(self.resolved(part) for part in parts),
            "Fn::Base64": lambda text: base64.b64encode(self.resolved(text).encode()).decode(),
            "Fn::Cidr": self._cidr,
            "Fn::Equals": self._equals,
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAtt": self._get_att,
            "Fn::GetAZs": self._zones,
            "Fn::If": self._if,
            "Fn::ImportValue": lambda name: f"<import {self.resolved(name)}>",
            "Fn::Join": self._join,
            "Fn::Not": lambda parts: not self.resolved(parts[0]),
            "Fn::Or": lambda parts: any(self.resolved(part) for part in parts),
            "Fn::Select": self._select,
            "Fn::Split": lambda parts: self.resolved(parts[1]).split(parts[0]),
            "Fn::Sub": self._sub,
        }

    def resolved(self, value: Any) -> Any:
        """Return a value with every function in it worked out, and without what has ``AWS::NoValue``."""
        if isinstance(value, list):
            return [part for part in map(self.resolved, value) if part is not NO_VALUE]
        if not isinstance(value, Mapping):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            # A policy's statement may have a Condition too, which is no word but a mapping.
            if name in self._functions and not isinstance(argument, Mapping):
                return self._functions[name](argument)
            if name.startswith("Fn::"):
                raise TemplateFaultError(f"the function {name} is not known here")
        parts = {key: self.resolved(part) for key, part in value.items()}
        return {key: part for key, part in parts.items() if part is not NO_VALUE}

    def is_true(self, condition: str | None) -> bool:
        """Decide a condition by name; there is nothing to decide where there is none."""
        if condition is None:
            return True
        if condition not in self._conditions:
            raise TemplateFaultError(f"there is no condition {condition}")
        return bool(self.resolved(self._conditions[condition]))

    def is_deployed(self, logical_id: str) -> bool:
        """Say whether a resource's condition holds."""
        return self.is_true(self._resources[logical_id].get("Condition"))

    def _ref(self, name: str) -> Any:
        for known in (self._pseudo, self._parameters):
            if name in known:
                return known[name]
        return reference_to(name, self._type_of(name), self._property_of(name), self._place)

    def _get_att(self, argument: str | list[str]) -> Any:
        name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        return attribute_of(name, attribute, self._type_of(name), self._property_of(name), self._place)

    def _type_of(self, logical_id: str) -> str:
        if logical_id not in self._resources:
            raise TemplateFaultError(f"there is no parameter or resource {logical_id}")
        if not self.is_deployed(logical_id):
            raise TemplateFaultError(f"{logical_id} is referred to and not deployed")
        return str(self._resources[logical_id]["Type"])

    def _property_of(self, logical_id: str) -> Callable[[str], Any]:
        # One property at a time: two resources may refer to each other's names, and no name refers to a resource.
        properties = self._resources.get(logical_id, {}).get("Properties", {})
        return lambda name: self.resolved(properties.get(name))

    def _sub(self, argument: str | list[Any]) -> str:
        pattern, variables = (argument, {}) if isinstance(argument, str) else argument

        def replacement(match: re.Match[str]) -> str:
            is_literal, name = match.groups()
            if is_literal:
                return f"${{{name}}}"
            if name in variables:
                return _text(self.resolved(variables[name]))
            return _text(self._get_att(name) if "." in name else self._ref(name))

        return _VARIABLE.sub(replacement, pattern)

    def _if(self, argument: list[Any]) -> Any:
        condition, if_true, if_false = argument
        # The other branch may refer to what is not deployed: it is left alone.
        return self.resolved(if_true if self.is_true(condition) else if_false)

    def _equals(self, argument: list[Any]) -> bool:
        left, right = (_text(self.resolved(part)) for part in argument)
        return left == right

    def _join(self, argument: list[Any]) -> str:
        delimiter, parts = argument
        return str(delimiter).join(_text(part) for part in self.resolved(parts))

    def _select(self, argument: list[Any]) -> Any:
        index, parts = int(self.resolved(argument[0])), self.resolved(argument[1])
        if not 0 <= index < len(parts):
            raise TemplateFaultError(f"Fn::Select: there is no element {index} of {parts}")
        return parts[index]

    def _find_in_map(self, argument: list[Any]) -> Any:
        name, first, second = (self.resolved(part) for part in argument)
        try:
            return self._mappings[name][first][second]
        except KeyError as fault:
            raise TemplateFaultError(f"Fn::FindInMap: there is no {name}.{first}.{second}") from fault

    def _zones(self, region: Any) -> list[str]:
        region = self.resolved(region) or self._place.region
        return [f"{region}{letter}" for letter in _ZONES]

    def _cidr(self, argument: list[Any]) -> list[str]:
        block, count, bits = (self.resolved(part) for part in argument)
        subnets = ipaddress.ip_network(block).subnets(new_prefix=32 - int(bits))
        return [str(subnet) for subnet, _ in zip(subnets, range(int(count)), strict=False)]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
