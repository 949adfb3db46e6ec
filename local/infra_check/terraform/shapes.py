"""What the AWS provider's resources and data sources look like, read off generated TypeScript. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

# Terraform's own notation: "string", or ["list", "string"], or ["object", {"name": "string"}].
Type = str | list["str | list[object] | dict[str, object]"]
Nesting = Literal["single", "list", "set", "map"]

_CLASS = re.compile(r"^export class (\w+) extends cdktf\.(\w+) \{$", re.MULTILINE)
# The comment above each attribute says what may be done with it; what it is, the two lines after it say.
_ATTRIBUTE = re.compile(
    r"^  // (?P<name>\w+) - computed: (?P<computed>true|false), optional: (?P<optional>true|false),"
    r" required: (?P<required>true|false)\n(?P<declared>.*)\n(?P<next>.*)\n(?P<after>.*)\n",
    re.MULTILINE,
)
_NESTED = re.compile(
    r'new (?P<class>\w+?)(?P<kind>List|Map|OutputReference)\(this, "\w+"(?:, (?P<set>\w+))?\)'
)
_NESTED_ARRAY = re.compile(r"\?: (?P<class>\w+)\[\] \| cdktf\.IResolvable;")
_HCL = re.compile(
    r"^\s+(?P<name>\w+): \{\n\s+value: .*\n\s+isBlock: true,\n\s+type: \"(?P<type>\w+)\",", re.MULTILINE
)
_SCALARS = {"string": "string", "number": "number", "boolean": "bool", "boolean | cdktf.IResolvable": "bool"}
_GETTERS = {"String": "string", "Number": "number", "Boolean": "bool"}


@dataclass(frozen=True, slots=True)
class Attribute:
    """An argument or a value that is known afterwards."""

    type: Type
    required: bool
    optional: bool
    computed: bool

    @property
    def is_decided_by_the_provider(self) -> bool:
        """Whether no configuration may set it."""
        return self.computed and not self.optional


@dataclass(frozen=True, slots=True)
class Nested:
    """A kind of block within a block; ``max_items`` 0 means any number."""

    nesting: Nesting
    min_items: int
    max_items: int
    block: Block


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between a pair of braces."""

    attributes: Mapping[str, Attribute]
    blocks: Mapping[str, Nested]


def shape_of(typescript: str) -> Block:
    """Return the shape of the resource, data source or provider that a file of the package describes."""
    return _Classes(typescript).top()


def folder_of(kind: Literal["resource", "data"], terraform_type: str) -> str:
    """Return the folder of the package where a type stands: ``aws_sqs_queue`` in ``sqs-queue``."""
    name = terraform_type.removeprefix("aws_").replace("_", "-")
    return f"data-aws-{name}" if kind == "data" else name


