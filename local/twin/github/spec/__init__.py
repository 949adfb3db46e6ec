"""GitHub's own schemas, as slim extracts: REST per server version, webhooks, example payloads."""

import functools
import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
SERVERS = ("ghec", "ghes-3.17", "ghes-3.18", "ghes-3.19")


@functools.cache
def rest(server: str) -> dict[str, Any]:
    """The OpenAPI extract of ``server`` (one of ``SERVERS``), schemas in plain JSON Schema.

    Raises ``ValueError`` for a server version without an extract.
    """
    if server not in SERVERS:
        raise ValueError(f"no schema extract for {server!r}: use one of {', '.join(SERVERS)}")
    cloud = _read("ghec.json")
    document = cloud if server == "ghec" else merged(cloud, _read(f"{server}.patch.json")["patch"])
    plain: dict[str, Any] = _without_nullable(document)
    return plain


@functools.cache
def webhooks() -> dict[str, Any]:
    """The ``ping`` and ``workflow-job-*`` webhook schemas of GitHub Enterprise Cloud."""
    return _read("webhooks.json")


@functools.cache
def examples() -> dict[str, list[dict[str, Any]]]:
    """GitHub's example payloads by event name; callers must copy before they change one."""
    found: dict[str, list[dict[str, Any]]] = _read("examples.json")["examples"]
    return found


def resolved(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """``node``, or what its ``$ref`` points to in ``document``."""
    while "$ref" in node:
        _, _, kind, name = node["$ref"].split("/")
        node = document["components"][kind][name]
    return node


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return content


def merged(old: Any, patch: Any) -> Any:
    """``old`` with the JSON merge patch ``patch`` applied (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def _without_nullable(node: Any) -> Any:
    """OpenAPI 3.0 says ``nullable``; JSON Schema says a null type, and null among the enum's values."""
    if isinstance(node, list):
        return [_without_nullable(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _without_nullable(value) for key, value in node.items() if key != "nullable"}
    if node.get("nullable") is not True:
        return plain
    return {"anyOf": [{"type": "null"}, plain]}
