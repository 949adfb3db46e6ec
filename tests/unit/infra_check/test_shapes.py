"""Shapes of resources, read off generated TypeScript."""

from __future__ import annotations

import pytest

from local.infra_check.terraform.shapes import Attribute, Block, Nested, Type, folder_of, shape_of
from tests.unit.infra_check.sample import SAMPLE


@pytest.fixture(scope="module")
def shape() -> Block:
    return shape_of(SAMPLE)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("arn", "string"),
        ("batch_size", "number"),
        ("is_fifo", "bool"),
        ("layers", ["list", "string"]),
        ("ports", ["set", "number"]),
        ("tags", ["map", "string"]),
        ("tags_all", ["map", "string"]),
        ("zones", ["set", "string"]),
    ],
)
def test_an_attribute_has_its_type(name: str, kind: Type, shape: Block) -> None:
    assert shape.attributes[name].type == kind


def test_who_may_set_an_attribute_is_told(shape: Block) -> None:
    assert shape.attributes["name"] == Attribute("string", required=True, optional=False, computed=False)
    assert shape.attributes["batch_size"] == Attribute("number", required=False, optional=True, computed=True)
    assert shape.attributes["arn"].is_decided_by_the_provider
    assert not shape.attributes["batch_size"].is_decided_by_the_provider


def test_every_resource_has_an_id(shape: Block) -> None:
    assert shape.attributes["id"] == Attribute("string", required=False, optional=True, computed=True)


def test_a_block_that_must_be_there_may_be_there_many_times(shape: Block) -> None:
    rule = shape.blocks["rule"]
    assert (rule.nesting, rule.min_items, rule.max_items) == ("set", 1, 0)
    assert set(rule.block.attributes) == {"name", "status"}


def test_a_block_that_may_be_there_once_is_told_from_the_others(shape: Block) -> None:
    target = shape.blocks["rule"].block.blocks["target"]
    assert (target.nesting, target.min_items, target.max_items) == ("set", 0, 1)


def test_timeouts_are_a_single_block(shape: Block) -> None:
    inner = Block({"create": Attribute("string", required=False, optional=True, computed=False)}, {})
    assert shape.blocks["timeouts"] == Nested("single", 0, 0, inner)


def test_what_the_provider_fills_in_is_an_attribute_and_no_block(shape: Block) -> None:
    assert "state" not in shape.blocks
    assert shape.attributes["state"].type == ["list", ["object", {"since": "number"}]]


def test_a_type_stands_in_its_folder() -> None:
    assert folder_of("resource", "aws_sqs_queue") == "sqs-queue"
    assert folder_of("data", "aws_caller_identity") == "data-aws-caller-identity"
