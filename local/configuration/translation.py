"""Pydantic's errors as faults in an operator's words, with the nearest valid word."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from local.configuration.faults import Fault, Path, nearest, quoted
from local.configuration.quantities import WordError


def faults_of(error: ValidationError, model: type[BaseModel]) -> list[Fault]:
    """Translate every error that validating ``model`` found."""
    return [_fault(detail, model) for detail in error.errors(include_url=False)]


def _fault(detail: ErrorDetails, model: type[BaseModel]) -> Fault:
    # A mapping's bad key is reported as KEY, "[key]"; the place is the key itself.
    path = tuple(part for part in detail["loc"] if part != "[key]")
    kind = detail["type"]
    if kind == "extra_forbidden":
        return Fault(path, "unknown key", nearest(path[-1], keys_at(model, path[:-1])))
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", detail["ctx"]["expected"])
        message = f"{quoted(detail['input'])} is not one of {', '.join(choices)}"
        return Fault(path, message, nearest(detail["input"], choices))
    if kind == "value_error":
        cause = detail["ctx"]["error"]
        return Fault(path, str(cause), cause.nearest if isinstance(cause, WordError) else None)
    return Fault(path, _SENTENCES.get(kind, _as_pydantic_says)(detail))


def keys_at(model: type[BaseModel], path: Path) -> list[str]:
    """Return the keys which the form allows at a path, none where keys are free."""
    here: Any = model
    for part in path:
        if isinstance(here, type) and issubclass(here, BaseModel):
            field = _fields(here).get(str(part))
            here = _plain(field.annotation) if field else None
        else:
            arguments = get_args(here)
            here = _plain(arguments[-1]) if arguments else None
    return sorted(_fields(here)) if isinstance(here, type) and issubclass(here, BaseModel) else []


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields by the key that a file has for them."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _plain(annotation: Any) -> Any:
    """Take ``Annotated`` and ``| None`` off an annotation."""
    while hasattr(annotation, "__metadata__"):
        annotation = annotation.__origin__
    if get_origin(annotation) in (Union, types.UnionType):
        return _plain(next(part for part in get_args(annotation) if part is not type(None)))
    return annotation


def _as_pydantic_says(detail: ErrorDetails) -> str:
    message = detail["msg"]
    return message[:1].lower() + message[1:]


def _wanted(what: str) -> Callable[[ErrorDetails], str]:
    return lambda detail: f"{quoted(detail['input'])} is not {what}"


_SENTENCES: Mapping[str, Callable[[ErrorDetails], str]] = {
    "missing": lambda _: "is required",
    "model_type": lambda _: "must be a mapping of keys",
    "model_attributes_type": lambda _: "must be a mapping of keys",
    "dict_type": lambda _: "must be a mapping of keys",
    "list_type": lambda _: "must be a list",
    "string_type": _wanted("text"),
    "int_type": _wanted("a whole number"),
    "bool_type": _wanted("true or false"),
    "greater_than_equal": lambda detail: f"must be {detail['ctx']['ge']} or more",
    "less_than_equal": lambda detail: f"must be {detail['ctx']['le']} or less",
    "too_short": lambda detail: f"needs at least {detail['ctx']['min_length']} entry",
    "too_long": lambda detail: f"takes at most {detail['ctx']['max_length']} entries",
}
