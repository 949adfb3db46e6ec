"""A condition that a description decides: what it stands at is there or left out, and it is asked no more. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.infrastructure.cloudformation.template_text import Template

_NO_VALUE = {"Ref": "AWS::NoValue"}


def decided(template: Template, condition: str, *, holds: bool) -> Template:
    """Return a template in which a condition is decided, and that names it nowhere any more."""
    made: Template = _decided(template, condition, holds)
    del made["Conditions"][condition]
    for part in ("Resources", "Outputs"):
        standing = {name for name, one in made[part].items() if one.get("Condition") == condition}
        for name in standing:
            if holds:
                del made[part][name]["Condition"]
            else:
                del made[part][name]
    return made


def _decided(value: Any, condition: str, holds: bool) -> Any:
    while isinstance(value, Mapping) and value.get("Fn::If", [None])[0] == condition:
        value = value["Fn::If"][1 if holds else 2]
    if isinstance(value, Mapping):
        parts = ((key, part, _decided(part, condition, holds)) for key, part in value.items())
        return {key: made for key, part, made in parts if not _went(part, made)}
    if isinstance(value, list):
        parts_of_list = ((part, _decided(part, condition, holds)) for part in value)
        return [made for part, made in parts_of_list if not _went(part, made)]
    return value


def _went(before: Any, now: Any) -> bool:
    """Say whether a choice came to nothing; what was nothing before stays for CloudFormation to see."""
    return bool(now == _NO_VALUE and before != _NO_VALUE)
