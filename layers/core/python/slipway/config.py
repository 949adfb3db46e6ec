"""Settings of a function and the compiled configuration: the only reader of the environment."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from slipway.domain.configuration import (
    Bounds,
    Configuration,
    Docker,
    Fairness,
    GitHubTarget,
    Headroom,
    InstanceType,
    Isolation,
    Market,
    Pool,
    Profile,
    Registration,
    Schedule,
    WaitTarget,
    WebhookSecret,
)
from slipway.domain.errors import ConfigurationError
from slipway.domain.resources import Resources

if TYPE_CHECKING:
    from slipway.domain.environments.settings import Environments

T = TypeVar("T")
COMPILED_VERSION = 5
CA_BUNDLE = "ca_bundle.pem"
"""What a private authority's file is called, beside the compiled configuration which names it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the deployment tells a function: places, never secrets and never policy."""

    configuration_path: Path
    region: str
    account_id: str
    table: str
    jobs_queue_url: str
    events_queue_url: str
    dead_letters_queue_url: str
    lease_seconds: int
    environments_queue_url: str = ""
    clock_origin: float | None = None
    clock_scale: float = 1.0

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings of the running function.

        A place that this function was not given stays empty: each function is given only what it uses.

        Raises:
            ConfigurationError: every unreadable variable at once.
        """
        faults: list[str] = []
        origin, scale = _clock(environ.get("SLIPWAY_CLOCK", ""), faults)
        lease = environ.get("SLIPWAY_LEASE_SECONDS", "120")
        if not (lease.isascii() and lease.isdigit()):
            faults.append("SLIPWAY_LEASE_SECONDS is not a whole number")
        if faults:
            raise ConfigurationError(*faults)
        task_root = environ.get("LAMBDA_TASK_ROOT", ".")
        return cls(
            configuration_path=Path(environ.get("SLIPWAY_CONFIG", f"{task_root}/slipway.json")),
            region=environ.get("AWS_REGION", ""),
            account_id=environ.get("SLIPWAY_ACCOUNT_ID", ""),
            table=environ.get("SLIPWAY_TABLE", ""),
            jobs_queue_url=environ.get("SLIPWAY_JOBS_QUEUE_URL", ""),
            events_queue_url=environ.get("SLIPWAY_EVENTS_QUEUE_URL", ""),
            dead_letters_queue_url=environ.get("SLIPWAY_DEAD_LETTERS_QUEUE_URL", ""),
            lease_seconds=int(lease),
            environments_queue_url=environ.get("SLIPWAY_ENVIRONMENTS_QUEUE_URL", ""),
            clock_origin=origin,
            clock_scale=scale,
        )

    def require(self, *places: str) -> Settings:
        """Return these settings if they name all of the ``places`` that a function cannot do without.

        Raises:
            ConfigurationError: every variable that is missing, at once.
        """
        missing = [_VARIABLES[place] for place in places if not getattr(self, place)]
        if missing:
            raise ConfigurationError(
                *(f"{name} is not set: the deployment must give it to this function" for name in missing)
            )
        return self


_VARIABLES = {
    "region": "AWS_REGION",
    "account_id": "SLIPWAY_ACCOUNT_ID",
    "table": "SLIPWAY_TABLE",
    "jobs_queue_url": "SLIPWAY_JOBS_QUEUE_URL",
    "events_queue_url": "SLIPWAY_EVENTS_QUEUE_URL",
    "dead_letters_queue_url": "SLIPWAY_DEAD_LETTERS_QUEUE_URL",
    "environments_queue_url": "SLIPWAY_ENVIRONMENTS_QUEUE_URL",
}


def _clock(text: str, faults: list[str]) -> tuple[float | None, float]:
    """Read ``SLIPWAY_CLOCK=ORIGIN,SCALE``, with which the demo makes time pass faster."""
    if not text:
        return None, 1.0
    try:
        origin, scale = (float(part) for part in text.split(","))
    except ValueError:
        faults.append("SLIPWAY_CLOCK is not ORIGIN,SCALE (epoch seconds, factor)")
        return None, 1.0
    return origin, scale


@dataclass(frozen=True, slots=True)
class AwsAccess:
    """Credentials and endpoints of the running function, for the adapters that sign by hand."""

    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)
    endpoints: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> AwsAccess:
        """Read what the Lambda runtime provides, and ``AWS_ENDPOINT_URL[_SERVICE]`` as botocore does."""
        endpoints = {
            name.removeprefix("AWS_ENDPOINT_URL").lstrip("_").lower(): value
            for name, value in environ.items()
            if name.startswith("AWS_ENDPOINT_URL")
        }
        return cls(
            region=environ.get("AWS_REGION", ""),
            access_key_id=environ.get("AWS_ACCESS_KEY_ID", ""),
            secret_access_key=environ.get("AWS_SECRET_ACCESS_KEY", ""),
            session_token=environ.get("AWS_SESSION_TOKEN", ""),
            endpoints=endpoints,
        )


def load_configuration(path: Path) -> Configuration:
    """Read the compiled configuration which is bundled beside a function.

    Raises:
        ConfigurationError: no such file, not written by ``slipway config compile``, or by another version of it.
    """
    return _read(path, decode_configuration)


def load_with_environments(path: Path) -> tuple[Configuration, Environments | None]:
    """Read it with its optional section, for those functions that have to do with environments.

    Raises:
        ConfigurationError: as ``load_configuration``.
    """
    return _read(path, lambda body: (decode_configuration(body), environments_of(body)))


def _read(path: Path, decode: Callable[[Mapping[str, Any]], T]) -> T:
    try:
        body = json.loads(path.read_text("utf-8"))
        version = body["version"]
        if version != COMPILED_VERSION:
            raise ConfigurationError(
                f"{path}: version {version}, wanted {COMPILED_VERSION}; compile it again"
            )
        return decode(body)
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise ConfigurationError(
            f"{path}: not a compiled configuration ({fault!r}); run `slipway config compile`"
        ) from fault


def decode_configuration(body: Mapping[str, Any]) -> Configuration:
    """Build the configuration from its compiled JSON form: the dataclasses' own names, nested."""
    return Configuration(
        deployment=body["deployment"],
        github=_github(body["github"], body["deployment"]),
        profiles={name: _profile(name, value) for name, value in body["profiles"].items()},
        pools={name: _pool(name, value) for name, value in body["pools"].items()},
        fairness=Fairness(**body["fairness"]),
        tags_tasks=body.get("tags_tasks", False),
    )


