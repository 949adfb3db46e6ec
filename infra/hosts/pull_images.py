#!/usr/bin/python3
"""Pulls the pool's images while the agent starts, so that the first task finds them. Fails when one is missing."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import re
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping

import host

ECR = re.compile(r"([0-9]{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?")
PULL_SECONDS = 900
TRIES = 3


def main() -> int:
    missing = pull(host.settings().get("SLIPWAY_IMAGES", "").split())
    for image, reason in missing.items():
        print(f"slipway: {image} could not be pulled: {reason}", file=sys.stderr)
    return 1 if missing else 0


def pull(images: list[str]) -> dict[str, str]:
    """Pull what is not there yet; return what could not be had, and why."""
    missing = {}
    for image in images:
        for attempt in range(TRIES):
            try:
                pull_one(image)
                missing.pop(image, None)
                break
            except (OSError, ValueError, KeyError) as error:
                missing[image] = str(error)
                time.sleep(2**attempt)
    return missing


def pull_one(image: str) -> None:
    if is_here(image):
        return
    name, at, digest = image.partition("@")
    if not at:
        name, _, digest = image.rpartition(":") if ":" in image.rpartition("/")[2] else (image, "", "latest")
    query = urllib.parse.urlencode({"fromImage": name, "tag": digest})
    said = host.docker(
        f"/images/create?{query}", "POST", registry_login(image), timeout_seconds=PULL_SECONDS
    ).decode()
    faults = [line for line in map(json.loads, said.splitlines()) if "error" in line]
    if faults:
        raise OSError(faults[0]["error"])


def is_here(image: str) -> bool:
    try:
        host.docker(f"/images/{image}/json")
    except OSError:
        return False
    return True


def registry_login(image: str) -> dict[str, str]:
    """Return the header with which Docker may pull from ECR, by the instance's own role; empty for other registries."""
    registry = image.partition("/")[0]
    ecr = ECR.fullmatch(registry)
    if ecr is None:
        return {}
    user, _, password = base64.b64decode(ecr_token(ecr[2], ecr[3] or "")).decode().partition(":")
    login = json.dumps({"username": user, "password": password, "serveraddress": registry})
    return {"X-Registry-Auth": base64.urlsafe_b64encode(login.encode()).decode()}


def ecr_token(region: str, suffix: str) -> str:
    role = host.metadata("iam/security-credentials/")
    if role is None:
        raise OSError("the instance has no role, so no way into ECR")
    credentials = json.loads(host.metadata(f"iam/security-credentials/{role.strip()}") or "{}")
    name = f"api.ecr.{region}.amazonaws.com{suffix}"
    headers = signed_headers(name, region, credentials, dt.datetime.now(dt.timezone.utc))
    request = urllib.request.Request(f"https://{name}/", data=b"{}", headers=headers)
    answer = json.load(urllib.request.urlopen(request, timeout=10))
    token: str = answer["authorizationData"][0]["authorizationToken"]
    return token


def signed_headers(
    name: str, region: str, credentials: Mapping[str, str], now: dt.datetime
) -> dict[str, str]:
    """Return the headers of GetAuthorizationToken with body ``{}``, signed by Signature Version 4."""
    stamp, scope = now.strftime("%Y%m%dT%H%M%SZ"), f"{now:%Y%m%d}/{region}/ecr/aws4_request"
    headers = {
        "content-type": "application/x-amz-json-1.1",
        "host": name,
        "x-amz-date": stamp,
        "x-amz-security-token": credentials["Token"],
        "x-amz-target": "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
    }
    names = ";".join(headers)
    lines = "".join(f"{key}:{value}\n" for key, value in headers.items())
    request = "\n".join(["POST", "/", "", lines, names, hashlib.sha256(b"{}").hexdigest()])
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{credentials['SecretAccessKey']}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    signer = f"Credential={credentials['AccessKeyId']}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "Authorization": f"AWS4-HMAC-SHA256 {signer}"}


if __name__ == "__main__":
    sys.exit(main())
