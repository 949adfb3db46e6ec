"""GitHub's published schemas as a judge of both sides: what we ask, and what the twin answers."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import httpx
import jsonschema

from local.twin.github import spec
from local.twin.github.rest.operations import Operation, Operations

UNDOCUMENTED = (401, 403, 404, 408, 409, 422, 429)  # any call may be refused so, documented or not
_BASE = re.compile(r"^/api/v3(?=/)")


class Published:
    """The calls of one server, as its OpenAPI extract has them."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.document = spec.rest(server)
        self.operations = Operations(server)
        self._validators: dict[str, jsonschema.Draft202012Validator] = {}

    def operation(self, method: str, path: str, query: dict[str, str]) -> Operation:
        """Return what a request asks for; fails for a path or a parameter that is not published."""
        found = self.operations.find(method, path)
        assert found is not None, f"{method} {path} is no published path of {self.server}"
        operation, _ = found
        parameters = [
            spec.resolved(self.document, item) for item in self._item(operation).get("parameters", [])
        ]
        known = {parameter["name"] for parameter in parameters if parameter["in"] == "query"}
        assert set(query) <= known, f"{method} {operation.template} of {self.server} takes {sorted(known)}"
        return operation

    def check_body(self, operation: Operation, content: Any) -> None:
        """Fail unless the operation takes such a body."""
        self.operations.check_body(operation, content)

    def check_reply(self, operation: Operation, status: int, body: bytes) -> None:
        """Fail unless the reply is what the operation documents, or a refusal that any call may meet."""
        documented = self._item(operation)["responses"].get(str(status))
        name = f"{operation.method} {operation.template}: {status}"
        if documented is None:
            assert status in UNDOCUMENTED or status >= 500, f"{name} is not documented by {self.server}"
            self.validate(name, {"$ref": "#/components/schemas/basic-error"}, json.loads(body))
            return
        content = spec.resolved(self.document, documented).get("content", {})
        if content:
            self.validate(name, content["application/json"]["schema"], json.loads(body))
        else:
            assert body == b"", name

    def validate(self, name: str, schema: dict[str, Any], instance: Any) -> None:
        """Fail with every fault of an instance; ``name`` tells schemas apart."""
        if name not in self._validators:
            whole = schema | {"components": self.document["components"]}
            formats = jsonschema.FormatChecker(["date-time"])
            self._validators[name] = jsonschema.Draft202012Validator(whole, format_checker=formats)
        faults = self._validators[name].iter_errors(instance)
        assert [f"{name}: {'/'.join(map(str, fault.path))}: {fault.message}" for fault in faults] == []

    def _item(self, operation: Operation) -> dict[str, Any]:
        item: dict[str, Any] = self.document["paths"][operation.template][operation.method.lower()]
        return item


@cache
def published(server: str) -> Published:
    """One judge a server and process: compiling its schemas takes time."""
    return Published(server)


def hold_to_schema(client: httpx.Client, server: str) -> httpx.Client:
    """Let a client fail the test in which a request of its, or the answer, is not what the server publishes."""
    judge = published(server)

    def asked(request: httpx.Request) -> Operation:
        path = _BASE.sub("", request.url.path)
        return judge.operation(request.method, path, dict(request.url.params))

    def check_request(request: httpx.Request) -> None:
        judge.check_body(asked(request), json.loads(request.read() or b"null"))

    def check_reply(reply: httpx.Response) -> None:
        judge.check_reply(asked(reply.request), reply.status_code, reply.read())

    client.event_hooks = {"request": [check_request], "response": [check_reply]}
    return client
