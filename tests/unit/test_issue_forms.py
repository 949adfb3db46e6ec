"""Issue forms: GitHub refuses one by these rules, and then shows nobody any.

The rules are those of docs.github.com: "Syntax for issue forms", "Syntax for GitHub's form schema" and "Common
validation errors when creating issue forms".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.repository import ROOT

FOLDER = ROOT / ".github" / "ISSUE_TEMPLATE"
FORMS = sorted(path for path in FOLDER.glob("*.yml") if path.name != "config.yml")
TOP = {"name", "description", "title", "labels", "assignees", "projects", "type", "body"}
LISTS = {"labels", "assignees", "projects", "body"}
ATTRIBUTES = {
    "markdown": ({"value"}, {"value"}),
    "textarea": ({"label"}, {"label", "description", "placeholder", "value", "render"}),
    "input": ({"label"}, {"label", "description", "placeholder", "value"}),
    "dropdown": ({"label", "options"}, {"label", "description", "multiple", "options", "default"}),
    "checkboxes": ({"label", "options"}, {"label", "description", "options"}),
}


def faults(form: dict[str, Any]) -> list[str]:
    return [*top_faults(form), *body_faults(form["body"])]


def top_faults(form: dict[str, Any]) -> Iterator[str]:
    yield from (f"{key}: not permitted" for key in form if key not in TOP)
    yield from (f"{key}: missing" for key in ("name", "description", "body") if key not in form)
    for key in set(form) & TOP:
        if not isinstance(form[key], list if key in LISTS else str) or not form[key]:
            yield f"{key}: of a wrong kind, or empty"


def body_faults(body: list[dict[str, Any]]) -> Iterator[str]:
    inputs = [element for element in body if element.get("type") != "markdown"]
    if not inputs:
        yield "body: nothing to fill in"
    ids = [element["id"] for element in body if "id" in element]
    labels = [re.sub(r"[^a-z0-9_]+", "-", element["attributes"]["label"].lower()) for element in inputs]
    for what, values in (("id", ids), ("label", labels)):
        if len(set(values)) != len(values):
            yield f"{what}: given twice"
    for number, element in enumerate(body):
        yield from (f"body[{number}]: {fault}" for fault in element_faults(element))


def element_faults(element: dict[str, Any]) -> Iterator[str]:
    if element.get("type") not in ATTRIBUTES:
        yield f"{element.get('type')} is no type"
        return
    required, permitted = ATTRIBUTES[element["type"]]
    attributes = element.get("attributes", {})
    yield from (f"{key}: missing" for key in required - set(attributes))
    yield from (f"{key}: not permitted" for key in set(attributes) - permitted)
    yield from (f"{key}: not permitted" for key in set(element) - {"type", "id", "attributes", "validations"})
    if not re.fullmatch(r"[A-Za-z0-9_-]+", element.get("id", "x")):
        yield "id: letters, digits, - and _ alone"
    for key in {"label", "description", "placeholder", "value", "render"} & set(attributes):
        if not isinstance(attributes[key], str) or not attributes[key].strip():
            yield f"{key}: a text is wanted"
    if "password" in str(attributes.get("label", "")).lower():
        yield "label: a forbidden word"
    yield from option_faults(element["type"], attributes.get("options", []))


def option_faults(kind: str, options: list[Any]) -> Iterator[str]:
    texts = [option["label"] if kind == "checkboxes" else option for option in options]
    if len(set(map(str, texts))) != len(texts):
        yield "options: given twice"
    yield from (f"{text!r}: a text is wanted" for text in texts if not isinstance(text, str))
    if kind == "dropdown" and "none" in [str(text).lower() for text in texts]:
        yield "options: none is a reserved word"


def read(path: Path) -> dict[str, Any]:
    form: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return form


def element(path: Path, name: str) -> dict[str, Any]:
    (found,) = [each for each in read(path)["body"] if each.get("id") == name]
    return dict(found)


def test_there_is_a_form_to_ask_and_one_to_report() -> None:
    assert [path.name for path in FORMS] == ["bug.yml", "request.yml"]


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_github_would_take_the_form(path: Path) -> None:
    assert faults(read(path)) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"hello": "world"}, "hello: not permitted"),
        ({"description": True}, "description: of a wrong kind, or empty"),
        ({"body": [{"type": "markdown", "attributes": {"value": "read"}}]}, "body: nothing to fill in"),
        ({"body": [{"type": "x", "attributes": {"label": "a"}}]}, "body[0]: x is no type"),
        (
            {"body": [{"type": "input", "attributes": {"label": "Password"}}]},
            "body[0]: label: a forbidden word",
        ),
        (
            {"body": [{"type": "dropdown", "attributes": {"label": "a", "options": ["None", "b"]}}]},
            "body[0]: options: none is a reserved word",
        ),
        (
            {"body": [{"type": "input", "attributes": {"label": "Name?"}}] * 2},
            "label: given twice",
        ),
    ],
)
def test_a_form_that_github_would_refuse_is_found(change: dict[str, Any], fault: str) -> None:
    assert fault in faults({**read(FORMS[0]), **change})


def test_a_request_says_what_it_is_decided_by() -> None:
    path = FOLDER / "request.yml"
    for name in ("want", "today", "often", "worth"):
        assert element(path, name)["validations"]["required"] is True
    assert element(path, "deadline")["attributes"]["label"]


@pytest.mark.parametrize("command", ["doctor", "status", "explain"])
def test_a_report_asks_for_what_the_commands_print(command: str) -> None:
    attributes = element(FOLDER / "bug.yml", command)["attributes"]
    assert re.fullmatch(rf"slipway {command}(?: JOB)? --json", attributes["label"])
    assert attributes["render"] == "json"


def test_a_report_reminds_of_what_not_to_paste_and_wants_that_looked_at() -> None:
    reminder = read(FOLDER / "bug.yml")["body"][0]["attributes"]["value"]
    for word in ("tokens", "private keys", "webhook's secret", "JIT configs", "account ids", "logs of a job"):
        assert word in reminder
    (option,) = element(FOLDER / "bug.yml", "clean")["attributes"]["options"]
    assert option["required"] is True
