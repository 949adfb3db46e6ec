"""The JIT config: what ``generate-jitconfig`` returns and the listener writes into its root."""

from __future__ import annotations

import base64
import hmac
import json
import random
from functools import cache, lru_cache
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
    contents = (
        json.dumps(_settings(runner, server_url)),
        json.dumps(_credentials(runner, server_url)),
        f'{{"d": "{_base64(runner.secret)}", {_filler()}}}',
    )
    # Base64 needs no escapes, and kilobytes of it are dear to look through for them.
    files = [
        f'"{name}": "{_base64(content.encode())}"' for name, content in zip(FILES, contents, strict=True)
    ]
    return _base64(f"{{{', '.join(files)}}}".encode())


def decode(encoded: str) -> dict[str, Any]:
    """The parsed files of a JIT config by name; raises ``ValueError`` for anything else."""
    files = _files(encoded)
    return {name: _content(files[name]) for name in FILES}


@lru_cache(maxsize=1_000)  # the listener makes it, and GitHub makes it again to compare
def assertion(client_id: str, secret: bytes) -> str:
    """The bearer token by which a listener proves its credentials."""
    return f"{client_id}.{hmac.digest(secret, client_id.encode(), 'sha256').hex()}"


def assertion_of(encoded: str) -> str:
    """The bearer token which the holder of this JIT config can make."""
    files = _files(encoded)
    secret = base64.b64decode(_content(files[".credentials_rsaparams"])["d"])
    return assertion(_content(files[".credentials"])["data"]["clientId"], secret)


def _files(encoded: str) -> dict[str, str]:
    files: dict[str, str] = json.loads(base64.b64decode(encoded, validate=True).decode())
    return files


def _content(file: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(base64.b64decode(file, validate=True).decode())
    return content


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


@cache
def _filler() -> str:
    """Parameters of the right sizes, the same for every runner, as what follows ``d`` in JSON: nothing reads them."""
    rng = random.Random("filler")
    fields = {name: _base64(rng.randbytes(size)) for name, size in _RSA_2048_FIELD_BYTES.items()}
    del fields["d"]
    return json.dumps(fields | {"exponent": "AQAB"})[1:-1]


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
