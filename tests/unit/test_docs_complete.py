"""What somebody can type, meet or be told is in a document: commands with their options, pages."""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Iterator
from functools import cache

import pytest

from local.slipway_cli import main
from tests.support.repository import ROOT

DOCS = ROOT / "docs"


@cache
def pages() -> tuple[str, ...]:
    return tuple(page.read_text("utf-8") for page in (ROOT / "README.md", *sorted(DOCS.glob("*.md"))))


def parsers(parser: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield each command that does something, with the name that is typed."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield name, parser
    for group in groups:
        for word, child in group.choices.items():
            yield from parsers(child, f"{name} {word}")


def commands() -> dict[str, argparse.ArgumentParser]:
    whole = argparse.ArgumentParser()
    subparsers = whole.add_subparsers()
    for module in main._COMMANDS:
        importlib.import_module(module).add_parser(subparsers)
    return dict(parsers(whole, "slipway"))


COMMANDS = commands()
OPTIONS = [
    (name, tuple(action.option_strings))
    for name, parser in COMMANDS.items()
    for action in parser._actions
    if action.option_strings and "--help" not in action.option_strings
]


def names(text: str, word: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is not None


def pages_about(command: str) -> list[str]:
    """The pages that name a command, also as one of several: `slipway config check|compile`."""
    group, _, last = command.rpartition(" ")
    several = re.compile(rf"(?<![\w-]){re.escape(group)} [\w|]*(?<!\w){re.escape(last)}(?![\w-])")
    return [page for page in pages() if several.search(page)]


def test_there_are_commands_with_options() -> None:
    assert {"slipway config check", "slipway plan", "slipway demo"} <= set(COMMANDS)
    assert ("slipway plan", ("--snapshot",)) in OPTIONS


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_is_in_a_page(command: str) -> None:
    assert pages_about(command)


@pytest.mark.parametrize(("command", "spellings"), OPTIONS, ids=str)
def test_every_option_of_a_command_is_in_a_page_about_it(command: str, spellings: tuple[str, ...]) -> None:
    assert any(names(page, spelling) for page in pages_about(command) for spelling in spellings)


def test_an_option_that_is_only_the_beginning_of_another_is_not_taken_for_it() -> None:
    assert names("`--out DIR`", "--out")
    assert not names("`--output FILE`", "--out")


def test_every_page_is_on_the_map() -> None:
    page = (DOCS / "README.md").read_text("utf-8")
    missing = [path.name for path in DOCS.glob("*.md") if f"]({path.name})" not in page]
    assert missing == ["README.md"]
