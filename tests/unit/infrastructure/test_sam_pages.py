"""The SAM tree's page and its templates say the same."""

from __future__ import annotations

import re
import tomllib

import pytest

from local.infrastructure.cloudformation.sam_files import FOLDER
from local.infrastructure.cloudformation.template_text import read_template

ROOT = FOLDER.parents[1]
PAGE = (FOLDER / "README.md").read_text("utf-8")


def parameters(name: str) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = read_template((FOLDER / name).read_text("utf-8"))["Parameters"]
    return found


def test_every_parameter_of_the_deployment_is_on_the_page_and_no_other() -> None:
    (table,) = re.findall(r"^## Parameters\n\n(.*?)\n\n", PAGE, re.MULTILINE | re.DOTALL)
    named = {name for line in table.splitlines() for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert named == parameters("template.yaml").keys()


@pytest.mark.parametrize("name", ["template.yaml", "region.yaml", "network.yaml"])
def test_every_parameter_says_what_it_is_and_refuses_what_it_cannot_be(name: str) -> None:
    for parameter, declared in parameters(name).items():
        assert len(str(declared["Description"])) > 10, parameter
        assert {"AllowedValues", "AllowedPattern", "MinValue"} & declared.keys(), parameter
        if "AllowedPattern" in declared:
            assert "ConstraintDescription" in declared, parameter
            default = declared.get("Default")
            assert default is None or re.fullmatch(str(declared["AllowedPattern"]), str(default)), parameter


def test_every_parameter_has_a_place_in_the_console_s_form() -> None:
    for name in ("template.yaml", "network.yaml"):
        template = read_template((FOLDER / name).read_text("utf-8"))
        groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        shown = [parameter for group in groups for parameter in group["Parameters"]]
        assert sorted(shown) == sorted(template["Parameters"]), name


def test_what_a_region_shares_with_the_home_region_it_declares_the_same() -> None:
    home, region = parameters("template.yaml"), parameters("region.yaml")
    shared = home.keys() & region.keys()
    assert shared >= {"RootVolumeGib", "DataVolumeGib", "ContainerInsights", "PermissionsBoundaryArn"}
    for name in shared - {"KmsKeyArn", "LogRetentionDays"}:  # which there speak of less
        assert home[name] == region[name], name
    for name in ("KmsKeyArn", "LogRetentionDays"):
        assert {**home[name], "Description": ""} == {**region[name], "Description": ""}, name


def test_the_webhook_s_path_is_never_shown() -> None:
    template = read_template((FOLDER / "template.yaml").read_text("utf-8"))
    assert template["Parameters"]["WebhookPath"]["NoEcho"] is True
    assert "WebhookPath" not in str([output["Value"] for output in template["Outputs"].values()])


def test_the_configuration_lets_named_roles_be_made() -> None:
    deploy = tomllib.loads((FOLDER / "samconfig.toml").read_text("utf-8"))["default"]["deploy"]["parameters"]
    assert deploy["capabilities"] == "CAPABILITY_NAMED_IAM"
    assert deploy["resolve_s3"] is True


def test_what_sam_is_told_is_written_into_a_file_that_git_passes_over() -> None:
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    for page in (PAGE, (ROOT / "docs" / "getting-started.md").read_text("utf-8")):
        files = set(re.findall(r'--config-file "\$PWD/([^"]+)"', page))
        assert files == {"samconfig.toml"}
        assert {f"/{file}" for file in files} <= set(ignored)
        assert "cp infra/sam/samconfig.toml samconfig.toml" in page
