"""One table: AWS error codes to our errors. Unknown codes pass untouched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from slipway.domain.errors import (
    RefusedError,
    SlipwayError,
    ThrottledError,
    UnavailableError,
    UnknownOutcomeError,
)

_THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "RequestThrottled",
}
_UNAVAILABLE = {"ServiceUnavailable", "ServiceUnavailableException", "Unavailable"}
_UNKNOWN_OUTCOME = {
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "InternalServiceError",
    "ServerException",
    "RequestTimeout",
}
_REFUSED = {
    "AccessDenied",
    "AccessDeniedException",
    "ClientException",
    "ClusterNotFoundException",
    "ConflictException",
    "IdempotentParameterMismatch",
    "InvalidParameterException",
    "InvalidParameterValue",
    "InvalidLaunchTemplateName.NotFoundException",
    "MissingParameter",
    "UnauthorizedOperation",
    "UnsupportedOperation",
    "VcpuLimitExceeded",
}


@contextmanager
def aws_errors(action: str) -> Iterator[None]:
    """Re-raise AWS failures as ours, named by what was being done.

    Raises:
        ThrottledError, UnavailableError: nothing happened. RefusedError: a definite no.
        UnknownOutcomeError: the reply was lost or a server failed on the way; it may have happened.
    """
    try:
        yield
    except ClientError as fault:
        code = fault.response.get("Error", {}).get("Code", "")
        translated = _translate(code, f"{action}: {fault.response.get('Error', {}).get('Message', code)}")
        if translated is None:
            raise
        raise translated from fault
    except (ConnectTimeoutError, EndpointConnectionError) as fault:
        raise UnavailableError(f"{action}: no connection") from fault
    except (ReadTimeoutError, ConnectionClosedError) as fault:
        raise UnknownOutcomeError(f"{action}: the reply was lost") from fault


def _translate(code: str, message: str) -> SlipwayError | None:
    if code in _THROTTLED:
        return ThrottledError(message, retry_after_seconds=2)
    if code in _UNAVAILABLE:
        return UnavailableError(message)
    if code in _UNKNOWN_OUTCOME:
        return UnknownOutcomeError(message)
    return RefusedError(message, code=code) if code in _REFUSED else None
