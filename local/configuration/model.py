"""The form of ``slipway.yaml``: keys, kinds of values, defaults. ``cross_checks`` ties the keys together."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from local.catalogue.file import shipped
from local.configuration import fields as f
from local.configuration.environments import Environments
from local.configuration.section import Section


class WebhookSecret(Section):
    """A webhook secret, and the organizations it may speak for (none named: all)."""

    secret: f.SecretId
    organizations: list[f.Login] = Field(default_factory=list)


def _bare_secret(value: Any) -> Any:
    return {"secret": value} if isinstance(value, str) else value


_WEBHOOK_SECRET_SCHEMA = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["secret"],
            "properties": {
                "secret": {"type": "string"},
                "organizations": {"type": "array", "items": {"type": "string"}},
            },
        },
    ]
}
WebhookSecretEntry = Annotated[
    WebhookSecret, BeforeValidator(_bare_secret), WithJsonSchema(_WEBHOOK_SECRET_SCHEMA)
]


class Secrets(Section):
    """Where credentials lie in Secrets Manager, by ARN, or by a name that the deployment creates empty."""

    webhook: list[WebhookSecretEntry] = Field(
        min_length=1, description="every valid webhook secret, to rotate them"
    )
    app: f.SecretId | None = Field(None, description="GitHub App id and private key")
    runner_tokens: list[f.SecretId] = Field(
        default_factory=list, description="classic PATs (manage_runners:enterprise)"
    )


class Allow(Section):
    """Whose jobs are served."""

    organizations: list[f.AllowedOrganization] = Field(default_factory=lambda: ["*"], min_length=1)
    repositories: list[f.Repository] = Field(default_factory=list, description="none named: every repository")
    public_repositories: bool = False
    workflows: list[f.WorkflowFile] = Field(
        default_factory=list, description="none named: every workflow of them"
    )


class GitHub(Section):
    """The GitHub whose jobs are served."""

    url: f.WebUrl = "https://github.com"
    ca_bundle: str | None = Field(None, min_length=1, max_length=255, description="PEM file for a private CA")
    enterprise: f.EnterpriseSlug | None = None
    registration: Literal["enterprise", "organization", "repository"]
    runner_groups: f.RunnerGroupName = Field(
        "per-organization", description="or the name of one runner group"
    )
    allow: Allow = Field(default_factory=Allow)
    secrets: Secrets
    organization_hooks: dict[f.Login, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict, description="hook ids, to send their failed deliveries again"
    )
    sweep_calls_per_hour: f.Count = Field(0, description="to look for jobs that no webhook told of")
    rerun_interrupted: Annotated[int, Field(ge=0, le=10)] = Field(
        0, description="how often a job that died with its instance is run again"
    )


class Bounds(Section):
    """The smallest and largest size which a `slipway/PROFILE/cpu=…/memory=…` label may ask for."""

    cpu: list[f.Cpu] = Field(min_length=2, max_length=2)
    memory: list[f.Memory] = Field(min_length=2, max_length=2)


class Slo(Section):
    """The wait that nine in ten jobs should stay under, and the hours in which it counts."""

    p90_wait: f.Duration
    hours: f.Hours | None = None


class Profile(Section):
    """What a label set buys."""

    labels: list[f.Label] = Field(min_length=1, max_length=100)
    unlabelled_jobs_of: list[f.LoginOrRepository] = Field(
        default_factory=list, description="whose jobs without labels (runs-on: {group: …}) it serves"
    )
    cpu: f.Cpu
    memory: f.Memory
    gpus: Annotated[int, Field(ge=0, le=16)] = Field(
        0, description="whole GPUs, of the pool's instance types"
    )
    image: f.Image
    pool: str
    isolation: Literal["shared", "instance"] = "shared"
    docker: Literal["none", "nested", "privileged"] = "none"
    kvm: bool = Field(False, description="gives jobs /dev/kvm; only with isolation: instance")
    worker_logs: f.S3Prefix | None = Field(
        None, description="where the listener's Worker logs go; only for one organization"
    )
    bounds: Bounds | None = None
    standby: f.Count = 0
    max_runners: f.PositiveCount = 100
    max_runners_per_repository: f.PositiveCount | None = None
    idle_timeout: f.Duration = Field("2m")
    job_timeout: f.Duration = Field("6h")
    slo: Slo | None = None


class Headroom(Section):
    """Free slots to keep on running instances."""

    slots: f.PositiveCount
    schedule: f.Hours | None = Field(None, description="none: always")


class Pool(Section):
    """Where capacity comes from."""

    region: f.Region
    # What an awsvpc task may name [ECS-AWSVPC].
    subnets: list[f.Subnet] = Field(min_length=1, max_length=16)
    security_groups: list[f.SecurityGroup] = Field(min_length=1, max_length=5)
    task_policy: f.PolicyArn | None = Field(
        None, description="added to the task role; only for one organization"
    )
    architecture: Literal["x64", "arm64"] = "x64"
    instance_types: list[f.InstanceTypeName] = Field(min_length=1, description="in order of preference")
    market: Literal["spot", "on-demand"] = "spot"
    max_instances: f.PositiveCount = 10
    headroom: Headroom | None = None
    stopped_instances: f.Count = 0
    idle_timeout: f.Duration = Field("5m")
    max_age: f.Duration = Field("24h")
    operating_system: Literal["al2023", "bottlerocket"] = "al2023"
    uid_ranges: Literal["shared", "per-container"] = Field(
        "shared", description="whether containers of a host share one range of user ids"
    )
    registry_mirror: f.MirrorUrl | None = Field(None, description="a read-only mirror of Docker Hub")
    disk_quota: f.DiskSize | None = Field(
        None, description="what one container may write; needs an empty second volume. none: no limit"
    )
    disk_key: f.KeyArn | None = Field(
        None, description="encrypts the hosts' disks. none: the account's default"
    )
    git_cache: bool = Field(False, description="Git objects read by every job; only for one organization")


class Fairness(Section):
    """How organizations share what is scarce."""

    weights: dict[f.Login, Annotated[int, Field(ge=1, le=1_000)]] = Field(default_factory=dict)
    max_queued_per_organization: f.PositiveCount = 5_000
    max_starting_per_repository: f.PositiveCount = Field(200, description="runners between start and job")


class Accounting(Section):
    """How use is told to AWS, besides Slipway's own usage records."""

    task_tags: bool = Field(
        False, description="tag each task with the organization, repository and workflow that it runs"
    )


class SlipwayFile(Section):
    """A whole ``slipway.yaml``."""

    deployment: f.DeploymentName = Field(
        "slipway", description="begins the names of AWS resources, runners and runner groups"
    )
    catalogue: f.CatalogueFile = Field(
        default_factory=shipped,
        description="instance types and their list prices, a file beside this one; none: what ships",
    )
    github: GitHub
    profiles: dict[f.ProfileName, Profile] = Field(min_length=1)
    pools: dict[f.PoolName, Pool] = Field(min_length=1)
    fairness: Fairness = Field(default_factory=Fairness)
    accounting: Accounting = Field(default_factory=Accounting)
    environments: Environments | None = Field(None, description="environments of pull requests")
