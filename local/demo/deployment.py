"""The deployment in the twins: what Terraform or SAM would make in an account, and the functions' environments."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from local.demo.containers import REPOSITORY
from local.demo.scaled_time import ScaledTime
from local.slipway_cli.configuration.check import check
from local.slipway_cli.configuration.compilation import compile_file
from local.twin.aws.account import AwsTwin
from local.twin.aws.ec2.user_data import ecs_user_data
from slipway.config import load_configuration
from slipway.domain.configuration import Configuration, Pool, Profile

ACCOUNT = "123456789012"
REGION = "ap-northeast-1"
TABLE = "slipway"
QUEUES = ("jobs", "events", "dead-letters")
SCALER_TIMEOUT_SECONDS = 60.0


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
    """Check and compile the demo's ``slipway.yaml`` as an operator would, and load the result."""
    text = (Path(__file__).parent / "slipway.yaml").read_text("utf-8")
    verdict = check(places.fill(text, repositories))
    if verdict.file is None:
        raise ValueError("; ".join(fault.sentence("slipway.yaml") for fault in verdict.faults))
    (folder / "slipway.json").write_text(compile_file(verdict.file), "utf-8")
    return load_configuration(folder / "slipway.json")


def deploy(aws: AwsTwin, configuration: Configuration, claim_url: str) -> None:
    """Make queues, table, clusters, launch templates and task definitions."""
    for name in reversed(QUEUES):
        attributes = {"VisibilityTimeout": str(int(6 * SCALER_TIMEOUT_SECONDS))}
        if name != "dead-letters":
            target = f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead-letters"
            attributes["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": "5"})
        aws.client("sqs").create_queue(QueueName=name, Attributes=attributes)
    aws.client("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
    )
    for pool in configuration.pools.values():
        _deploy_pool(aws, pool)
    for profile in configuration.profiles.values():
        _deploy_profile(aws, profile, configuration.pools[profile.pool], claim_url)


def _deploy_pool(aws: AwsTwin, pool: Pool) -> None:
    settings = {"ECS_ENABLE_SPOT_INSTANCE_DRAINING": "true", "ECS_CONTAINER_STOP_TIMEOUT": "120s"}
    user_data = ecs_user_data(pool.cluster, {"slipway.pool": pool.name}, settings)
    aws.client("ecs").create_cluster(clusterName=pool.cluster)
    aws.client("ec2").create_launch_template(
        LaunchTemplateName=pool.launch_template,
        LaunchTemplateData={"ImageId": "ami-0123456789abcdef0", "UserData": user_data},
    )


def _deploy_profile(aws: AwsTwin, profile: Profile, pool: Pool, claim_url: str) -> None:
    container: dict[str, Any] = {
        "name": "runner",
        "image": profile.image,
        "essential": True,
        "stopTimeout": 120,
        "environment": [
            {"name": "SLIPWAY_CLAIM_URL", "value": claim_url},
            {"name": "AWS_REGION", "value": REGION},
        ],
    }
    aws.client("ecs").register_task_definition(
        family=f"slipway-{profile.name}",
        taskRoleArn=f"arn:aws:iam::{ACCOUNT}:role/{pool.task_role}",
        networkMode="bridge",
        cpu=str(profile.size.cpu_units),
        memory=str(profile.size.memory_mib),
        containerDefinitions=[container],
    )


def function_environment(folder: Path, aws_url: str, scaled: ScaledTime) -> dict[str, str]:
    """Return the environment that every function gets: places and the clock, no secret."""
    queue_url = f"{aws_url}/{ACCOUNT}"
    python_path = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "layers" / "core" / "python")])
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": python_path,
        "PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", ""),
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "AKIADEMODEMODEMODEMO",
        "AWS_SECRET_ACCESS_KEY": "demo-functions-key",
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "LAMBDA_TASK_ROOT": str(folder),
        "POWERTOOLS_METRICS_NAMESPACE": "Slipway",
        "SLIPWAY_CONFIG": str(folder / "slipway.json"),
        "SLIPWAY_ACCOUNT_ID": ACCOUNT,
        "SLIPWAY_TABLE": TABLE,
        "SLIPWAY_JOBS_QUEUE_URL": f"{queue_url}/jobs",
        "SLIPWAY_EVENTS_QUEUE_URL": f"{queue_url}/events",
        "SLIPWAY_DEAD_LETTERS_QUEUE_URL": f"{queue_url}/dead-letters",
        "SLIPWAY_LEASE_SECONDS": str(int(2 * SCALER_TIMEOUT_SECONDS * scaled.scale)),
        "SLIPWAY_CLOCK": f"{scaled.origin!r},{scaled.scale}",
    }
