"""``slipway doctor`` as it is run, with real boto3 on moto, and on ``fixed_aws`` for what moto lacks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local.doctor.examine import examine
from local.doctor.registry import CHECKS
from local.doctor.surroundings import Reach, Surroundings
from local.operator_account import Account
from tests.integration.doctor.deployed import Deployed
from tests.integration.doctor.stage import Stage

# What is asked of an image for one platform, and of an AMI of Amazon's.
LATER = {"images": {"ecr:GetDownloadUrlForLayer"}, "hosts": {"ssm:GetParameter"}}


def test_an_account_that_has_everything_passes(stage: Stage) -> None:
    status, findings = stage.findings()
    assert [one for one in findings if one["status"] != "ok"] == []
    assert status == 0
    looked = {finding["check"] for finding in findings}
    names = [check.name for check in CHECKS]
    once_deployed = names[names.index("functions") + 1 :]
    assert looked == {"configuration", *names} - {"webhook", "reach", *once_deployed}


def test_every_fault_is_told_at_once_with_what_mends_it(stage: Stage) -> None:
    stage.yaml["github"]["secrets"]["webhook"] = ["slipway/none"]
    stage.pool["subnets"] += ["subnet-00000000"]
    stage.iam.delete_role(RoleName="AWSServiceRoleForEC2Spot")
    stage.fixed.quotas["L-34B43A08"] = 1.0
    status, printed = stage.run()
    assert status == 1
    assert "does not exist in eu-west-1" in printed
    assert "does not exist yet: the deployment makes it, empty" in printed
    assert "every Spot launch would be refused" in printed
    assert "not even one instance may run" in printed
    assert printed.count("→") == 4
    assert "(quota-below-one-instance)" in printed
    assert printed.splitlines()[-1] == "18 ok, 1 warning, 3 failed"


def test_a_file_with_faults_tells_all_of_them_and_asks_aws_for_nothing(stage: Stage) -> None:
    stage.pool["instance_types"] = ["m7i.4xlrage"]
    stage.yaml["fairnes"] = {}
    status, findings = stage.findings()
    assert status == 1
    assert {finding["check"] for finding in findings} == {"configuration"}
    assert [finding["status"] for finding in findings] == ["failed", "failed"]
    assert any("pools.general.instance_types[0]" in finding["message"] for finding in findings)
    assert any(finding["mend"] == "write 'm7i.4xlarge'" for finding in findings)
    assert stage.fixed.asked == []


def test_a_file_that_is_not_there_is_a_fault_and_no_traceback(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from local.slipway_cli.main import main

    assert main(["doctor", str(tmp_path / "none.yaml"), "--json"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert "cannot be read" in finding["message"]


def test_without_credentials_it_says_so_once_and_nothing_passes(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    status, findings = stage.findings()
    assert status == 1
    (blind,) = [finding for finding in findings if finding["status"] != "ok"]
    assert (blind["id"], blind["status"]) == ("no-credentials", "unknown")
    assert blind["message"].startswith("could not look: there are no AWS credentials")
    assert [finding["status"] for finding in findings if finding["check"] == "github"] == ["ok"]


@pytest.mark.parametrize(
    ("refused", "permission", "check"),
    [
        ("GetServiceQuota", "servicequotas:GetServiceQuota", "quotas"),
        ("GetFunctionConfiguration", "lambda:GetFunctionConfiguration", "secrets"),
        ("Invoke", "lambda:InvokeFunction", "reach"),
    ],
)
def test_a_missing_permission_is_named_and_takes_no_other_look_along(
    stage: Stage, refused: str, permission: str, check: str
) -> None:
    stage.fixed.refused = {refused}
    stage.yaml["github"]["secrets"]["webhook"] = ["slipway/none"]
    status, findings = stage.findings("--reach", "slipway-reach")
    message = f"could not look: needs permission {permission}"
    assert (check, "unknown", message) in {(one["check"], one["status"], one["message"]) for one in findings}
    assert status == 1
    before = [one.name for one in CHECKS if one.name != "webhook"]
    assert {finding["check"] for finding in findings} >= set(before[: before.index("functions") + 1])


def test_what_aws_cannot_be_asked_is_told_and_no_traceback(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_IAM", "http://127.0.0.1:9")
    troubles = stage.troubles()
    assert {check for check, _, _ in troubles} == {"service-roles"}
    assert all(
        status == "unknown" and "could not look: no connection: Could not connect" in message
        for _, status, message in troubles
    )


def test_an_answer_that_is_no_refusal_is_quoted(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", stage.fixed.url)
    troubles = [message for check, _, message in stage.troubles() if check == "secrets"]
    assert troubles == ["could not look: DescribeSecret answered NoSuchResourceException: no such quota"] * 2


def test_the_permissions_that_a_check_names_are_those_of_the_calls_that_it_makes(stage: Stage) -> None:
    """Every look is taken, also those of a fault: the calls of each check, by their permissions."""
    deployed = Deployed(stage)
    deployed.forget()  # of what is in order less is asked
    session = stage.session()
    made: set[str] = set()

    def note(model: object, **_: object) -> None:
        signed = model.service_model.signing_name  # type: ignore[attr-defined]
        service = {"monitoring": "cloudwatch"}.get(signed, signed)
        action = {"Invoke": "InvokeFunction"}.get(model.name, model.name)  # type: ignore[attr-defined]
        made.add(f"{service}:{action}")

    session.events.register("before-call", note)
    stage.route()
    stage.secrets.delete_secret(SecretId="slipway/webhook", ForceDeleteWithoutRecovery=True)
    surroundings = Surroundings(
        deployed.configuration,
        Account(session),
        "eu-west-1",
        stage.github.certificate,
        reach=Reach(("slipway-reach",)),
    )
    for check in CHECKS:
        made.clear()
        surroundings.account.forget()
        examine([check], surroundings)
        free = {"sts:GetCallerIdentity"}
        assert made - free == set(check.permissions) - LATER.get(check.name, set()), check.name


def test_a_region_is_asked_for_where_none_follows(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert "home region eu-west-1" in stage.run()[1]
    stage.yaml["pools"]["far"] = stage.pool | {"region": "us-east-1"}
    with pytest.raises(SystemExit) as caught:
        stage.run()
    assert caught.value.code == 2
    assert "--region is needed" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong", ["github.com", "github.com:", "github.com:0", "github.com:70000", "a b:1", "x:1x"]
)
def test_a_target_that_is_none_is_refused(
    stage: Stage, wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        stage.run("--reach", "f", "--target", wrong)
    assert caught.value.code == 2
    assert "is not HOST:PORT" in capsys.readouterr().err


def test_a_target_without_a_function_is_refused(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        stage.run("--target", "github.com:443")
    assert "--reach" in capsys.readouterr().err


def test_what_is_told_holds_no_control_characters(stage: Stage) -> None:
    stage.github.headers["X-GitHub-Enterprise-Version"] = "3.19\x1b[31m"
    assert "\x1b" not in stage.run()[1]
