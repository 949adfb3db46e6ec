"""The published paths: which operation a request means, and whether its body is what GitHub takes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jsonschema

from local.twin.github import spec
from local.twin.github.credentials import Actor, RefusedError
from local.twin.github.model import Scope
from local.twin.github.wire import Request, Response

_PREFIXES = {
    "/enterprises/{enterprise}": "enterprise",
    "/orgs/{org}": "organization",
    "/repos/{owner}/{repo}": "repository",
}


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated request for one operation. ``scope`` is None outside the three runner scopes."""

    request: Request
    operation: Operation
    actor: Actor
    scope: Scope | None
    parameters: dict[str, str]
    content: dict[str, Any]
    api_url: str

    def number(self, name: str) -> int:
        return int(self.parameters[name])

    @property
    def runner_scope(self) -> Scope:
        if self.scope is None:
            raise RefusedError(404, "Not Found")
        return self.scope


Handler = Callable[[Call], Response]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path template; ``suffix`` is the template without its scope's prefix."""

    method: str
    template: str
    suffix: str
    scope_kind: str | None
    pattern: re.Pattern[str]
    body_schema: dict[str, Any] | None = field(repr=False)
    body_required: bool

    def scope(self, parameters: dict[str, str]) -> Scope | None:
        match self.scope_kind:
            case "enterprise":
                return Scope("enterprise", parameters["enterprise"].lower())
            case "organization":
                return Scope("organization", parameters["org"].lower())
            case "repository":
                return Scope("repository", f"{parameters['owner']}/{parameters['repo']}".lower())
        return None


class Operations:
    """All operations of one server version."""

    def __init__(self, server: str) -> None:
        self._document = spec.rest(server)
        templates = self._document["paths"].items()
        found = [self._operation(t, m, item[m]) for t, item in templates for m in item if m != "parameters"]
        # Literal segments first: /runners/generate-jitconfig is no runner id.
        found.sort(key=lambda o: (o.template.count("{"), o.template, o.method))
        self._operations: dict[tuple[str, int], list[Operation]] = defaultdict(list)
        for operation in found:  # no parameter holds a slash
            self._operations[operation.method, operation.template.count("/")].append(operation)
        components = {"components": self._document["components"]}
        self._validators = {
            (o.method, o.template): jsonschema.Draft202012Validator(o.body_schema | components)
            for o in found
            if o.body_schema is not None
        }

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
        for operation in self._operations.get((method, path.count("/")), ()):
            if match := operation.pattern.fullmatch(path):
                return operation, match.groupdict()
        return None

    def check_body(self, operation: Operation, content: Any) -> dict[str, Any]:
        """The body, if GitHub would take it; raises ``RefusedError`` 422 which names every fault."""
        if operation.body_schema is None or (content is None and not operation.body_required):
            return {}
        validator = self._validators[operation.method, operation.template]
        faults = sorted(validator.iter_errors(content), key=lambda error: str(error.path))
        if faults:
            errors = [f"{'/'.join(map(str, fault.path)) or 'body'}: {fault.message}" for fault in faults]
            raise RefusedError(422, "Invalid request.\n\n" + "\n".join(errors), errors)
        checked: dict[str, Any] = content
        return checked

    def _operation(self, template: str, method: str, item: dict[str, Any]) -> Operation:
        prefix = next((p for p in _PREFIXES if template.startswith(p)), "")
        body = item.get("requestBody", {})
        return Operation(
            method=method.upper(),
            template=template,
            suffix=template.removeprefix(prefix),
            scope_kind=_PREFIXES.get(prefix),
            pattern=self._pattern(template),
            body_schema=body.get("content", {}).get("application/json", {}).get("schema"),
            body_required=body.get("required", False),
        )

    @staticmethod
    def _pattern(template: str) -> re.Pattern[str]:
        def segment(match: re.Match[str]) -> str:
            # A workflow goes by its id or its file's name.
            is_number = match[1].endswith("_id") and match[1] != "workflow_id"
            return f"(?P<{match[1]}>{'[0-9]{1,18}' if is_number else '[^/]+'})"

        return re.compile(re.sub(r"\{(\w+)\}", segment, template))
