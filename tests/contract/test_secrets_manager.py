"""What every ``Secrets`` must do, for ours on boto3; the webhook's own has its suite in ``test_secrets.py``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from local.twin.http.aws import AwsServer
from slipway.adapters.secrets import SecretsManagerSecrets
from slipway.domain.errors import ConfigurationError, SlipwayError, ThrottledError, UnavailableError
from tests.builders import NOW
from tests.contract.aws_faces import EVERY_FACE, Face, aws_face
from tests.fakes.clock import ManualClock

VALUE = "It's a Secret to Everybody ☃"


@dataclass
class Case:
    aws: Face
    secrets: SecretsManagerSecrets
    clock: ManualClock
    manager: Any
    arn: str


@pytest.fixture(params=EVERY_FACE)
def held(request: pytest.FixtureRequest) -> Iterator[Case]:
    def serve() -> AwsServer:
        server: AwsServer = request.getfixturevalue("aws_server")
        return server

    with aws_face(request.param, serve) as aws:
        clock, manager = ManualClock(NOW), aws.client("secretsmanager")
        arn = manager.create_secret(Name="slipway/webhook", SecretString=VALUE)["ARN"]
        yield Case(aws, SecretsManagerSecrets(manager, clock), clock, manager, arn)


def test_the_current_value_is_returned(held: Case) -> None:
    assert held.secrets.get(held.arn) == VALUE


def test_a_value_is_read_once_in_five_minutes_and_a_rotated_one_used_after_them(held: Case) -> None:
    held.secrets.get(held.arn)
    held.manager.put_secret_value(SecretId=held.arn, SecretString="rotated")
    held.clock.advance(299)
    assert held.secrets.get(held.arn) == VALUE
    held.clock.advance(1)
    assert held.secrets.get(held.arn) == "rotated"


def test_a_secret_that_is_not_there_is_the_operator_s_to_mend_and_is_named(held: Case) -> None:
    missing = held.arn.replace("webhook", "nowhere")
    with pytest.raises(ConfigurationError) as caught:
        held.secrets.get(missing)
    assert missing in str(caught.value)


def test_a_binary_secret_is_none(held: Case) -> None:
    arn = held.manager.create_secret(Name="slipway/binary", SecretBinary=b"\x00")["ARN"]
    with pytest.raises(ConfigurationError, match="is empty"):
        held.secrets.get(arn)


def test_no_secret_shows_in_a_repr_or_an_error(held: Case) -> None:
    held.secrets.get(held.arn)
    assert VALUE not in repr(held.secrets)
    held.manager.put_secret_value(SecretId=held.arn, SecretString="x")
    with pytest.raises(ConfigurationError) as caught:
        held.secrets.get(held.arn + "0")
    assert VALUE not in repr(caught.value)


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("ThrottlingException", ThrottledError),
        ("InternalServiceError", UnavailableError),
        ("LostReply", UnavailableError),
        ("AccessDeniedException", ConfigurationError),
        ("DecryptionFailure", ConfigurationError),
    ],
)
def test_an_error_of_secrets_manager_becomes_ours_and_is_not_remembered(
    aws: Face, code: str, wanted: type[SlipwayError]
) -> None:
    manager = aws.client("secretsmanager")
    arn = manager.create_secret(Name="slipway/app", SecretString=VALUE)["ARN"]
    secrets = SecretsManagerSecrets(manager, ManualClock(NOW))
    with aws.lock:
        aws.account.faults.next_error("secretsmanager", "GetSecretValue", code)
    with pytest.raises(SlipwayError) as caught:
        secrets.get(arn)
    assert type(caught.value) is wanted
    assert secrets.get(arn) == VALUE
