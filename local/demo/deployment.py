"""The demo's configuration, its secrets, and the environment of its functions."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from local.configuration.check import check
from local.configuration.compilation import compile_file
from local.demo.containers import REPOSITORY
from local.demo.scaled_time import ScaledTime
from local.twin.aws.account import AwsTwin
from local.twin_deployment import ACCOUNT, LEASE_SECONDS, REGION, TABLE
from slipway.config import load_configuration
from slipway.domain.configuration import Configuration


def _new_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@dataclass(frozen=True, slots=True)
class DemoSecrets:
    """The secrets of one run, made up anew each time; none shows in a repr."""

    webhook: str = field(default_factory=lambda: secrets.token_hex(20), repr=False)
    app_key: str = field(default_factory=_new_key, repr=False)
    personal_token: str = field(default="", repr=False)
    app_id: int = 0

    @property
    def app_public_key(self) -> str:
        """Return the public half of the App's key, PEM."""
        private = serialization.load_pem_private_key(self.app_key.encode(), None)
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return private.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


@dataclass(frozen=True, slots=True)
class Places:
    """What the configuration names: where GitHub is, at which level runners register, where secrets lie."""

    github_url: str
    registration: str
    webhook_arn: str
    app_arn: str
    token_arn: str

    def fill(self, text: str, repositories: list[str]) -> str:
        """Return the demo's ``slipway.yaml`` with everything filled in."""
        values = {
            "GITHUB_URL": self.github_url,
            "REGISTRATION": self.registration,
            "WEBHOOK_ARN": self.webhook_arn,
            "APP_ARN": self.app_arn,
            "TOKEN_ARN": self.token_arn,
            "REPOSITORIES": json.dumps(repositories),
        }
        for name, value in values.items():
            text = text.replace(f"${{{name}}}", value)
        return text


def store_secrets(aws: AwsTwin, held: DemoSecrets, github_url: str, registration: str) -> Places:
    """Put the secrets where the functions read them."""
    app = json.dumps({"app_id": str(held.app_id), "private_key": held.app_key})
    values = {"webhook": held.webhook, "app": app, "runner-token": held.personal_token}
    manager = aws.client("secretsmanager")
    arns = {
        name: manager.create_secret(Name=f"slipway/{name}", SecretString=value)["ARN"]
        for name, value in values.items()
    }
    return Places(github_url, registration, arns["webhook"], arns["app"], arns["runner-token"])


def write_configuration(folder: Path, places: Places, repositories: list[str]) -> Configuration:
    """Write, check and compile the demo's ``slipway.yaml`` as an operator would, and load the result."""
    template = (Path(__file__).parent / "slipway.yaml").read_text("utf-8")
    text = places.fill(template, repositories)
    (folder / "slipway.yaml").write_text(text, "utf-8")
    verdict = check(text)
    if verdict.file is None:
        raise ValueError("; ".join(fault.sentence("slipway.yaml") for fault in verdict.faults))
    (folder / "slipway.json").write_text(compile_file(verdict.file), "utf-8")
    return load_configuration(folder / "slipway.json")


def access_key_of(function: str) -> str:
    """Return the access key id of a function's role, by which the twin knows whose call it is."""
    return f"AKIADEMO{function.upper():0<12}"


def checkout_environment(folder: Path) -> dict[str, str]:
    """Return what a function of the checkout needs, where Lambda and its packages would set it."""
    return {
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "layers" / "core" / "python")]),
        "PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", ""),
        "LAMBDA_TASK_ROOT": str(folder),
        "SLIPWAY_CONFIG": str(folder / "slipway.json"),
    }


def deployed_environment(aws_url: str, scaled: ScaledTime) -> dict[str, str]:
    """Return the environment that every function gets: places and the clock, no secret."""
    queue_url = f"{aws_url}/{ACCOUNT}"
    return {
        "PATH": os.environ["PATH"],
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": access_key_of("nobody"),
        "AWS_SECRET_ACCESS_KEY": "demo-functions-key",
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "POWERTOOLS_METRICS_NAMESPACE": "Slipway",
        "SLIPWAY_ACCOUNT_ID": ACCOUNT,
        "SLIPWAY_TABLE": TABLE,
        "SLIPWAY_JOBS_QUEUE_URL": f"{queue_url}/jobs",
        "SLIPWAY_EVENTS_QUEUE_URL": f"{queue_url}/events",
        "SLIPWAY_DEAD_LETTERS_QUEUE_URL": f"{queue_url}/dead-letters",
        "SLIPWAY_LEASE_SECONDS": str(LEASE_SECONDS * scaled.scale),
        "SLIPWAY_CLOCK": f"{scaled.origin!r},{scaled.scale}",
    }
