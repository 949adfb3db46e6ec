"""AWS Signature Version 4 with the standard library; tests hold it against botocore's signer."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from slipway.config import AwsAccess

_ALGORITHM = "AWS4-HMAC-SHA256"
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Scope:
    """Which service in which region a signature is good for."""

    service: str
    region: str


def signed_headers(
    access: AwsAccess, scope: Scope, request: tuple[str, str, bytes], headers: Mapping[str, str], now: float
) -> dict[str, str]:
    """Return the headers of a signed request: those given, and the date, the session token, the signature.

    ``request`` is method, absolute URL (its path and query percent-encoded already) and body; ``now`` is
    epoch seconds by the real clock, for AWS refuses what is more than some minutes off [IAM-SIGV4].
    """
    method, url, body = request
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    sent = {**headers, "X-Amz-Date": stamp}
    if access.session_token:
        sent["X-Amz-Security-Token"] = access.session_token
    canonical = {name.lower(): " ".join(value.split()) for name, value in sent.items()}
    canonical["host"] = _host(url)
    names = ";".join(sorted(canonical))
    parts = [
        method.upper(),
        _path(urlsplit(url).path),
        _query(urlsplit(url).query),
        *(f"{name}:{canonical[name]}" for name in sorted(canonical)),
        "",
        names,
        hashlib.sha256(body).hexdigest(),
    ]
    place = f"{stamp[:8]}/{scope.region}/{scope.service}/aws4_request"
    digest = hashlib.sha256("\n".join(parts).encode("utf-8")).hexdigest()
    signature = _hmac(_key(access, place), f"{_ALGORITHM}\n{stamp}\n{place}\n{digest}").hex()
    credential = f"{access.access_key_id}/{place}"
    sent["Authorization"] = (
        f"{_ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
    )
    return sent


def _host(url: str) -> str:
    """Return the host as HTTP sends it: without the port that the scheme implies."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    if parts.port in (None, _DEFAULT_PORTS.get(parts.scheme)):
        return host
    return f"{host}:{parts.port}"


def _path(path: str) -> str:
    """Return the path normalized and encoded once more, as every service but S3 wants it."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    tail = "/" if path.endswith("/") and kept else ""
    return quote("/" + "/".join(kept) + tail, safe="/~")


def _query(query: str) -> str:
    pairs = sorted(pair.partition("=")[::2] for pair in query.split("&")) if query else []
    return "&".join(f"{name}={value}" for name, value in pairs)


def _key(access: AwsAccess, place: str) -> bytes:
    key = f"AWS4{access.secret_access_key}".encode()
    for part in place.split("/"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode("utf-8"), hashlib.sha256).digest()
