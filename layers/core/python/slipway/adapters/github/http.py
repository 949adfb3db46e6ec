"""One place that talks to GitHub's REST API: headers, paging, limits, errors."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from slipway.adapters.github.advice import UNKNOWN_CA, cure
from slipway.domain.errors import (
    ConfigurationError,
    RefusedError,
    ThrottledError,
    UnavailableError,
    UnknownOutcomeError,
)
from slipway.ports.clock import Clock

API_VERSION = "2022-11-28"  # the version that GHES 3.17 to 3.20 know too [GH-API-VERSION]
PAGE_SIZE = 100  # [GH-PAGE-MAX]
_DEFAULT_WAIT_SECONDS = 60  # [GH-LIMIT-BACKOFF]
_TIMEOUT = httpx.Timeout(10.0, connect=3.0)
_OF_PROXIES = {408}  # what those in between answer on their own: the request may have come through

Hear = Callable[[Mapping[str, str]], None]
"""Is told the headers of an answer: what is left of a limit, who asked, until when the token is valid."""


@contextmanager
def repeatable() -> Iterator[None]:
    """Take a lost reply for no answer: what is asked for inside may be asked for again and does no harm twice."""
    try:
        yield
    except UnknownOutcomeError as fault:
        raise UnavailableError(str(fault)) from fault


def _unheard(_headers: Mapping[str, str]) -> None:
    """Listen to nothing."""


def github_client(api_url: str, ca_bundle: str | None) -> httpx.Client:
    """Build the connection to one GitHub host; ``ca_bundle`` is the file of a GHES's own CA."""
    verify: bool | ssl.SSLContext = ssl.create_default_context(cafile=ca_bundle) if ca_bundle else True
    return httpx.Client(base_url=api_url, verify=verify, timeout=_TIMEOUT, follow_redirects=True)


class GitHubApi:
    """Sends requests with a token which is asked for each time, so that it can rotate.

    ``calls`` is how many were sent so far, answered or not.
    """

    def __init__(self, client: httpx.Client, clock: Clock) -> None:
        self.calls = 0
        self._client = client
        self._clock = clock

    def call(
        self,
        method: str,
        path: str,
        token: Callable[[], str],
        *,
        json: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        hear: Hear = _unheard,
    ) -> Any:
        """Return the decoded body of a 2xx answer, or None when it has none; ``hear`` is told every answer's headers.

        Raises:
            ThrottledError: a limit; it says when to come back. UnavailableError: no connection, or no answer to a GET:
                nothing happened, for reading changes nothing. UnknownOutcomeError: the reply to anything else was
                lost, or the server failed. RefusedError: any other 4xx, by status, or a server of an unknown CA
                (``tls``).
        """
        return self._send(method, path, token, json, params, hear)[0]

    def pages(
        self, path: str, token: Callable[[], str], *, params: Mapping[str, Any] | None = None
    ) -> Iterator[Any]:
        """Return the body of each page, following ``Link: rel=next``."""
        query: Mapping[str, Any] | None = {"per_page": PAGE_SIZE, **(params or {})}
        url: str | None = path
        while url:
            body, links = self._send("GET", url, token, None, query, _unheard)
            yield body
            url, query = links.get("next", {}).get("url"), None

    def _send(
        self,
        method: str,
        path: str,
        token: Callable[[], str],
        json: Mapping[str, Any] | None,
        params: Mapping[str, Any] | None,
        hear: Hear,
    ) -> tuple[Any, dict[str | None, dict[str, str]]]:
        where = path.partition("?")[0]
        what = f"{method} {where}"
        headers = {
            "Authorization": f"Bearer {_readable(token())}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": API_VERSION,
            "User-Agent": "slipway",
        }
        self.calls += 1
        try:
            reply = self._client.request(method, path, json=json, params=params, headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as fault:
            what = f"{what}: {self._client.base_url} cannot be reached: {fault}"
            if "CERTIFICATE_VERIFY_FAILED" in str(fault):
                raise RefusedError(f"{what}; {UNKNOWN_CA}", code="tls") from fault
            raise UnavailableError(what) from fault
        except (httpx.TransportError, httpx.TooManyRedirects) as fault:
            raise _doubt(method, f"{what}: the reply was lost") from fault
        hear(reply.headers)
        if not reply.is_success:
            raise self._error(method, where, reply)
        try:
            return (reply.json() if reply.content else None), reply.links
        except ValueError as fault:  # a proxy's page, or that of a server under maintenance
            raise _doubt(method, f"{what}: {reply.status_code}, and no JSON", answered=True) from fault

    def _error(self, method: str, where: str, reply: httpx.Response) -> Exception:
        message = f"{method} {where}: {reply.status_code} {_message(reply)}"
        if reply.status_code >= 500 or reply.status_code in _OF_PROXIES:
            return _doubt(method, message, answered=True)
        if reply.status_code == 429 or (reply.status_code == 403 and _is_limit(reply)):
            return ThrottledError(message, retry_after_seconds=self._wait(reply.headers))
        advice = cure(reply.status_code, where, _message(reply))
        return RefusedError(f"{message}; {advice}" if advice else message, code=str(reply.status_code))

    def _wait(self, headers: httpx.Headers) -> int:
        """Return how long to wait: retry-after, else until the reset, else a minute [GH-LIMIT-BACKOFF]."""
        if headers.get("retry-after", "").isdigit():
            return int(headers["retry-after"])
        if headers.get("x-ratelimit-remaining") == "0" and headers.get("x-ratelimit-reset", "").isdigit():
            return max(1, int(int(headers["x-ratelimit-reset"]) - self._clock.now()))
        return _DEFAULT_WAIT_SECONDS


def _doubt(method: str, message: str, *, answered: bool = False) -> Exception:
    return UnavailableError(message) if method == "GET" else UnknownOutcomeError(message, answered=answered)


def _readable(token: str) -> str:
    """Return a token that can be sent.

    Raises:
        ConfigurationError: it holds a character that no token has. The client's own error would quote the header.
    """
    if token.isascii() and token.isprintable() and " " not in token:
        return token
    raise ConfigurationError(
        "a token of GitHub's holds characters that no token has, such as a line end or an invisible one: "
        "put it into its secret anew"
    )


def _is_limit(reply: httpx.Response) -> bool:
    """Tell a limit from a missing permission: both are 403 [GH-LIMIT-403]."""
    return (
        "retry-after" in reply.headers
        or reply.headers.get("x-ratelimit-remaining") == "0"
        or "rate limit" in _message(reply).lower()
    )


def _message(reply: httpx.Response) -> str:
    try:
        body = reply.json()
    except ValueError:
        return ""
    return str(body.get("message", ""))[:200] if isinstance(body, dict) else ""
