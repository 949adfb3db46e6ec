"""Which of our modules a function can import, read from the sources: its package needs nothing else of ours."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

COMPOSITION_ROOT = "slipway.bootstrap"
"""Followed builder by builder, for it imports inside them; every other module is taken whole."""


class Sources:
    """Modules of ours by their names, in folders as Python finds them."""

    def __init__(self, *folders: Path) -> None:
        self._folders = folders

    def path_of(self, module: str) -> Path | None:
        """Return the file of a module or package, None if it is none of ours."""
        for folder in self._folders:
            place = folder.joinpath(*module.split("."))
            for path in (place.with_suffix(".py"), place / "__init__.py"):
                if path.is_file():
                    return path
        return None


def closure(start: str, sources: Sources) -> dict[str, Path]:
    """Return every module of ours that ``start`` can import while it runs, with itself, by name.

    Imports for type checking alone do not count: they are never made.
    """
    found: dict[str, Path] = {}
    _follow([start], found, sources)
    if COMPOSITION_ROOT in found:
        name = COMPOSITION_ROOT.rpartition(".")[2]
        used = {attribute for path in found.values() for attribute in _attributes_of(_tree(path), name)}
        _follow(_imported(_reached(_tree(found[COMPOSITION_ROOT]), used)), found, sources)
    return dict(sorted(found.items()))


def _follow(modules: list[str], found: dict[str, Path], sources: Sources) -> None:
    """Add these modules, the packages that they lie in, and what they import; names of no module of ours are passed."""
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        path = sources.path_of(module)
        if path is None or module in found:
            continue
        found[module] = path
        waiting += [module.rpartition(".")[0]] if "." in module else []
        waiting += [] if module == COMPOSITION_ROOT else _imported(_tree(path).body)


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _attributes_of(tree: ast.Module, name: str) -> set[str]:
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name
    }


def _reached(tree: ast.Module, names: set[str]) -> list[ast.stmt]:
    """Return the statements that run at import, and the definitions that those names lead to."""
    definitions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    kept: list[ast.stmt] = [node for node in tree.body if node not in definitions.values()]
    waiting, seen = set(names), set[str]()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        if name in definitions:
            kept.append(definitions[name])
            mentioned = {node.id for node in ast.walk(definitions[name]) if isinstance(node, ast.Name)}
            waiting |= mentioned - seen
    return kept


def _imported(statements: Iterable[ast.stmt]) -> list[str]:
    """Return what statements import, also inside functions; `from a import b` may name a module or not."""
    modules: list[str] = []
    for node in _running(statements):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return modules


def _running(statements: Iterable[ast.AST]) -> Iterator[ast.AST]:
    for node in statements:
        if isinstance(node, ast.If) and _is_type_checking(node.test):
            yield from _running(node.orelse)
        else:
            yield node
            yield from _running(ast.iter_child_nodes(node))


def _is_type_checking(test: ast.expr) -> bool:
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"
