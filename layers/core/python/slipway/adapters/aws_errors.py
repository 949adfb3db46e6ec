"""One table: AWS error codes to our errors; a code that is not in it goes by its HTTP status."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from slipway.domain.errors import (
    NoCapacityError,
    RefusedError,
    SlipwayError,
    ThrottledError,
    UnavailableError,
    UnknownOutcomeError,
)

# What botocore takes for a throttle too, but for TransactionInProgressException, which is the table's.
_THROTTLED = {
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
# A single write that meets a transaction is refused too, but the same write may succeed later [DDB-TRANSACT].
_UNAVAILABLE = {
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "TransactionConflictException",
    "Unavailable",
}
_UNKNOWN_OUTCOME = {
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "InternalServiceError",
    "ServerException",
    "RequestTimeout",
    "RequestTimeoutException",
}
# EC2 has no capacity: a definite no, although some of these codes come as server errors [EC2-SERVER-FAULTS].
_NO_CAPACITY = {
    "InsufficientCapacity",
    "InsufficientFreeAddressesInSubnet",
    "InsufficientHostCapacity",
    "InsufficientInstanceCapacity",
    "InsufficientReservedInstanceCapacity",
    "MaxSpotInstanceCountExceeded",
    "UnfulfillableCapacity",
    "VcpuLimitExceeded",
}
# What an adapter expects and answers itself: a condition, another transaction, an instance that is gone.
_FOR_ADAPTERS = {
    "ConditionalCheckFailedException",
    "InvalidInstanceID.NotFound",
    "TransactionCanceledException",
    "TransactionInProgressException",
}


@contextmanager
def aws_errors(action: str) -> Iterator[None]:
    """Re-raise AWS failures as ours, named by what was being done, but for codes that an adapter answers itself.

    Raises:
        ThrottledError, UnavailableError: nothing happened. RefusedError: a definite no.
        UnknownOutcomeError: the reply was lost or a server failed on the way; it may have happened.
    """
    try:
        yield
    except ClientError as fault:
        translated = _translate(fault, action)
        if translated is None:
            raise
        raise translated from fault
    except (ConnectTimeoutError, EndpointConnectionError) as fault:
        raise UnavailableError(f"{action}: no connection") from fault
    except (ReadTimeoutError, ConnectionClosedError) as fault:
        raise UnknownOutcomeError(f"{action}: the reply was lost") from fault


def _translate(fault: ClientError, action: str) -> SlipwayError | None:
    error = fault.response.get("Error", {})
    code, status = error.get("Code", ""), fault.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    message = f"{action}: {error.get('Message', code)}"
    if code in _FOR_ADAPTERS:
        return None
    if code in _THROTTLED or status == HTTPStatus.TOO_MANY_REQUESTS:
        return ThrottledError(message, retry_after_seconds=2)
    if code in _UNAVAILABLE:
        return UnavailableError(message)
    if code in _NO_CAPACITY:
        return NoCapacityError(message, code=code)
    if code in _UNKNOWN_OUTCOME or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return UnknownOutcomeError(message)
    return RefusedError(message, code=code) if status >= HTTPStatus.BAD_REQUEST else None
