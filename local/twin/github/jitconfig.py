"""The JIT config: what ``generate-jitconfig`` returns and the listener writes into its root."""

from __future__ import annotations

import base64
import hmac
import json
import random
from functools import cache
from typing import Any

from local.twin.github.model import Runner

FILES = (".runner", ".credentials", ".credentials_rsaparams")
_RSA_2048_FIELD_BYTES = {
    "d": 256, "dp": 128, "dq": 128, "inverseQ": 128, "modulus": 256, "p": 128, "q": 128,
}  # fmt: skip


def new_secret(rng: random.Random) -> bytes:
    """The secret of one registration: as many bytes as RSA-2048's private exponent."""
    return rng.randbytes(_RSA_2048_FIELD_BYTES["d"])


def encode(runner: Runner, server_url: str) -> str:
    """The ``encoded_jit_config``: base64 of ``{file name: base64(content)}`` [RUNNER-JIT-FORMAT].

    The RSA parameters have the right sizes but are no RSA key: making 300 real ones takes tens of
    seconds. The twin uses ``d`` as a shared secret, so the credentials still name exactly one runner.
    """
    contents = {
        ".runner": _settings(runner, server_url),
        ".credentials": _credentials(runner, server_url),
        ".credentials_rsaparams": _rsa_parameters(runner.secret),
    }
    files = {name: _base64(json.dumps(content).encode()) for name, content in contents.items()}
    return _base64(json.dumps(files).encode())


def decode(encoded: str) -> dict[str, Any]:
    """The parsed files of a JIT config by name; raises ``ValueError`` for anything else."""
    files = json.loads(base64.b64decode(encoded, validate=True))
    return {name: json.loads(base64.b64decode(files[name], validate=True)) for name in FILES}


def assertion(client_id: str, secret: bytes) -> str:
    """The bearer token by which a listener proves its credentials."""
    return f"{client_id}.{hmac.digest(secret, client_id.encode(), 'sha256').hex()}"


def assertion_of(encoded: str) -> str:
    """The bearer token which the holder of this JIT config can make."""
    files = decode(encoded)
    secret = base64.b64decode(files[".credentials_rsaparams"]["d"])
    return assertion(files[".credentials"]["data"]["clientId"], secret)


def _settings(runner: Runner, server_url: str) -> dict[str, Any]:
    return {
        "AgentId": runner.id,
        "AgentName": runner.name,
        "DisableUpdate": False,
        "Ephemeral": runner.ephemeral,
        "PoolId": runner.identity.group_id,
        "PoolName": runner.identity.group_name,
        "ServerUrl": server_url,
        "ServerUrlV2": f"{server_url}/_twin/broker/",
        "UseV2Flow": True,
        "UseRunnerAdminFlow": False,
        "WorkFolder": runner.work_folder,
        "SkipSessionRecover": False,
        "MonitorSocketAddress": "",
        "GitHubUrl": "",
    }


def _credentials(runner: Runner, server_url: str) -> dict[str, Any]:
    return {
        "scheme": "OAuth",
        "data": {
            "clientId": runner.client_id,
            "authorizationUrl": f"{server_url}/_twin/broker/token",
            "requireFipsCryptography": "True",
        },
    }


def _rsa_parameters(secret: bytes) -> dict[str, str]:
    return _filler() | {"d": _base64(secret)}


@cache
def _filler() -> dict[str, str]:
    """Parameters of the right sizes, the same for every runner: nothing reads them but ``d``."""
    rng = random.Random("filler")
    fields = {name: _base64(rng.randbytes(size)) for name, size in _RSA_2048_FIELD_BYTES.items()}
    return fields | {"exponent": "AQAB"}


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
