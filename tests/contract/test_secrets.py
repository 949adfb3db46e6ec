"""What every ``Secrets`` must do: the one in memory, and ours on Secrets Manager."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from slipway.adapters.clock import SystemClock
from slipway.adapters.secrets_http import SecretsManager
from slipway.domain.errors import ConfigurationError, SlipwayError, ThrottledError, UnavailableError
from slipway.ports.secrets import Secrets
from tests.contract.moto import access, client, moto_url
from tests.fakes.aws_stub import AwsStub
from tests.fakes.secret_store import MemorySecrets

MISSING = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:nowhere-AbCdEf"
VALUE = "It's a Secret to Everybody ☃"


@dataclass
class Case:
    secrets: Secrets
    arn: str
    replace: Callable[[str], None]


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_url() as url:
        yield url


@pytest.fixture(params=["memory", "secrets manager"])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    if request.param == "memory":
        memory = MemorySecrets({"arn:one": VALUE})
        yield Case(memory, "arn:one", lambda value: memory.values.update({"arn:one": value}))
        return
    url = request.getfixturevalue("moto")
    manager = client("secretsmanager", url)
    arn = manager.create_secret(Name="webhook", SecretString=VALUE)["ARN"]
    yield Case(
        SecretsManager(access(url), SystemClock()), arn,
        lambda value: manager.put_secret_value(SecretId=arn, SecretString=value),
    )  # fmt: skip
    manager.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


def test_the_current_value_is_returned(case: Case) -> None:
    assert case.secrets.get(case.arn) == VALUE
    case.replace("rotated")
    assert case.secrets.get(case.arn) == "rotated"


def test_a_secret_that_is_not_there_is_the_operator_s_to_mend_and_is_named(case: Case) -> None:
    with pytest.raises(ConfigurationError) as caught:
        case.secrets.get(MISSING)
    assert MISSING in str(caught.value)
    assert case.secrets.get(case.arn) == VALUE


@pytest.mark.parametrize(
    ("reply", "wanted"),
    [
        ((400, b'{"__type":"AccessDeniedException"}'), ConfigurationError),
        ((400, b'{"__type":"DecryptionFailure"}'), ConfigurationError),
        ((400, b'{"__type":"InvalidRequestException","Message":"marked for deletion"}'), ConfigurationError),
        ((400, b'{"__type":"ThrottlingException"}'), ThrottledError),
        ((500, b'{"__type":"InternalServiceError"}'), UnavailableError),
        ((200, b'{"SecretBinary":"AAAA"}'), ConfigurationError),
        ((200, b'{"SecretString":""}'), ConfigurationError),
        ((200, b'{"SecretString":7}'), ConfigurationError),
        ((200, b"[]"), UnavailableError),
        (None, UnavailableError),
    ],
)
def test_an_error_of_secrets_manager_becomes_ours_by_its_code(
    reply: tuple[int, bytes] | None, wanted: type[SlipwayError]
) -> None:
    with AwsStub({MISSING: VALUE}) as aws:
        secrets = SecretsManager(access(aws.url), SystemClock())
        aws.failures.extend([reply, reply])
        with pytest.raises(wanted) as caught:
            secrets.get(MISSING)
        assert type(caught.value) is wanted
        aws.failures.clear()
        assert secrets.get(MISSING) == VALUE


def test_a_request_is_signed_for_the_region_of_the_secret() -> None:
    arn = "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:webhook-AbCdEf"
    with AwsStub({arn: VALUE, "webhook": VALUE}) as aws:
        secrets = SecretsManager(access(aws.url), SystemClock())
        secrets.get(arn)
        secrets.get("webhook")
    signed = [headers["authorization"] for headers in aws.headers]
    assert "/ap-northeast-1/secretsmanager/aws4_request" in signed[0]
    assert "/eu-west-1/secretsmanager/aws4_request" in signed[1]
