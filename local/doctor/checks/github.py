"""Does GitHub answer from here: name, connection, certificate, and a clock that agrees?"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path

import httpx

from local.doctor.findings import Check, Look, Verdict, failed, ok, warning
from local.doctor.surroundings import Surroundings

_TIMEOUT = httpx.Timeout(15.0, connect=5.0)
# An App's JWT is dated a minute back [GH-APP-JWT], and AWS refuses what is five minutes off [IAM-SIGV4-SKEW].
SKEW_NOTED_SECONDS, SKEW_REFUSED_SECONDS = 60, 300


def _looks(surroundings: Surroundings) -> Iterator[Look]:
    url = surroundings.configuration.github.api_url
    yield Look(f"{url}, from here", partial(_judge, surroundings, f"{url}/meta"))


def _judge(surroundings: Surroundings, url: str) -> Iterator[Verdict]:
    bundle = surroundings.ca_bundle
    try:
        verify = _trust(bundle)
    except (OSError, ssl.SSLError) as fault:
        mend = "put the PEM file where github.ca_bundle says, seen from slipway.yaml"
        yield failed("ca-bundle-unusable", f"github.ca_bundle {bundle} cannot be used: {fault}", mend)
        return
    try:
        began = time.monotonic()
        answer = httpx.get(url, verify=verify, timeout=_TIMEOUT, headers={"User-Agent": "slipway"})
    except httpx.TransportError as fault:
        yield _unreachable(fault)
        return
    yield _answered(answer, time.monotonic() - began)
    yield from _clock(answer)


def _trust(bundle: Path | None) -> ssl.SSLContext | bool:
    """Trust what the functions trust: the bundle alone where there is one."""
    return ssl.create_default_context(cafile=str(bundle)) if bundle else True


def _unreachable(fault: httpx.TransportError) -> Verdict:
    """Say what failed first: the name, the connection or the certificate."""
    for cause in _causes(fault):
        if isinstance(cause, socket.gaierror):
            return failed(
                "github-name",
                f"its name does not resolve: {cause.strerror}",
                "mend github.url, or this machine's DNS",
            )
        if isinstance(cause, ssl.SSLCertVerificationError):
            mend = "name the file of its certificate authority in github.ca_bundle"
            return failed(
                "github-certificate", f"its certificate is not trusted: {cause.verify_message}", mend
            )
    mend = "see that this machine may connect to it; for the pools' subnets and the functions use --reach"
    return failed("github-unreachable", f"it cannot be reached: {str(fault) or type(fault).__name__}", mend)


def _causes(fault: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = fault
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _answered(answer: httpx.Response, seconds: float) -> Verdict:
    version = answer.headers.get("X-GitHub-Enterprise-Version") or _installed(answer)
    what = f"GitHub Enterprise Server {version}" if version else "GitHub"
    # A server in private mode asks even here who calls: it was reached all the same.
    if answer.status_code in (200, 401, 403) and "github" in _marks(answer):
        return ok(f"{what} answers {answer.status_code} in {seconds * 1000:.0f} ms")
    mend = "see what answers there: a proxy, a login page, or another host than github.url means"
    return failed(
        "not-github", f"answers {answer.status_code}, and nothing in it says that it is GitHub", mend
    )


def _marks(answer: httpx.Response) -> str:
    """Return what tells GitHub from whatever else answers: its own headers, or the form of its errors."""
    names = " ".join(answer.headers).lower()
    body = answer.text[:2_000].lower() if "json" in answer.headers.get("Content-Type", "") else ""
    return names + body


def _installed(answer: httpx.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return ""
    return str(body.get("installed_version", "")) if isinstance(body, dict) else ""


def _clock(answer: httpx.Response) -> Iterator[Verdict]:
    try:
        theirs = parsedate_to_datetime(answer.headers.get("Date", ""))
    except ValueError:
        return
    skew = abs((datetime.now(UTC) - theirs).total_seconds())
    if skew > SKEW_REFUSED_SECONDS:
        mend = "set this machine's clock, or that of your GitHub: tokens and signatures depend on both"
        yield failed("github-clock", f"its clock and this machine's are {skew:.0f} s apart", mend)
    elif skew > SKEW_NOTED_SECONDS:
        mend = "synchronize both clocks: an App's tokens are refused when they drift further"
        yield warning("github-clock-drifts", f"its clock and this machine's are {skew:.0f} s apart", mend)


CHECK = Check(
    name="github",
    about="GitHub answers from this machine, with a certificate that the functions will trust and a clock that agrees",
    permissions=(),
    looks=_looks,
)
