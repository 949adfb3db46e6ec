"""What boto3 does about a call that failed: it repeats it, and the first try may have taken effect.

As ``adapters.aws_clients`` configures it: standard mode, and for each call how long it is waited for and how often
it is made.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final, TypeVar

import httpx
from botocore import exceptions as botocore
from botocore import xform_name
from botocore.exceptions import ClientError

from slipway.adapters.aws_clients import Endurance, endurance_of

T = TypeVar("T")

#: As ``adapters.github.http`` has it.
GITHUB: Final = Endurance(connect_seconds=3, read_seconds=10, tries=1)
_LOST: Final = (botocore.ConnectionError, botocore.HTTPClientError)
#: boto3 gives each a token of its own, the same for every attempt, so that a repeated one does nothing [DDB-TRANSACT].
HAVE_TOKENS: Final = {"dynamodb.TransactWriteItems"}
_SERVER_FAULTS: Final = {500, 502, 503, 504}
#: What botocore's standard mode repeats besides server faults and lost connections [BOTO-STANDARD-RETRIES].
_TRANSIENT: Final = {"PriorRequestNotComplete", "RequestTimeout", "RequestTimeoutException"}
_THROTTLES: Final = {
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
}


def endurance(name: str) -> Endurance:
    """Return how long a call ("ecs.RunTask") is waited for, and how often it is made."""
    service, _, operation = name.partition(".")
    return GITHUB if service == "github" else endurance_of(service, xform_name(operation))


def is_repeated(fault: Exception, tried: int, endured: Endurance) -> bool:
    """Say whether the client makes the call once more after so many attempts, the last of which raised this."""
    if tried >= endured.tries:
        return False
    if isinstance(fault, ClientError):
        status = fault.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status in _SERVER_FAULTS or _code(fault) in _TRANSIENT or _code(fault) in _THROTTLES
    return isinstance(fault, _LOST)


def back_off(fault: Exception, tried: int, rng: random.Random) -> float:
    """Return the seconds before the next attempt: after a throttle much longer [BOTO-STANDARD-RETRIES]."""
    is_throttle = isinstance(fault, ClientError) and _code(fault) in _THROTTLES
    return rng.random() * min((1.0 if is_throttle else 0.05) * 2.0 ** (tried - 1), 20.0)


def once(call: Callable[[], T]) -> Callable[[], T]:
    """Return a call that has a token as its service takes it: it takes effect once, however often it arrives."""
    done: list[T] = []

    def make() -> T:
        if not done:
            done.append(call())
        return done[0]

    return make


def seconds_until_raised(fault: Exception, answered_seconds: float, endured: Endurance) -> float:
    """Return how long whoever calls waits for a failure: a lost reply is waited for until the time-out."""
    is_lost = isinstance(fault, (*_LOST, httpx.TransportError)) and not isinstance(fault, httpx.ConnectError)
    return float(endured.read_seconds) if is_lost else answered_seconds


def _code(fault: ClientError) -> str:
    return str(fault.response.get("Error", {}).get("Code", ""))
