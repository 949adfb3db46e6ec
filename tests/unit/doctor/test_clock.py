"""What the doctor says of this machine's clock, by the date of AWS's answers and refusals."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Any

import pytest
from botocore.session import Session
from botocore.stub import Stubber

from local.doctor.checks import clock
from local.doctor.examine import examine
from local.doctor.surroundings import Surroundings
from tests.builders import a_configuration


class StubbedAccount:
    """An account of which only STS is asked, and which answers once."""

    def __init__(self) -> None:
        self.sts = Session().create_client(
            "sts", region_name="eu-west-1", aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="made-up"
        )
        self.stubber = Stubber(self.sts)
        self.stubber.activate()

    def client(self, service: str, _region: str) -> Any:
        assert service == "sts"
        return self.sts


def told(account: StubbedAccount) -> list[tuple[str, str]]:
    surroundings = Surroundings(a_configuration(), account, "eu-west-1")  # type: ignore[arg-type]
    return [(found.status, found.id) for found in examine([clock.CHECK], surroundings)]


def dated(seconds_off: float) -> dict[str, Any]:
    """Return what boto3 tells of an answer whose sender's clock is so far off."""
    date = formatdate(time.time() + seconds_off, usegmt=True)
    return {"HTTPStatusCode": 200, "HTTPHeaders": {"date": date}}


@pytest.mark.parametrize(
    ("seconds_off", "expected"),
    [
        (0, ("ok", "")),
        (50, ("ok", "")),
        (90, ("warning", "clock-drifts")),
        (-90, ("warning", "clock-drifts")),
        (400, ("failed", "clock")),
        (-400, ("failed", "clock")),
    ],
)
def test_a_clock_that_is_off_is_told_before_aws_refuses(
    seconds_off: float, expected: tuple[str, str]
) -> None:
    """[IAM-SIGV4-SKEW]"""
    account = StubbedAccount()
    account.stubber.add_response("get_caller_identity", {"ResponseMetadata": dated(seconds_off)})
    assert told(account) == [expected]


@pytest.mark.parametrize(
    ("seconds_off", "expected"),
    [(900, ("failed", "clock")), (0, ("unknown", "credentials-refused"))],
    ids=["a wrong clock", "wrong credentials"],
)
def test_a_refusal_is_the_clocks_where_its_date_is_off_and_else_that_of_the_credentials(
    seconds_off: float, expected: tuple[str, str]
) -> None:
    account = StubbedAccount()
    account.stubber.add_client_error(
        "get_caller_identity", "SignatureDoesNotMatch", response_meta=dated(seconds_off)
    )
    assert told(account) == [expected]


def test_an_answer_without_a_date_says_nothing_of_the_clock() -> None:
    account = StubbedAccount()
    account.stubber.add_response("get_caller_identity", {"ResponseMetadata": {"HTTPHeaders": {}}})
    assert told(account) == [("ok", "")]
