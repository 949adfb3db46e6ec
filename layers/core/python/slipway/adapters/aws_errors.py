"""One table: AWS error codes to our errors; a code that is not in it goes by its HTTP status."""

from __future__ import annotations

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

# What botocore takes for a throttle too, but for TransactionInProgressException, which is the ledger's.
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
_UNAVAILABLE = {
    "ServiceUnavailable",
    "ServiceUnavailableException",
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
    "TransactionConflictException",
    "TransactionInProgressException",
}


class aws_errors:  # noqa: N801 - it is used as a verb: "with aws_errors(...)"
    """Re-raise AWS failures as ours, named by what was being done, but for codes that an adapter answers itself.

    A class, for it stands around every call: a generator's context costs several times as much.

    Raises:
        ThrottledError, UnavailableError: nothing happened. RefusedError: a definite no.
        UnknownOutcomeError: the reply was lost or a server failed on the way; it may have happened.
    """

    __slots__ = ("_action",)

    def __init__(self, action: str) -> None:
        self._action = action

    def __enter__(self) -> None:
        """Begin; there is nothing to hold."""

    def __exit__(self, _kind: object, fault: BaseException | None, _trace: object) -> None:
        if fault is None:
            return
        if isinstance(fault, ClientError):
            translated = _translate(fault, self._action)
            if translated is not None:
                raise translated from fault
        elif isinstance(fault, ConnectTimeoutError | EndpointConnectionError):
            raise UnavailableError(f"{self._action}: no connection") from fault
        elif isinstance(fault, ReadTimeoutError | ConnectionClosedError):
            raise UnknownOutcomeError(f"{self._action}: the reply was lost") from fault


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
