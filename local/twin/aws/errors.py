"""Errors as botocore raises them: the modelled exception class, AWS's code, and modelled extra members."""

from __future__ import annotations

import functools
from typing import Any, Final, cast

import botocore.session
from botocore.errorfactory import BaseClientExceptions, ClientExceptionsFactory
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.model import ServiceModel

#: A fault code: the call took effect (or not), but its answer never arrived.
LOST_REPLY: Final = "LostReply"

#: Services that once spoke the query protocol and still answer with its codes too [SQS-QUERY-CODES].
QUERY_COMPATIBLE: Final = frozenset({"sqs"})

#: Of EC2's codes also the one for want of capacity, which a call may raise [EC2-SERVER-FAULTS].
_SERVER_FAULTS: Final = frozenset(
    {"InternalServerError", "ServerException", "InternalError", "InsufficientInstanceCapacity"}
)
_UNAVAILABLE: Final = frozenset({"RequestLimitExceeded", "ServiceUnavailable", "Unavailable"})


@functools.cache
def service_model(service: str) -> ServiceModel:
    """botocore's model of one service; loading it reads a file once a process."""
    return botocore.session.get_session().get_service_model(service)


@functools.cache
def client_exceptions(service: str) -> BaseClientExceptions:
    """What a boto3 client of that service has as `.exceptions`."""
    return ClientExceptionsFactory().create_client_exceptions(service_model(service))


class AwsFault(Exception):  # noqa: N818 - it is a carrier, made into a ClientError at the service's edge
    """A refusal inside the twin, before it knows which operation it answers.

    `code` is the wire's code; `query_code` is set for SQS, whose answers carry two; `extra` holds
    members of a modelled error, such as CancellationReasons.
    """

    def __init__(
        self, code: str, message: str, *, query_code: str | None = None, extra: dict[str, Any] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.query_code = query_code
        self.extra = extra or {}

    @property
    def http_status(self) -> int:
        if self.code in _UNAVAILABLE:
            return 503
        return 500 if self.code in _SERVER_FAULTS else 400


def client_error(service: str, operation: str, fault: AwsFault) -> Exception:
    """The exception that a boto3 client would raise for this refusal."""
    if fault.code == LOST_REPLY:
        return ReadTimeoutError(endpoint_url=f"https://{service}.twin.invalid/")
    error: dict[str, Any] = {"Message": fault.message, "Code": fault.code}
    query_code = fault.query_code or (fault.code if service in QUERY_COMPATIBLE else None)
    if query_code is not None:
        error = {
            "Message": fault.message,
            "Code": query_code,
            "QueryErrorCode": fault.code,
            "Type": "Sender",
        }
    response: dict[str, Any] = {
        "Error": error,
        "ResponseMetadata": {"HTTPStatusCode": fault.http_status, "HTTPHeaders": {}, "RetryAttempts": 0},
        **fault.extra,
    }
    raised = cast(type[ClientError], client_exceptions(service).from_code(fault.code))
    return raised(cast(Any, response), operation)
