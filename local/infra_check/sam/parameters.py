"""Parameters as CloudFormation takes them: defaults, types, what is allowed, and the template's rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.infra_check.sam.faults import TemplateFaultError

if TYPE_CHECKING:
    from local.infra_check.sam.resolver import Resolver


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stack would be made."""

    region: str = "eu-west-1"
    account_id: str = "111122223333"
    stack_name: str = "slipway"

    @property
    def partition(self) -> str:
        """AWS's commercial regions, or those of China."""
        return "aws-cn" if self.region.startswith("cn-") else "aws"

    @property
    def url_suffix(self) -> str:
        """How the names of AWS's hosts end."""
        return "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"

    def pseudo_parameters(self) -> dict[str, Any]:
        """Return the value of each pseudo parameter but ``AWS::NoValue``."""
        stack = f"stack/{self.stack_name}/00000000-0000-4000-8000-000000000000"
        return {
            "AWS::Region": self.region,
            "AWS::AccountId": self.account_id,
            "AWS::Partition": self.partition,
            "AWS::URLSuffix": self.url_suffix,
            "AWS::StackName": self.stack_name,
            "AWS::StackId": f"arn:{self.partition}:cloudformation:{self.region}:{self.account_id}:{stack}",
            "AWS::NotificationARNs": [],
        }


def given_values(declared: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """Return the value of each parameter: as given, else its default; numbers as numbers, lists as lists."""
    if unknown := sorted(given.keys() - declared.keys()):
        raise TemplateFaultError(f"the template has no parameter {', '.join(unknown)}")
    if missing := sorted(
        name for name, parameter in declared.items() if "Default" not in parameter and name not in given
    ):
        raise TemplateFaultError(f"no value for the parameter {', '.join(missing)}")
    return {
        name: _value(name, parameter, str(given.get(name, parameter.get("Default"))))
        for name, parameter in declared.items()
    }


def _value(name: str, parameter: Mapping[str, Any], text: str) -> Any:
    allowed = [str(value) for value in parameter.get("AllowedValues", [text])]
    if text not in allowed:
        raise TemplateFaultError(f"{name}: {text!r} is none of {', '.join(allowed)}")
    if not re.fullmatch(parameter.get("AllowedPattern", ".*"), text, re.DOTALL):
        raise TemplateFaultError(
            f"{name}: {text!r} is not {parameter.get('ConstraintDescription', 'allowed')}"
        )
    kind = parameter["Type"]
    if kind == "Number":
        number = float(text) if "." in text else int(text)
        if not parameter.get("MinValue", number) <= number <= parameter.get("MaxValue", number):
            raise TemplateFaultError(f"{name}: {text} is out of bounds")
        return number
    if kind == "CommaDelimitedList" or kind.startswith("List<"):
        return [part.strip() for part in text.split(",")]
    return text


def rules_hold(rules: Mapping[str, Any], resolver: Resolver) -> None:
    """Raise ``TemplateFaultError`` with the description of the first assertion that does not hold."""
    for rule in rules.values():
        if "RuleCondition" in rule and not resolver.resolved(rule["RuleCondition"]):
            continue
        for assertion in rule["Assertions"]:
            if not resolver.resolved(assertion["Assert"]):
                raise TemplateFaultError(assertion["AssertDescription"])
