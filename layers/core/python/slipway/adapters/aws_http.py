"""One kept-alive connection to an AWS JSON endpoint, signed by hand, with the standard library."""

from __future__ import annotations

import functools
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from slipway.adapters.sigv4 import Scope, signed_headers
from slipway.config import AwsAccess
from slipway.domain.errors import (
    ConfigurationError,
    RefusedError,
    SlipwayError,
    ThrottledError,
    UnavailableError,
)
from slipway.ports.clock import Clock

if TYPE_CHECKING:
    import ssl

TIMEOUT_SECONDS = 2.5  # for connecting and for each read: GitHub stops waiting after 10 s [GH-HOOK-TIMEOUT]
_ATTEMPTS = 2
_MAX_REPLY_BYTES = 1024 * 1024

_THROTTLED = frozenset({"ThrottlingException", "Throttling", "RequestThrottled", "TooManyRequestsException",
                        "RequestThrottledException", "OverLimit", "KmsThrottled"})  # fmt: skip
_OPERATORS = frozenset({"AccessDenied", "AccessDeniedException", "UnrecognizedClientException",
                        "InvalidClientTokenId", "SignatureDoesNotMatch", "InvalidSignatureException",
                        "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "InvalidAddress",
                        "InvalidSecurity", "KmsAccessDenied", "KmsDisabled", "KmsNotFound",
                        "ResourceNotFoundException", "DecryptionFailure"})  # fmt: skip
_TRANSIENT = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "InternalFailure",
                        "InternalServiceError", "ServiceUnavailable"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a service speaks AWS JSON: its version, and what its operations' names begin with."""

    version: str
    target_prefix: str


class AwsJsonEndpoint:
    """Calls operations of one service at one place. Not thread-safe: one connection, one call at a time."""

    def __init__(self, url: str, scope: Scope, protocol: Protocol, access: AwsAccess, clock: Clock) -> None:
        self._connection: http.client.HTTPConnection | None = None
        self._url = f"{url.rstrip('/')}/"
        self._scope = scope
        self._protocol = protocol
        self._access = access
        self._clock = clock

    def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Call an operation and return its reply.

        Lost connections, server errors and throttles are tried once more at once, a timeout is not: GitHub
        waits 10 s for us. Use it for operations that may happen twice.

        Raises:
            UnavailableError, ThrottledError: both tries failed, and a later one may not.
            ConfigurationError: an operator must change something (permission, name, key).
            RefusedError: the service refused these parameters.
        """
        body = json.dumps(parameters, separators=(",", ":")).encode("ascii")
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._try(operation, body)
            except UnavailableError as fault:
                if attempt == _ATTEMPTS or isinstance(fault.__cause__, TimeoutError):
                    raise
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._connection:
            self._connection.close()
        self._connection = None

    def __del__(self) -> None:
        self.close()

    def _try(self, operation: str, body: bytes) -> dict[str, Any]:
        try:
            status, reply = self._exchange(operation, body)
        except (OSError, http.client.HTTPException) as fault:
            self.close()
            raise UnavailableError(
                f"{self._scope.service} {operation}: no reply ({type(fault).__name__})"
            ) from fault
        values = _object(reply)
        if status == 200 and values is not None:
            return values
        raise _error(self._scope.service, operation, status, values or {})

    def _exchange(self, operation: str, body: bytes) -> tuple[int, bytes]:
        headers = {
            "Content-Type": f"application/x-amz-json-{self._protocol.version}",
            "X-Amz-Target": f"{self._protocol.target_prefix}.{operation}",
        }
        request = ("POST", self._url, body)
        headers = signed_headers(self._access, self._scope, request, headers, self._clock.now())
        connection = self._connection = self._connection or _connect(self._url)
        connection.request("POST", urlsplit(self._url).path, body, headers)
        response = connection.getresponse()
        reply = response.read(_MAX_REPLY_BYTES)
        if response.will_close or response.length:  # a longer reply would be taken for the next one's
            self.close()
        return response.status, reply


def _connect(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        return http.client.HTTPSConnection(host, parts.port, timeout=TIMEOUT_SECONDS, context=_tls_context())
    return http.client.HTTPConnection(host, parts.port, timeout=TIMEOUT_SECONDS)


@functools.cache
def _tls_context() -> ssl.SSLContext:
    """Make the TLS context once: reading the certificates takes longer than a call."""
    import ssl  # noqa: PLC0415 - not needed where the endpoint is plain HTTP

    return ssl.create_default_context()


def _object(reply: bytes) -> dict[str, Any] | None:
    try:
        values = json.loads(reply)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def _error(service: str, operation: str, status: int, reply: Mapping[str, Any]) -> SlipwayError:
    """Translate an error reply by its code; the service's message is not repeated, it may quote input."""
    code = str(reply.get("__type", "")).rpartition("#")[2]
    sentence = f"{service} {operation}: {status} {code or 'without a code'}"
    if code in _THROTTLED or status == 429:
        return ThrottledError(sentence)
    if code in _OPERATORS:
        return ConfigurationError(sentence)
    if code in _TRANSIENT or status >= 500 or status == 200:
        return UnavailableError(sentence)
    return RefusedError(sentence, code=code)
