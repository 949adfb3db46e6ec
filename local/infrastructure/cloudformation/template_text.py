"""CloudFormation's YAML: its short forms (``!Ref``) in, its long forms (``Ref:``) out."""

from __future__ import annotations

from typing import Any

import yaml

Template = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which knows CloudFormation's tags besides."""


class _Dumper(yaml.SafeDumper):
    """PyYAML's safe dumper, without anchors: CloudFormation knows none [CFN-YAML]."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 the signature is PyYAML's
        return True


def _function(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)  # noqa: S101 the only other kind of node
        value = loader.construct_mapping(node, deep=True)
    if suffix in {"Ref", "Condition"}:
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _function)


def read_template(text: str) -> Template:
    """Return a template with every function in its long form."""
    # _Loader is a SafeLoader: it makes nothing but plain values.
    template: Template = yaml.load(text, Loader=_Loader)  # noqa: S506
    return template


def template_text(template: Template, comment: str) -> str:
    """Return a template as YAML below a comment; the same template gives the same text."""
    body = yaml.dump(template, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1_000_000)
    lines = "".join(f"# {line}\n" for line in comment.splitlines())
    return lines + body
