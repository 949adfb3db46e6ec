"""Messages of Terraform's plugin protocol, as bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.infra_check.terraform import messages
from local.infra_check.terraform.shapes import Attribute, Block, Nested
from local.infra_check.terraform.values import UNKNOWN, pack, set_though_computed, unpack

SET = Attribute("string", required=True, optional=False, computed=False)
DECIDED = Attribute("string", required=False, optional=False, computed=True)


@given(st.integers(1, 2**60), st.integers(1, 30))
def test_a_number_is_read_as_it_was_written(value: int, number: int) -> None:
    assert messages.read(messages.field(number, value)) == {number: [value]}


@given(st.lists(st.binary(min_size=1, max_size=300), min_size=1))
def test_repeated_texts_keep_their_order(values: list[bytes]) -> None:
    body = b"".join(messages.field(2, value) for value in values)
    assert messages.read(body) == {2: values}


def test_what_has_its_default_is_left_out_and_read_as_that() -> None:
    assert messages.field(1, "") == messages.field(1, 0) == messages.field(1, b"") == b""
    assert messages.text(messages.read(b""), 1) == ""


def test_an_empty_message_is_not_left_out() -> None:
    assert messages.read(messages.message(1, b"")) == {1: [b""]}


def test_a_field_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="field 1 is of kind 5"):
        messages.read(bytes([1 << 3 | 5, 0, 0, 0, 0]))


def test_bytes_of_the_protocols_own_encoding() -> None:
    """Field 1, a varint of 150; field 2, the text `testing`: the examples of protocol buffers' documentation."""
    assert messages.field(1, 150) == bytes.fromhex("089601")
    assert messages.field(2, "testing") == bytes.fromhex("120774657374696e67")


def test_a_schema_names_every_attribute_with_its_type_and_every_block_with_its_bounds() -> None:
    inner = Block({"tags": Attribute(["map", "string"], required=False, optional=True, computed=False)}, {})
    shape = Block({"name": SET, "arn": DECIDED}, {"rule": Nested("list", 1, 3, inner)})
    answer = messages.read(messages.schemas(Block({}, {}), {"aws_x": shape}, {}))
    entry = messages.read(messages.data(answer, 2))
    assert messages.text(entry, 1) == "aws_x"
    block = messages.read(messages.data(messages.read(messages.data(entry, 2)), 2))
    arn, name = (messages.read(bytes(part)) for part in block[2])
    assert (messages.text(arn, 1), json.loads(messages.text(arn, 2)), arn.get(6)) == ("arn", "string", [1])
    assert (messages.text(name, 1), name.get(4), name.get(6)) == ("name", [1], None)
    rule = messages.read(messages.data(block, 3))
    assert (messages.text(rule, 1), rule[3], rule[4], rule[5]) == ("rule", [2], [1], [3])


@pytest.mark.parametrize(
    "value", [None, {"a": [1, True, None]}, {"name": UNKNOWN, "blocks": [{"x": UNKNOWN}]}]
)
def test_a_value_is_read_as_it_was_written_with_what_is_unknown(value: Any) -> None:
    assert unpack(pack(value)) == value


def test_what_terraform_knows_of_an_unknown_value_does_not_matter() -> None:
    refined = bytes.fromhex("c7030c8101c2")  # an extension of type 12: not null
    assert unpack(refined) is UNKNOWN


def test_a_value_that_only_the_provider_may_set_is_found_at_any_depth() -> None:
    inner = Block({"name": SET, "status": DECIDED}, {})
    shape = Block(
        {"name": SET, "arn": DECIDED},
        {"rule": Nested("list", 0, 0, inner), "one": Nested("single", 0, 0, inner)},
    )
    given_values = {
        "name": "x",
        "arn": UNKNOWN,
        "rule": [{"name": "a"}, {"status": "on"}],
        "one": {"status": "on"},
    }
    assert list(set_though_computed(shape, given_values)) == ["arn", "rule.status", "one.status"]
    assert list(set_though_computed(shape, {"name": "x", "arn": None, "rule": UNKNOWN})) == []
