"""The quick yes to a body is never a yes to what GitHub would refuse."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.twin.github import spec
from local.twin.github.rest.bodies import surely_fits

SCHEMAS: dict[str, dict[str, Any]] = {
    f"{method} {template}": schema
    for template, item in spec.rest("ghec")["paths"].items()
    for method in item
    if method != "parameters"
    and (content := item[method].get("requestBody", {}).get("content"))
    and (schema := content["application/json"].get("schema"))
}
JIT = SCHEMAS["post /orgs/{org}/actions/runners/generate-jitconfig"]
BODY = {"name": "one", "runner_group_id": 1, "labels": ["linux"], "work_folder": "_work"}
NAMES = sorted({name for schema in SCHEMAS.values() for name in schema.get("properties", {})})
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 5) | st.floats(0, 2) | st.sampled_from(("", "one", "all")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=8,
)


def test_a_jit_call_of_ours_is_told_at_once_that_it_fits() -> None:
    assert surely_fits(JIT)(BODY)


@pytest.mark.parametrize(
    "change",
    [
        {"name": 1},
        {"runner_group_id": True},
        {"runner_group_id": "1"},
        {"labels": []},
        {"labels": ["x"] * 101},
        {"labels": [1]},
        {"labels": "linux"},
        {"work_folder": None},
    ],
)
def test_what_the_schema_refuses_gets_no_quick_yes(change: dict[str, Any]) -> None:
    assert not surely_fits(JIT)(BODY | change)


def test_what_lacks_a_required_field_gets_no_quick_yes() -> None:
    assert not surely_fits(JIT)({"name": "one", "runner_group_id": 1})


@pytest.mark.parametrize("schema", [{"type": "string", "enum": ["one"]}, {"type": ["string", "null"]}, {}])
def test_a_schema_that_says_more_than_is_known_here_gets_no_quick_yes(schema: dict[str, Any]) -> None:
    assert not surely_fits(schema)("one")


@given(st.sampled_from(sorted(SCHEMAS)), st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5) | VALUES)
def test_a_quick_yes_is_the_whole_schema_s_yes(name: str, body: Any) -> None:
    schema = SCHEMAS[name] | {"components": spec.rest("ghec")["components"]}
    if surely_fits(SCHEMAS[name])(body):
        assert jsonschema.Draft202012Validator(schema).is_valid(body)
