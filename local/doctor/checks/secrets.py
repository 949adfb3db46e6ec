"""Do the secrets exist and hold a value? Never what value: no secret is read."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from botocore.exceptions import ClientError

from local.doctor.deployment import is_deployed
from local.doctor.findings import Check, Look, Verdict, failed, ok, warning
from local.doctor.surroundings import Surroundings

_NOT_THERE = "ResourceNotFoundException"


def _looks(surroundings: Surroundings) -> Iterator[Look]:
    github = surroundings.configuration.github
    places = {secret.secret_id: "webhook" for secret in github.webhook_secrets}
    if github.app_secret:
        places[github.app_secret] = "app"
    places |= dict.fromkeys(github.runner_token_secrets, "runner_tokens")
    for secret, key in places.items():
        yield Look(f"github.secrets.{key}: {secret}", partial(_judge, surroundings, secret))


def region_of(secret: str, home_region: str) -> str:
    """Return where a secret lies: an ARN says so, a name is made in the home region."""
    return secret.split(":")[3] if secret.startswith("arn:") else home_region


def _judge(surroundings: Surroundings, secret: str) -> Iterator[Verdict]:
    region = region_of(secret, surroundings.home_region)
    client = surroundings.account.client("secretsmanager", region)
    put = f"aws secretsmanager put-secret-value --region {region} --secret-id {secret} --secret-string file://VALUE"
    try:
        described = client.describe_secret(SecretId=secret)
    except ClientError as fault:
        if fault.response["Error"]["Code"] != _NOT_THERE:
            raise
        yield _missing(surroundings, secret, region)
        return
    stages = [stage for stages in described.get("VersionIdsToStages", {}).values() for stage in stages]
    if "DeletedDate" in described:
        yield failed(
            "secret-deleted",
            "is marked for deletion",
            f"aws secretsmanager restore-secret --region {region} --secret-id {secret}",
        )
    elif "AWSCURRENT" not in stages:
        yield failed("secret-empty", "has no value yet", put)
    else:
        yield ok(f"holds a value, in {region}")
    if key := described.get("KmsKeyId"):
        mend = "let the roles of its functions kms:Decrypt with that key, in the key's policy too"
        yield warning("secret-own-key", f"is encrypted with a key of its own, {key}", mend)


def _missing(surroundings: Surroundings, secret: str, region: str) -> Verdict:
    if secret.startswith("arn:"):
        return failed(
            "secret-missing",
            f"does not exist in {region}",
            "create it, or mend its ARN; a name instead has the deployment make it",
        )
    if is_deployed(surroundings):
        return failed(
            "secret-missing",
            f"does not exist in {region}, though Slipway is deployed",
            "deploy again, then fill it",
        )
    return warning(
        "secret-not-made-yet",
        "does not exist yet: the deployment makes it, empty",
        "deploy, then fill it and run this again",
    )


CHECK = Check(
    name="secrets",
    about="each secret exists and holds a value; no value is read",
    permissions=("secretsmanager:DescribeSecret", "lambda:GetFunctionConfiguration"),
    looks=_looks,
)
