"""Our signer against botocore's: the same requests must get the same signatures [IAM-SIGV4]."""

from __future__ import annotations

import random
import string
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from slipway.adapters.sigv4 import Scope, signed_headers
from slipway.config import AwsAccess

REQUESTS = 4_000
SERVICES = ["sqs", "secretsmanager", "execute-api", "ecs", "dynamodb"]
REGIONS = ["eu-west-1", "us-east-1", "ap-northeast-1", "cn-north-1"]
HOSTS = ["sqs.eu-west-1.amazonaws.com", "127.0.0.1", "localhost", "[::1]", "ab-1.example"]
HEADERS = ["Content-Type", "X-Amz-Target", "Accept", "X-Custom", "x-amz-content-type", "Content-Length"]
LETTERS = string.ascii_letters + string.digits + "-_.~ /=+&%?#ßé漢:@!$'()*,;"


def words(chance: random.Random, longest: int) -> str:
    return "".join(chance.choice(LETTERS) for _ in range(chance.randint(0, longest)))


def a_url(chance: random.Random) -> str:
    scheme = chance.choice(["http", "https"])
    port = chance.choice(["", "", ":80", ":443", ":4566", ":8443"])
    segments = [
        chance.choice(["", ".", "..", "v1", "claim", quote(words(chance, 8), safe="~")])
        for _ in range(chance.randint(0, 5))
    ]
    path = chance.choice(["", "/", "/" + "/".join(segments)])
    pairs = [
        quote(words(chance, 6), safe="-_.~") + chance.choice(["", "="]) + quote(words(chance, 6), safe="-_.~")
        for _ in range(chance.randint(0, 4))
    ]
    query = "?" + "&".join(pairs) if pairs and chance.random() < 0.5 else ""
    return f"{scheme}://{chance.choice(HOSTS)}{port}{path}{query}"


def a_request(chance: random.Random) -> dict[str, Any]:
    names = chance.sample(HEADERS, chance.randint(0, len(HEADERS)))
    return {
        "method": chance.choice(["POST", "GET", "PUT", "DELETE", "post"]),
        "url": a_url(chance),
        "data": chance.randbytes(chance.randint(0, 300)),
        "headers": {
            name: chance.choice(["", " ", "\t"]) + words(chance, 20) + chance.choice(["", "  x   y ", "\t"])
            for name in names
        },
    }


def test_thousands_of_generated_requests_are_signed_as_botocore_signs_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chance = random.Random(20_130_524)
    moment = datetime(2000, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_args, **_kw: moment)
    for number in range(REQUESTS):
        moment = datetime.fromtimestamp(chance.randint(0, 4_000_000_000), UTC)
        request = a_request(chance)
        region, service = chance.choice(REGIONS), chance.choice(SERVICES)
        token = chance.choice(["", "FwoGZXIvYXdzE" + "x" * chance.randint(0, 900) + "=="])
        access = AwsAccess(region, f"AKIA{number}", words(chance, 40), token)

        theirs = AWSRequest(**request)
        credentials = Credentials(access.access_key_id, access.secret_access_key, token or None)
        SigV4Auth(credentials, service, region).add_auth(theirs)
        ours = signed_headers(
            access, Scope(service, region), (request["method"], request["url"], request["data"]),
            request["headers"], moment.timestamp(),
        )  # fmt: skip

        assert ours["Authorization"] == theirs.headers["Authorization"], (number, request)
        assert ours["X-Amz-Date"] == theirs.headers["X-Amz-Date"]
        assert ours.get("X-Amz-Security-Token") == theirs.headers.get("X-Amz-Security-Token")


def test_the_secret_key_is_in_no_header_and_no_repr() -> None:
    access = AwsAccess("eu-west-1", "AKIDEXAMPLE", "canary-key", "canary-token")
    headers = signed_headers(access, Scope("sqs", "eu-west-1"), ("POST", "https://x.example/", b""), {}, 0.0)
    assert "canary-key" not in str(headers)
    assert "canary" not in repr(access)
