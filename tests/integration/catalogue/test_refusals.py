"""What keeps ``slipway catalogue refresh`` from its work is told with its cure, and costs no row of the old file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from local import operator_account
from local.catalogue.file import catalogue_text
from local.twin.aws.account import AwsTwin
from tests.integration.catalogue.stage import KEYS, TOKYO, prices, refresh, reprice, told
from tests.support.catalogues import an_entry

LOG_IN = "Log in again; where that helps nothing, see that the account has this region enabled"
REFUSALS = [
    (
        "pricing.GetProducts",
        "AccessDeniedException",
        "AWS refuses GetProducts (AccessDeniedException): whoever runs this needs the permission pricing:GetProducts",
    ),
    (
        "ec2.DescribeInstanceTypes",
        "UnauthorizedOperation",
        "AWS refuses DescribeInstanceTypes (UnauthorizedOperation): whoever runs this needs the permission {}",
    ),
    (
        "pricing.GetProducts",
        "ThrottlingException",
        "AWS is asked too often (GetProducts answered ThrottlingException): run it again in a minute",
    ),
    (
        "ec2.DescribeInstanceTypes",
        "RequestLimitExceeded",
        "AWS is asked too often (DescribeInstanceTypes answered RequestLimitExceeded): run it again in a minute",
    ),
    (
        "ec2.DescribeInstanceTypes",
        "AuthFailure",
        f"AWS refuses these credentials at DescribeInstanceTypes (AuthFailure). {LOG_IN}",
    ),
    (
        "pricing.GetProducts",
        "InternalErrorException",
        "GetProducts answered InternalErrorException: AWS says no. Run it again; if it stays, see what AWS says",
    ),
]


@pytest.fixture
def one_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up at the first refusal: the usual six tries take half a minute."""
    monkeypatch.setattr(operator_account, "_TRIES_OF_PAGES", 1)


@pytest.mark.usefixtures("one_try")
@pytest.mark.parametrize(("called", "code", "said"), REFUSALS)
def test_what_aws_refuses_names_cause_and_cure_and_leaves_the_file_as_it_was(
    called: str, code: str, said: str, aws: AwsTwin, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys)
    before = (folder / "catalogue.csv").read_bytes()
    reprice(aws, "m7i.large", "7.0")
    service, _, operation = called.partition(".")
    sentence = said.format("ec2:DescribeInstanceTypes")
    for more, answer in (
        ((), ""),
        (("--json",), json.dumps({"error": sentence}, separators=(",", ":")) + "\n"),
    ):
        aws.faults.next_error(service, operation, code, message="AWS says no")
        status, out, err = refresh(capsys, *more)
        assert (status, out) == (1, answer)
        assert more or err.splitlines()[-1] == f"slipway catalogue: {sentence}"
    assert (folder / "catalogue.csv").read_bytes() == before
    assert [path.name for path in sorted(folder.iterdir())] == ["catalogue.csv", "slipway.yaml"]


def test_a_refusal_of_the_last_region_leaves_the_first_ones_rows_too(
    aws: AwsTwin, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "--region", TOKYO)
    before = (folder / "catalogue.csv").read_bytes()
    reprice(aws, "m7i.large", "7.0")
    status, _, err = refresh(capsys, "--region", TOKYO, "--region", "ap-northeast-9")
    assert status == 1
    assert (
        "AWS's price list has no instance of ap-northeast-9 in USD: see that it is the name of a region"
        in err
    )
    assert (folder / "catalogue.csv").read_bytes() == before


