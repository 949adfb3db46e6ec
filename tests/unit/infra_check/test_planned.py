"""A plan in Terraform's JSON, read."""

from __future__ import annotations

from typing import Any

from local.infra_check.terraform.planned import read_plan
from local.infra_check.terraform.values import UNKNOWN


def resource(address: str, values: dict[str, Any], **more: Any) -> dict[str, Any]:
    kind, name = address.split(".")[-2:]
    return {"address": address, "mode": "managed", "type": kind, "name": name, "values": values, **more}


def change(address: str, unknown: dict[str, Any]) -> dict[str, Any]:
    return {"address": address, "change": {"actions": ["create"], "after_unknown": unknown}}


QUEUE, ROLE = "aws_sqs_queue.jobs", 'module.a.module.b["x"].aws_iam_role.this'
PLAN = {
    "resource_changes": [
        change(
            QUEUE, {"url": True, "rule": [{}, {"id": True}], "names": [False, True], "settings": {"b": True}}
        ),
        change(ROLE, {}),
    ],
    "planned_values": {
        "outputs": {"known": {"value": ["x"]}, "later": {"sensitive": False}},
        "root_module": {
            "resources": [
                resource(
                    QUEUE,
                    {
                        "name": "jobs",
                        "policy": None,
                        "rule": [{"id": "1", "gone": None}, {"kind": "x"}],
                        "names": ["a", None],
                        "settings": {"a": "1"},
                    },
                ),
                {
                    "address": "data.aws_region.this",
                    "mode": "data",
                    "type": "aws_region",
                    "name": "this",
                    "values": {},
                },
            ],
            "child_modules": [
                {
                    "address": "module.a",
                    "child_modules": [
                        {
                            "address": 'module.a.module.b["x"]',
                            "resources": [resource(ROLE, {"name": "r"}, index="x")],
                        }
                    ],
                }
            ],
        },
    },
}


def test_values_are_terraforms_with_what_is_unknown_marked_and_what_is_left_out_gone() -> None:
    queue = next(found for found in read_plan(PLAN).resources if found.address == QUEUE)
    assert queue.values == {
        "name": "jobs",
        "names": ["a", UNKNOWN],
        "rule": [{"id": "1"}, {"id": UNKNOWN, "kind": "x"}],
        "settings": {"a": "1", "b": UNKNOWN},
        "url": UNKNOWN,
    }


def test_resources_of_all_modules_are_listed_by_address_and_data_sources_are_not() -> None:
    plan = read_plan(PLAN)
    assert [found.address for found in plan.resources] == [QUEUE, ROLE]
    assert plan.of_type("aws_iam_role")[0].module == ("module.a", 'module.b["x"]')
    assert plan.of_type("aws_iam_role")[0].index == "x"


def test_an_output_that_is_not_known_yet_says_so() -> None:
    assert read_plan(PLAN).outputs == {"known": ["x"], "later": UNKNOWN}
