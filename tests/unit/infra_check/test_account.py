"""What the stub makes up of AWS, and what it leaves unknown."""

from __future__ import annotations

from local.infra_check.terraform.account import filled_in
from local.infra_check.terraform.shapes import Attribute, Block
from local.infra_check.terraform.values import UNKNOWN

GIVEN = Attribute("string", required=False, optional=True, computed=False)
EITHER = Attribute("string", required=False, optional=True, computed=True)
DECIDED = Attribute("string", required=False, optional=False, computed=True)
QUEUE = Block(
    {
        "name": EITHER,
        "name_prefix": EITHER,
        "policy": GIVEN,
        "region": EITHER,
        "arn": DECIDED,
        "url": DECIDED,
        "id": EITHER,
        "created": DECIDED,
        "size": Attribute("number", required=False, optional=False, computed=True),
        "tags": Attribute(["map", "string"], required=False, optional=True, computed=False),
        "tags_all": Attribute(["map", "string"], required=False, optional=True, computed=True),
    },
    {},
)
NOTHING = dict.fromkeys(QUEUE.attributes)


def test_arns_and_addresses_follow_from_the_name() -> None:
    made = filled_in("aws_sqs_queue", QUEUE, {**NOTHING, "name": "a-jobs", "tags": {"x": "y"}}, "eu-west-1")
    assert made["arn"] == "arn:aws:sqs:eu-west-1:111122223333:a-jobs"
    assert made["url"] == "https://sqs.eu-west-1.amazonaws.com/111122223333/a-jobs"
    assert (made["region"], made["tags_all"]) == ("eu-west-1", {"x": "y"})


def test_a_resource_lies_in_the_region_that_it_names() -> None:
    made = filled_in("aws_sqs_queue", QUEUE, {**NOTHING, "name": "a", "region": "us-west-2"}, "eu-west-1")
    assert made["arn"] == "arn:aws:sqs:us-west-2:111122223333:a"


def test_what_was_left_to_the_provider_stays_unknown_and_what_was_left_out_stays_out() -> None:
    made = filled_in("aws_sqs_queue", QUEUE, {**NOTHING, "name": "a"}, "eu-west-1")
    assert made["name_prefix"] is UNKNOWN
    assert made["size"] is UNKNOWN
    assert made["policy"] is None


def test_a_name_that_is_unknown_leaves_what_follows_from_it_unknown() -> None:
    made = filled_in("aws_sqs_queue", QUEUE, {**NOTHING, "name": UNKNOWN}, "eu-west-1")
    assert made["arn"] is UNKNOWN


def test_other_texts_say_whose_they_are() -> None:
    made = filled_in("aws_vpc", QUEUE, {**NOTHING, "name": "a"}, "eu-west-1")
    assert (made["id"], made["created"]) == ("a", "aws_vpc.created(a)")


def test_resources_without_a_name_are_told_by_what_is_known_of_them() -> None:
    ids = [
        filled_in("aws_vpc", QUEUE, {**NOTHING, "name": UNKNOWN, "policy": text}, "eu-west-1")["id"]
        for text in "aab"
    ]
    assert ids[0] == ids[1] != ids[2]


def test_a_data_source_has_no_unknown_values() -> None:
    region = Block({"region": EITHER, "size": QUEUE.attributes["size"]}, {})
    assert filled_in("aws_region", region, {"region": None, "size": None}, "eu-west-1", is_data=True) == {
        "region": "eu-west-1",
        "size": None,
    }