def environments_of(body: Mapping[str, Any]) -> Environments | None:
    """Build the optional section from its compiled form; None where there is none."""
    if "environments" not in body:
        return None
    from slipway.domain.environments.settings import decode_environments  # noqa: PLC0415 - most have none

    return decode_environments(body["environments"], body["deployment"])


def _github(body: Mapping[str, Any], deployment: str) -> GitHubTarget:
    secrets = tuple(
        WebhookSecret(item["secret"], tuple(item["organizations"])) for item in body["webhook_secrets"]
    )
    lists = ("allowed_organizations", "allowed_repositories", "allowed_workflows", "runner_token_secrets")
    return GitHubTarget(
        **{
            **body,
            **{name: tuple(body[name]) for name in lists},
            "registration": Registration(body["registration"]),
            "webhook_secrets": secrets,
            "deployment": deployment,
        }
    )


def _profile(name: str, body: Mapping[str, Any]) -> Profile:
    bounds = body["bounds"]
    return Profile(
        **{
            **body,
            "name": name,
            "labels": frozenset(body["labels"]),
            "unlabelled_jobs_of": frozenset(body["unlabelled_jobs_of"]),
            "size": Resources(*body["size"]),
            "isolation": Isolation(body["isolation"]),
            "docker": Docker(body["docker"]),
            "bounds": Bounds(Resources(*bounds[0]), Resources(*bounds[1])) if bounds else None,
            "wait_target": _wait_target(body["wait_target"]),
        }
    )


def _pool(name: str, body: Mapping[str, Any]) -> Pool:
    types = tuple(_instance_type(*item) for item in body["instance_types"])
    headroom = body["headroom"]
    return Pool(
        **{
            **body,
            "name": name,
            "subnets": tuple(body["subnets"]),
            "security_groups": tuple(body["security_groups"]),
            "instance_types": types,
            "market": Market(body["market"]),
            "headroom": Headroom(headroom["slots"], _schedule(headroom["schedule"])) if headroom else None,
        }
    )


def _instance_type(name: str, registered: list[int], usd_per_hour: float, max_tasks: int) -> InstanceType:
    return InstanceType(name, Resources(*registered), usd_per_hour, max_tasks)


def _wait_target(body: Mapping[str, Any] | None) -> WaitTarget | None:
    return WaitTarget(body["p90_wait_seconds"], _schedule(body["hours"])) if body else None


def _schedule(body: Mapping[str, Any] | None) -> Schedule | None:
    return Schedule(**{**body, "weekdays": tuple(body["weekdays"])}) if body else None
