"""The parts that templates are made of: logical ids, placeholders, CloudFormation's YAML."""

from __future__ import annotations

import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from local.infra_check.sam.parameters import Place
from local.infra_check.sam.resolver import Resolver
from local.infrastructure.cloudformation.logical_ids import logical_id
from local.infrastructure.cloudformation.placeholders import filled_in
from local.infrastructure.cloudformation.template_text import read_template, template_text

NAMES = st.from_regex(r"[a-z0-9_-]{1,20}", fullmatch=True)
VALUES = {
    "account_id": {"Ref": "AWS::AccountId"},
    "claim_region": {"Ref": "AWS::Region"},
    "claim_url": {"Fn::Sub": "https://api.${AWS::Region}"},
    "claim_api_id": {"Fn::If": ["Yes", "abc", "xyz"]},
}
FILLED = {
    "account_id": "111122223333",
    "claim_region": "eu-west-1",
    "claim_url": "https://api.eu-west-1",
    "claim_api_id": "abc",
}
RESOLVER = Resolver({"Resources": {}, "Conditions": {"Yes": {"Fn::Equals": ["a", "a"]}}}, {}, Place())
PIECES = st.sampled_from([*(f"${{{name}}}" for name in VALUES), "${aws:username}", "$", "!", "}", "x"])


@given(NAMES, NAMES)
def test_no_two_names_share_a_logical_id_and_each_is_one(one: str, other: str) -> None:
    made = logical_id("Pool", one, "Cluster")
    assert re.fullmatch("[A-Za-z0-9]{1,255}", made)
    assert (made == logical_id("Pool", other, "Cluster")) == (one == other)


def test_a_plain_name_reads_well_and_others_that_would_be_the_same_are_marked() -> None:
    assert logical_id("Pool", "general", "Cluster") == "PoolGeneralCluster"
    alike = {logical_id("Pool", name) for name in ("a-b", "a_b", "ab", "a-b-", "-a-b")}
    assert len(alike) == 5


@given(st.lists(PIECES).map("".join))
def test_cloudformation_makes_of_any_text_what_replacing_the_placeholders_would(text: str) -> None:
    wanted = re.sub(
        r"\$\{(account_id|claim_region|claim_url|claim_api_id)\}", lambda match: FILLED[match[1]], text
    )
    assert RESOLVER.resolved(filled_in({"a": [text]}, VALUES)) == {"a": [wanted]}


def test_a_text_without_placeholders_stays_plain_and_one_that_is_a_placeholder_becomes_its_value() -> None:
    assert filled_in("${aws:username}", VALUES) == "${aws:username}"
    assert filled_in("${claim_api_id}", VALUES) == VALUES["claim_api_id"]
    assert filled_in("a/${account_id}/${aws:username}", VALUES) == {
        "Fn::Sub": "a/${AWS::AccountId}/${!aws:username}"
    }


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("!Ref Table", {"Ref": "Table"}),
        ("!GetAtt Table.Arn", {"Fn::GetAtt": ["Table", "Arn"]}),
        ("!GetAtt Stack.Outputs.Name", {"Fn::GetAtt": ["Stack", "Outputs.Name"]}),
        ("!Sub [a, {b: !Ref c}]", {"Fn::Sub": ["a", {"b": {"Ref": "c"}}]}),
        ("!And [!Condition A, !Condition B]", {"Fn::And": [{"Condition": "A"}, {"Condition": "B"}]}),
        ("!Select {a: !Ref b}", {"Fn::Select": {"a": {"Ref": "b"}}}),
    ],
)
def test_short_forms_are_read_as_long_ones(short: str, long: object) -> None:
    assert read_template(f"a: {short}") == {"a": long}


def test_what_is_written_reads_back_the_same_and_strings_stay_strings() -> None:
    shared = {"Mode": "OFF", "Version": "2012-10-17", "Value": "true", "Number": "120"}
    template = {
        "b": [shared, shared],
        "a": {"Ref": "AWS::NoValue"},
        "t": "{{resolve:ssm:/a}}",
        "u": "ä" * 300,
    }
    text = template_text(template, "one\ntwo")
    assert text.startswith("# one\n# two\n")
    assert read_template(text) == template
    assert "&" not in text


def test_nothing_but_plain_values_is_made_of_yaml() -> None:
    assert read_template("a: !!str 1") == {"a": "1"}
    with pytest.raises(yaml.constructor.ConstructorError):
        read_template("a: !!python/object/apply:os.getcwd []")