@pytest.mark.parametrize("region", ["us-gov-west-1", "cn-north-1", "us-isob-east-1"])
def test_regions_whose_credentials_the_price_list_does_not_take_are_not_asked_for(
    region: str, aws: AwsTwin, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """[EC2-PRICE-ENDPOINTS]"""
    status, _, err = refresh(capsys, "--region", TOKYO, "--region", region)
    assert status == 1
    assert f"slipway catalogue: {region}: AWS's price list is in another partition" in err
    assert "write the rows by hand, or leave `catalogue` out" in err
    assert refresh(capsys, "--region", "xx-nowhere-1")[0] == 1
    assert aws.calls == {}


def test_one_throttle_is_waited_for(aws: AwsTwin, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    aws.faults.next_error("ec2", "DescribeInstanceTypes", "RequestLimitExceeded", message="slower")
    assert told(capsys)["regions"][0]["types"] == 4


def spoil_text(aws: AwsTwin) -> None:
    del aws.pricing.products[0]["terms"]


def spoil_price(aws: AwsTwin) -> None:
    reprice(aws, "m7i.large", "a lot")


def spoil_type(aws: AwsTwin) -> None:
    del aws.ec2.types.offered["m7i.large"]["VCpuInfo"]


def rename_type(aws: AwsTwin) -> None:
    aws.ec2.types.offer("m7i.large", InstanceType="M7i Large")
    aws.pricing.sell(TOKYO, "M7i Large", "0.5")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (spoil_text, "an answer of the price list cannot be read (KeyError: 'terms')"),
        (spoil_price, "an answer of the price list cannot be read (ValueError: could not convert"),
        (
            rename_type,
            "AWS's answer makes no catalogue (ap-northeast-1:2: instance_type: 'M7i Large' is not an",
        ),
        (spoil_type, "an answer of EC2 cannot be read (KeyError: 'VCpuInfo')"),
    ],
)
def test_an_answer_that_cannot_be_read_is_told(
    spoil: Callable[[AwsTwin], None],
    said: str,
    aws: AwsTwin,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spoil(aws)
    status, _, err = refresh(capsys)
    assert status == 1
    assert said in err
    assert not (folder / "catalogue.csv").exists()


def test_a_region_in_which_no_type_has_a_price_is_refused(
    aws: AwsTwin, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.ec2.types.offered.clear()
    status, _, err = refresh(capsys)
    assert status == 1
    assert f"EC2 in {TOKYO} has no instance type with a list price: nothing to write" in err


def test_without_credentials_nothing_is_asked(
    aws: AwsTwin, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in KEYS:
        monkeypatch.delenv(key)
    status, _, err = refresh(capsys)
    assert status == 1
    assert "there are no AWS credentials. Log in (aws sso login" in err
    monkeypatch.setenv("AWS_PROFILE", "of-nobody")
    assert refresh(capsys)[0] == 1
    assert aws.calls == {}


def test_a_file_that_is_broken_is_not_written_over(
    aws: AwsTwin, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = catalogue_text([an_entry()]).replace("x64", "z80")
    (folder / "catalogue.csv").write_text(broken, "utf-8")
    status, _, err = refresh(capsys)
    assert status == 1
    assert (
        "catalogue.csv:2: architecture: 'z80' is not one of x64, arm64. Mend the file, or move it away" in err
    )
    assert (folder / "catalogue.csv").read_text("utf-8") == broken
    assert aws.calls == {}


def test_what_is_not_said_is_asked_for(
    aws: AwsTwin, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, _, err = refresh(capsys, "--config", "none.yaml", "--region", TOKYO)
    assert (
        "none.yaml: cannot be read: No such file or directory. With --region and --out none is needed" in err
    )
    Path("broken.yaml").write_text("pools: [", "utf-8")
    assert "broken.yaml:1: (file): not YAML" in refresh(capsys, "--config", "broken.yaml")[2]
    Path("empty.yaml").write_text("pools: {arm: {region: Tokyo}}", "utf-8")
    assert (
        "no pool of empty.yaml has a region: name one with --region"
        in refresh(capsys, "--config", "empty.yaml")[2]
    )
    assert "there is no folder nowhere" in refresh(capsys, "--out", "nowhere/catalogue.csv")[2]
    assert aws.calls == {}
    told(capsys, "--config", "none.yaml", "--region", TOKYO, "--out", "alone.csv")
    assert len(prices("alone.csv")) == 4


def test_what_is_no_region_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        refresh(capsys, "--region", "Tokyo")
    assert end.value.code == 2
    assert "'Tokyo' is not an AWS region such as ap-northeast-1" in capsys.readouterr().err
