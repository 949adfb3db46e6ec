"""checkov on both trees: nothing that has no reason, no reason for nothing, and mistakes are seen."""

from __future__ import annotations

import shutil

import pytest

from local.infra_check.checkov import Finding, Skip, findings, skips
from tests.support.deployments import ENTERPRISE, ENVIRONMENTS, ROOT, TWO_REGIONS, assemble
from tests.support.infra_tools import tool

SAM, TERRAFORM = ROOT / "infra" / "sam", ROOT / "infra" / "terraform"

MISTAKES = """
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {SqsManagedSseEnabled: false}
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: The world may log in
      SecurityGroupIngress:
        - {IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 0.0.0.0/0, Description: The world}
"""

pytestmark = [pytest.mark.toolchain, pytest.mark.slow]


def unexplained(found: list[Finding], known: list[Skip]) -> list[Finding]:
    return [finding for finding in found if not any(skip.covers(finding) for skip in known)]


@pytest.fixture(scope="module")
def of_sam(tmp_path_factory: pytest.TempPathFactory) -> list[Finding]:
    """What is found in three deployments, the network, and a file of mistakes: one run for all of them."""
    program = tool("checkov", ".venv-checkov")
    folder = tmp_path_factory.mktemp("checkov")
    for name, file, home in (
        ("enterprise", ENTERPRISE, None),
        ("two", TWO_REGIONS, "eu-west-1"),
        ("environments", ENVIRONMENTS, None),
    ):
        (folder / name).mkdir()
        assemble(file, folder / name, home)
    shutil.copy(SAM / "network.yaml", folder)
    (folder / "mistakes.yaml").write_text(MISTAKES, "utf-8")
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.yaml"))
    assert len(files) == 6
    return findings(program, "cloudformation", ["-f", *files], folder)


@pytest.fixture(scope="module")
def of_terraform() -> list[Finding]:
    program = tool("checkov", ".venv-checkov")
    return findings(program, "terraform", ["-d", "infra/terraform"], ROOT)


def test_the_sam_tree_has_no_finding_without_a_reason(of_sam: list[Finding]) -> None:
    ours = [finding for finding in of_sam if finding.file != "mistakes.yaml"]
    assert {finding.file.partition("/")[0] for finding in ours} >= {"enterprise", "two"}
    assert unexplained(ours, skips()) == []


def test_the_terraform_tree_has_no_finding_without_a_reason(of_terraform: list[Finding]) -> None:
    assert unexplained(of_terraform, skips()) == []


def test_mistakes_are_found_and_no_skip_hides_them(of_sam: list[Finding]) -> None:
    found = unexplained([finding for finding in of_sam if finding.file == "mistakes.yaml"], skips())
    assert {(finding.check, finding.resource.rpartition(".")[2]) for finding in found} >= {
        ("CKV_AWS_27", "Queue"),
        ("CKV_AWS_24", "Group"),
    }


def test_every_skip_has_a_reason_and_is_needed(of_sam: list[Finding], of_terraform: list[Finding]) -> None:
    for skip in skips():
        assert len(skip.reason) > 20, skip
        assert skip.patterns, skip
        for pattern in skip.patterns:
            assert pattern != "*", skip
            narrowed = Skip(skip.check, (pattern,), skip.about, skip.reason)
            assert [one for one in (*of_sam, *of_terraform) if narrowed.covers(one)], narrowed


def test_no_check_is_skipped_twice() -> None:
    checks = [skip.check for skip in skips()]
    assert sorted(set(checks)) == sorted(checks)
