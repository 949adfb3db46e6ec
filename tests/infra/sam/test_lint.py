"""The templates as cfn-lint sees them: AWS's own schemas, and what it knows of references."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from local.infra_check.sam.translated import region_of
from local.infrastructure.cloudformation.template_text import (
    Template,
    read_template,
    template_text,
)
from tests.support.deployments import ROOT

NETWORK = ROOT / "infra" / "sam" / "network.yaml"


def found(template: Template) -> list[str]:
    """What cfn-lint says of a template in its own region, warnings too."""
    settings = ManualArgs(regions=[region_of(template) or "eu-west-1"])
    return [
        f"{match.rule.id} {'/'.join(map(str, match.path or []))}: {match.message}"
        for match in lint(template_text(template, "a copy"), config=settings)
    ]


def of(path: Path) -> Template:
    return read_template(path.read_text("utf-8"))


def test_templates_have_nothing_that_cfn_lint_objects_to(enterprise: Path, two_regions: Path) -> None:
    for path in (enterprise, two_regions, two_regions.parent / "region-us-east-1.yaml", NETWORK):
        assert found(of(path)) == [], path


def test_environments_have_nothing_either_wherever_they_are(
    environments: Path, environments_elsewhere: Path
) -> None:
    elsewhere = environments_elsewhere.parent / "region-us-west-2.yaml"
    for path in (environments, environments_elsewhere, elsewhere):
        assert found(of(path)) == [], path
    assert set(of(elsewhere)["Resources"]) == {"EnvironmentsCluster"}
    assert "EnvironmentsCluster" not in of(environments_elsewhere)["Resources"]


def misspell(template: Template) -> None:
    properties = template["Resources"]["JobsQueue"]["Properties"]
    properties["VisibilityTimeOut"] = properties.pop("VisibilityTimeout")


def misspell_in_a_pool(template: Template) -> None:
    data = template["Resources"]["PoolGeneralLaunchTemplate"]["Properties"]["LaunchTemplateData"]
    data["MetadataOptions"]["HttpToken"] = "required"


def give_a_wrong_type(template: Template) -> None:
    template["Resources"]["ReaperFunction"]["Properties"]["Timeout"] = "a minute"


def refer_to_nothing(template: Template) -> None:
    template["Resources"]["ClaimStage"]["Properties"]["ApiId"] = {"Ref": "ClaimGateway"}


def refer_to_what_may_not_be_there(template: Template) -> None:
    template["Resources"]["TickSchedule"]["Properties"]["Target"]["Arn"] = {
        "Fn::GetAtt": ["RedeliveryFunction", "Arn"]
    }


def name_an_unknown_kind(template: Template) -> None:
    template["Resources"]["Table"]["Type"] = "AWS::DynamoDB::Tables"


MISTAKES: dict[str, tuple[Callable[[Template], None], str]] = {
    "a misspelt property": (misspell, "VisibilityTimeOut"),
    "a misspelt property of a pool": (misspell_in_a_pool, "HttpToken"),
    "a wrong type": (give_a_wrong_type, "'a minute' is not of type 'integer'"),
    "a reference to nothing": (refer_to_nothing, "'ClaimGateway' is not one of"),
    "a reference to what an option leaves out": (refer_to_what_may_not_be_there, "RedeliveryFunction"),
    "an unknown kind of resource": (name_an_unknown_kind, "AWS::DynamoDB::Tables"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("mistake", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_a_copy_is_seen(
    two_regions: Path, mistake: Callable[[Template], None], words: str
) -> None:
    template = of(two_regions)
    mistake(template)
    assert [line for line in found(template) if words in line]
