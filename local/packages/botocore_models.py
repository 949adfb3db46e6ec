"""botocore's descriptions of AWS, cut down to the services and operations that our adapters name.

They are most of the layer's size, and reading them is most of what a new client takes: EC2's alone names seven hundred
operations, of which we use eight. What was cut off answers with botocore's own error, which names what is left.
"""

from __future__ import annotations

import ast
import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from botocore import xform_name

from local.packages.faults import BuildError

DATA = "botocore/data"
_MODEL, _RULES, _PAGINATORS = "service-2", "endpoint-rule-set-1", "paginators-1"
_ENDPOINTS = f"{DATA}/endpoints.json"

Files = Mapping[str, bytes]
Json = dict[str, Any]


def words_of(sources: Iterable[str]) -> frozenset[str]:
    """Return what Python sources name: each attribute, and each string that is a single word."""
    words: set[str] = set()
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Attribute):
                words.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                words.add(node.value)
    return frozenset(words)


def cut_down(files: Files, words: frozenset[str], services: frozenset[str] | None = None) -> dict[str, bytes]:
    """Return botocore's files with those parts of its models that are named in ``words``.

    ``services`` are the words among which those are of which clients are made; without them, all words. A service is
    named as botocore's clients are (``dynamodb``), an operation as their methods (``get_item``). Files
    that belong to no service stay as they are. Models are left unpacked: they are read faster, and a zip packs them.

    Raises:
        BuildError: botocore lays its models out in another way than this was written for.
    """
    kept = {path: content for path, content in files.items() if not _service_of(path)}
    prefixes = set()
    for service in sorted(({_service_of(path) for path in files} & (services or words)) - {""}):
        folder = _newest_folder(files, service)
        model = _read(files, folder, _MODEL)
        operations = {
            name: operation for name, operation in model["operations"].items() if xform_name(name) in words
        }
        if not operations:
            continue  # a word that happens to be a service's name
        kept[f"{folder}/{_MODEL}.json"] = _written(_with(model, operations))
        kept[f"{folder}/{_RULES}.json"] = _written(_read(files, folder, _RULES))
        pages = _read(files, folder, _PAGINATORS)["pagination"]
        pages = {name: page for name, page in pages.items() if name in operations}
        kept[f"{folder}/{_PAGINATORS}.json"] = _written({"pagination": pages})
        prefixes.add(model["metadata"]["endpointPrefix"])
    if not prefixes or _ENDPOINTS not in kept:
        raise BuildError(
            f"botocore's models are not where they were ({DATA}): local/packages is older than it"
        )
    kept[_ENDPOINTS] = _written(_endpoints(json.loads(kept[_ENDPOINTS]), prefixes))
    return kept


def operations_of(files: Files) -> dict[str, frozenset[str]]:
    """Return the operations that models have, by service."""
    folders = {PurePosixPath(path).parent.as_posix() for path in files if PurePosixPath(path).stem == _MODEL}
    return {
        _service_of(f"{folder}/"): frozenset(_read(files, folder, _MODEL)["operations"])
        for folder in sorted(folders)
    }


def _service_of(path: str) -> str:
    """Return the service whose model a file is part of, an empty word for other files."""
    parts = path.removeprefix(f"{DATA}/").split("/")
    return parts[0] if path.startswith(f"{DATA}/") and len(parts) > 2 else ""


def _newest_folder(files: Files, service: str) -> str:
    """Return the folder of the API's newest version, which botocore takes where none is asked for."""
    versions = {PurePosixPath(path).parent.as_posix() for path in files if _service_of(path) == service}
    return max(versions)


def _read(files: Files, folder: str, name: str) -> Json:
    """Return one JSON file with what botocore's authors merge into it when they read it."""
    path = f"{folder}/{name}.json"
    if f"{path}.gz" in files:
        value: Json = json.loads(gzip.decompress(files[f"{path}.gz"]))
    elif path in files:
        value = json.loads(files[path])
    else:
        raise BuildError(f"botocore has no {path}: local/packages is older than it")
    extras = files.get(f"{folder}/{name}.sdk-extras.json")
    return _merged(value, json.loads(extras).get("merge", {})) if extras else value


def _merged(value: Any, more: Any) -> Any:
    if not (isinstance(value, dict) and isinstance(more, dict)):
        return more
    return {**value, **{name: _merged(value.get(name), part) for name, part in more.items()}}


def _with(model: Json, operations: Json) -> Json:
    """Return a model with these operations alone, the shapes that they lead to, and no prose."""
    needed: dict[str, Any] = {}
    waiting = list(_shapes_named(operations))
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed[name] = model["shapes"][name]
            waiting += _shapes_named(needed[name])
    cut: Json = _without_prose({**model, "operations": operations, "shapes": dict(sorted(needed.items()))})
    return cut


def _shapes_named(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("shape"), str):
            yield value["shape"]
        for part in value.values():
            yield from _shapes_named(part)
    elif isinstance(value, list):
        for part in value:
            yield from _shapes_named(part)


def _without_prose(value: Any) -> Any:
    """Leave out documentation; a member that is called so is a shape and stays."""
    if isinstance(value, dict):
        return {
            name: _without_prose(part)
            for name, part in value.items()
            if not (name == "documentation" and isinstance(part, str))
        }
    return [_without_prose(part) for part in value] if isinstance(value, list) else value


def _endpoints(endpoints: Json, prefixes: set[str]) -> Json:
    partitions = [
        {
            **partition,
            "services": {
                name: service for name, service in partition["services"].items() if name in prefixes
            },
        }
        for partition in endpoints["partitions"]
    ]
    return {**endpoints, "partitions": partitions}


def _written(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")
