"""YAML with line numbers, where a key that is given twice is a fault and not a silent choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from local.configuration.faults import Fault, Path, printable

_MAX_NODES = 50_000  # aliases can make a small file expand for ever
_MAX_DEPTH = 20


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: its value, the line (from 1) of every path, and the faults of its form."""

    value: Any
    lines: Mapping[Path, int] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    def line_of(self, path: Path) -> int | None:
        """Return the line of a path or of the nearest thing around it."""
        for length in range(len(path), -1, -1):
            if line := self.lines.get(path[:length]):
                return line
        return None


def parse(text: str) -> Document:
    """Parse one YAML document; what cannot be read is a fault at its place, nothing is raised."""
    try:
        # Nodes are composed, not constructed, so that no tag can build anything.
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is None:
            return Document(None, faults=(Fault((), "the file is empty"),))
        reader = _Reader()
        value = reader.read(node, ())
    except RecursionError:
        return Document(None, faults=(Fault((), "nested too deeply to be read"),))
    except yaml.MarkedYAMLError as fault:
        line = fault.problem_mark.line + 1 if fault.problem_mark else 1
        return Document(
            None, {(): line}, (Fault((), f"not YAML: {printable(fault.problem or 'unreadable')}"),)
        )
    except yaml.YAMLError:
        return Document(None, faults=(Fault((), "not YAML: it holds characters that are not printable"),))
    return Document(value, reader.lines, tuple(reader.faults))


class _Reader:
    """Turns composed nodes into plain values and notes their lines."""

    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self.faults: list[Fault] = []
        self._nodes = 0
        self._scalars = yaml.SafeLoader("")

    def read(self, node: yaml.Node, path: Path) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        self._nodes += 1
        if self._nodes > _MAX_NODES or len(path) > _MAX_DEPTH:
            raise RecursionError
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._fault(path, "a key is a list or a mapping; keys are words")
                continue
            # The text as written: YAML 1.1 would read the key `on` as true.
            key = key_node.value
            inner = (*path, key)
            if key in value:
                self.lines[inner] = key_node.start_mark.line + 1
                self.faults.append(Fault(inner, f"'{printable(key)}' is given twice"))
                continue
            self.lines[inner] = key_node.start_mark.line + 1
            value[key] = self.read(value_node, inner)
        return value

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        try:
            return self._scalars.construct_object(node)
        except (yaml.YAMLError, ValueError):
            self._fault(path, f"cannot read {printable(str(node.value))!r} as {printable(node.tag)}")
            return None

    def _fault(self, path: Path, message: str) -> None:
        self.faults.append(Fault(path, message))
