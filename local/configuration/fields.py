"""The kinds of value that a configuration is made of, each checked where it is read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
)

from local.catalogue import Catalogue
from local.catalogue.file import REGION, read_catalogue, shipped
from local.configuration import quantities
from local.configuration.faults import printable, quoted
from slipway.domain.configuration import Schedule


def text(pattern: str, what: str) -> Any:
    """Return a string type for one ASCII pattern whose refusal says ``what`` was wanted."""
    # Not pydantic's own pattern check: its message is the pattern, which tells an operator nothing.
    expression = re.compile(pattern, re.ASCII)

    def check(value: str) -> str:
        if not expression.fullmatch(value):
            raise ValueError(f"'{printable(value)}' is not {what}")
        return value

    anchored = {"type": "string", "pattern": f"^(?:{pattern})$", "description": what}
    return Annotated[str, AfterValidator(check), WithJsonSchema(anchored)]


def _quantity(read: Any, schema: dict[str, Any]) -> Any:
    return Annotated[int, BeforeValidator(read), WithJsonSchema(schema)]


Memory = _quantity(quantities.memory_mib, {"type": "string", "pattern": quantities.MEMORY_PATTERN})
DiskSize = _quantity(quantities.disk_gib, {"type": "string", "pattern": quantities.DISK_PATTERN})
Duration = _quantity(quantities.duration_seconds, {"type": "string", "pattern": quantities.DURATION_PATTERN})
Cpu = _quantity(quantities.cpu_units, {"type": "number", "minimum": 0.125, "maximum": 192})
Hours = Annotated[
    Schedule,
    PlainValidator(quantities.schedule),
    WithJsonSchema({"type": "string", "pattern": quantities.SCHEDULE_PATTERN}),
]


def _catalogue(value: object, info: ValidationInfo) -> Catalogue:
    """Read the file that is named, from the folder that the context names; None is what ships."""
    if isinstance(value, Catalogue):
        return value
    if value is None:
        return shipped()
    if not isinstance(value, str) or not value:
        raise ValueError(f"{quoted(value)} is not the name of a file such as catalogue.csv")
    folder: Path = (info.context or {}).get("folder", Path())
    return read_catalogue(folder / value)


CatalogueFile = Annotated[
    Catalogue,
    PlainValidator(_catalogue),
    WithJsonSchema({"anyOf": [{"type": "string", "minLength": 1}, {"type": "null"}]}),
]
Count = Annotated[int, Field(ge=0, le=100_000)]
PositiveCount = Annotated[int, Field(ge=1, le=100_000)]

_ARN = r"arn:aws(-cn|-us-gov)?:"
# With a slash: a secret itself, pasted where its name belongs, has none as a rule.
_SECRET_NAME = r"[A-Za-z0-9_+=.@-]{1,100}(/[A-Za-z0-9_+=.@-]{1,100}){1,4}"  # noqa: S105 - a pattern
SecretId = text(
    rf"{_ARN}secretsmanager:[a-z0-9-]{{5,25}}:[0-9]{{12}}:secret:[A-Za-z0-9/_+=.@-]{{1,519}}|{_SECRET_NAME}",
    "a secret of Secrets Manager: its ARN, or a name with a slash such as slipway/webhook",
)
PolicyArn = text(
    _ARN + r"iam::([0-9]{12}|aws):policy/[A-Za-z0-9/_+=,.@-]{1,576}",
    "the ARN of an IAM policy (arn:aws:iam::ACCOUNT:policy/NAME)",
)
KeyArn = text(
    _ARN + r"kms:[a-z0-9-]{5,25}:[0-9]{12}:key/[A-Za-z0-9-]{1,64}",
    "the ARN of a KMS key, not of an alias (arn:aws:kms:REGION:ACCOUNT:key/ID)",
)
# By digest only: a tag can be moved to another image after it was reviewed.
Image = text(
    r"[a-z0-9][a-z0-9._/:-]{0,254}@sha256:[0-9a-f]{64}",
    "an image pinned by digest (REPOSITORY@sha256: and 64 hexadecimal digits)",
)
Label = text(r"[A-Za-z0-9._-]{1,64}", "a label: 1 to 64 of A-Z a-z 0-9 . _ -")
Login = text(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}", "the login of an organization")
AllowedOrganization = text(
    r"\*|[A-Za-z0-9][A-Za-z0-9-]{0,38}", "the login of an organization, or '*' for all"
)
Repository = text(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}", "a repository (OWNER/NAME)")
LoginOrRepository = text(
    r"[A-Za-z0-9][A-Za-z0-9-]{0,38}(/[A-Za-z0-9._-]{1,100})?", "an organization or a repository (OWNER/NAME)"
)
WorkflowFile = text(
    r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}/\.github/workflows/[A-Za-z0-9._-]{1,100}@[A-Za-z0-9._/-]{1,255}",
    "a workflow (OWNER/NAME/.github/workflows/FILE@REF)",
)
EnterpriseSlug = text(r"[A-Za-z0-9][A-Za-z0-9-]{0,59}", "the slug of an enterprise")
# Plain http is for a GitHub on this very machine, which is what the twins are.
WebUrl = text(
    r"https://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|http://(127\.0\.0\.1|localhost):[0-9]{1,5}",
    "the address of a GitHub (https://HOST, without a path)",
)
MirrorUrl = text(
    r"https://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9._-]{1,100}){0,4}",
    "the address of a registry mirror (https://HOST, without a trailing slash)",
)
# No dot in a bucket's name: it is part of a host name, to which S3's certificate must fit. worker_logs.sh has the same.
S3Prefix = text(
    r"s3://[a-z0-9][a-z0-9-]{1,61}[a-z0-9](/[A-Za-z0-9._-]{1,100}){0,8}",
    "a place in S3 (s3://BUCKET/PREFIX, without a trailing slash; no dot in the bucket's name)",
)
RunnerGroupName = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Region = text(REGION.pattern, "an AWS region such as ap-northeast-1")
Subnet = text(r"subnet-[0-9a-f]{8,17}", "a subnet id (subnet-…)")
SecurityGroup = text(r"sg-[0-9a-f]{8,17}", "a security group id (sg-…)")
InstanceTypeName = text(r"[a-z0-9-]{2,15}\.[a-z0-9-]{4,15}", "an instance type such as m7i.4xlarge")
# Names end up in ECS families, IAM roles (64 characters) and startedBy: short and plain.
ProfileName = text(r"[a-z0-9][a-z0-9_-]{0,19}", "a name: 1 to 20 of a-z 0-9 _ -, not beginning with _ or -")
PoolName = text(r"[a-z0-9][a-z0-9-]{0,19}", "a name: 1 to 20 of a-z 0-9 -, not beginning with -")
# Without a hyphen, so that no deployment's names begin with another's: names begin with it, and a hyphen follows.
DeploymentName = text(r"[a-z][a-z0-9]{0,19}", "a name: 1 to 20 of a-z 0-9, beginning with a letter")
# Of environments of pull requests.
Listener = text(
    _ARN
    + r"elasticloadbalancing:[a-z0-9-]{5,25}:[0-9]{12}:listener/app/[A-Za-z0-9-]{1,32}/[0-9a-f]{16}/[0-9a-f]{16}",
    "the ARN of an Application Load Balancer's listener",
)
RoleArn = text(_ARN + r"iam::[0-9]{12}:role/[A-Za-z0-9/_+=,.@-]{1,576}", "the ARN of an IAM role")
Vpc = text(r"vpc-[0-9a-f]{8,17}", "a VPC id (vpc-…)")
Domain = text(
    r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?){1,8}",
    "a domain in lower case such as pr-env.example.com",
)
# With a digit at its end, pr1 + 23 and pr + 123 would be one host; 10 digits of a number still have room in a label.
HostPrefix = text(
    r"[a-z]([a-z0-9-]{0,50}[a-z-])?", "letters, digits and hyphens, beginning with a letter, no digit last"
)
ClusterName = text(r"[A-Za-z0-9_-]{1,255}", "the name of an ECS cluster")
VariableName = text(r"[A-Za-z_][A-Za-z0-9_]{0,127}", "the name of an environment variable")
HealthPath = text(r"/[A-Za-z0-9._~/?=&{} -]{0,255}", "a path such as /health")