class _Classes:
    """The classes of one file: one for the resource itself and one for each kind of nested block."""

    def __init__(self, typescript: str) -> None:
        self._text = typescript
        found = list(_CLASS.finditer(typescript))
        ends = [match.start() for match in found[1:]] + [len(typescript)]
        self._bodies = {
            match[1]: typescript[match.end() : end] for match, end in zip(found, ends, strict=True)
        }
        self._top = next(match[1] for match in found if match[2].startswith("Terraform"))

    def top(self) -> Block:
        block = self._block(self._top, self._bodies[self._top])
        # The generator leaves it out where the provider marks it deprecated, and state has it all the same.
        own_id = Attribute("string", required=False, optional=True, computed=True)
        attributes = {"id": own_id, **block.attributes}
        attributes.pop("alias", None)  # of the provider: Terraform's own word
        return Block(attributes, block.blocks)

    def _block(self, name: str, body: str) -> Block:
        attributes: dict[str, Attribute] = {}
        blocks: dict[str, Nested] = {}
        nestings = self._nestings(name, body)
        for found in _ATTRIBUTE.finditer(body):
            computed, optional, required = (
                found[word] == "true" for word in ("computed", "optional", "required")
            )
            nested = self._nested(found, nestings.get(found["name"], "list"))
            if nested is None:
                kind = _type_of(found["declared"], found["next"], found["after"])
                attributes[found["name"]] = Attribute(kind, required, optional, computed)
            elif computed:
                # The provider's library makes an attribute of a block that it may fill in itself.
                attributes[found["name"]] = Attribute(_as_type(nested), required, optional, computed)
            else:
                blocks[found["name"]] = nested
        return Block(attributes, blocks)

    def _nestings(self, name: str, body: str) -> dict[str, str]:
        """Return for each nested block of a class whether it is a list, a set, a map or a single one."""
        struct = name.removesuffix("OutputReference")
        writer = f"export function {struct[0].lower()}{struct[1:]}ToHclTerraform("
        start = self._text.find(writer)
        text = body if start < 0 else self._text[start : self._text.find("\n}\n", start)]
        return {found["name"]: found["type"] for found in _HCL.finditer(text)}

    def _nested(self, found: re.Match[str], nesting: str) -> Nested | None:
        min_items = 1 if found["required"] == "true" else 0
        if array := _NESTED_ARRAY.search(found["declared"]):
            return Nested("list", min_items, 0, self._struct(array["class"]))
        match = _NESTED.search(found["declared"])
        if match is None:
            return None
        block = self._struct(match["class"])
        if match["kind"] == "OutputReference":
            if nesting == "struct":
                return Nested("single", 0, 0, block)
            return Nested("set" if nesting == "set" else "list", min_items, 1, block)
        if match["kind"] == "Map":
            return Nested("map", 0, 0, block)
        return Nested("set" if match["set"] == "true" else "list", min_items, 0, block)

    def _struct(self, name: str) -> Block:
        body = self._bodies.get(f"{name}OutputReference")
        return self._block(name, body) if body is not None else self._of_interface(name)

    def _of_interface(self, name: str) -> Block:
        """Return a block of the provider's own configuration, of which there are interfaces only."""
        start = self._text.index(f"export interface {name} {{")
        body = self._text[start : self._text.index("\n}\n", start)]
        pairs = re.findall(r"#(\w+) \w+#\w+\}\n(?:  \*.*\n)*?  \*/\n  readonly \w+\?: (.*);", body)
        attributes = {
            attribute: Attribute(_declared_type(kind, ""), required=False, optional=True, computed=False)
            for attribute, kind in pairs
        }
        return Block(attributes, {})


def _type_of(declared: str, following: str, after: str) -> Type:
    if kept := re.search(r"private _\w+\??: (.*);", declared):
        return _declared_type(kept[1], after)
    if mapped := re.search(r"new cdktf\.(String|Number|Boolean)Map\(", declared):
        return ["map", _GETTERS[mapped[1]]]
    return _read_type(following)


def _declared_type(declared: str, returned: str) -> Type:
    """Return the type of an argument; that an array is a set shows only where it is read."""
    if declared in _SCALARS:
        return _SCALARS[declared]
    if mapped := re.fullmatch(r"\{ \[key: string\]: \(?(.*?)\)? \}", declared):
        return ["map", _SCALARS.get(mapped[1], "string")]
    if declared in ("string[]", "number[]"):
        return ["set" if "Fn.tolist(" in returned else "list", declared[:-2]]
    return "dynamic"


def _read_type(returned: str) -> Type:
    """Return the type of a value that is only read."""
    found = re.search(r"this\.get(String|Number|Boolean)?(List|Map)?Attribute\(", returned)
    if found is None:
        return "dynamic"
    element = _GETTERS[found[1] or "String"]
    if found[2] == "Map":
        return ["map", element]
    if found[2] == "List":
        return ["set" if "Fn.tolist(" in returned else "list", element]
    return element


def _as_type(nested: Nested) -> Type:
    members: dict[str, object] = {name: attribute.type for name, attribute in nested.block.attributes.items()}
    members |= {name: _as_type(inner) for name, inner in nested.block.blocks.items()}
    is_object = nested.nesting == "single"
    return ["object", members] if is_object else [nested.nesting, ["object", members]]
