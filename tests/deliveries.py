"""Webhook deliveries, valid unless a test says otherwise, and the configuration that serves them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from slipway.config import COMPILED_VERSION, decode_configuration
from slipway.domain.configuration import Configuration

NOW = 1_795_000_000.0
SECRET = "canary-webhook-secret-7f3a"
BOUND_SECRET = "canary-bound-secret-91bc"
SECRET_ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:webhook-AbCdEf"
BOUND_ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:webhook-globex-AbCdEf"
SECRETS = {SECRET_ARN: SECRET, BOUND_ARN: BOUND_SECRET}
MEDIUM = ["self-hosted", "linux", "x64", "medium"]
_EXAMPLES = Path(__file__).parents[1] / "local/twin/github/spec/examples.json"


def iso(seconds: float) -> str:
    """Return a time as GitHub writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def github_examples(event: str) -> list[dict[str, Any]]:
    """Return GitHub's own example payloads of an event."""
    examples: list[dict[str, Any]] = json.loads(_EXAMPLES.read_text("utf-8"))["examples"][event]
    return examples


def payload(action: str = "queued", *, job: dict[str, Any] | None = None, **top: Any) -> dict[str, Any]:
    """Return a ``workflow_job`` payload of acme/rocket; ``job`` and ``top`` replace fields."""
    base = {
        "id": 9001, "run_id": 501, "run_attempt": 1, "status": action, "conclusion": None,
        "created_at": iso(NOW - 5), "started_at": iso(NOW - 5), "completed_at": None,
        "name": "build", "workflow_name": "CI", "head_branch": "main", "labels": MEDIUM,
        "runner_id": None, "runner_name": None, "runner_group_id": None, "runner_group_name": None, "steps": [],
    }  # fmt: skip
    return {
        "action": action,
        "workflow_job": {**base, **(job or {})},
        "repository": {"id": 77, "name": "rocket", "full_name": "acme/rocket", "private": True,
                       "visibility": "private", "owner": {"login": "acme", "id": 7}},
        "organization": {"login": "acme", "id": 7},
        "sender": {"login": "octocat", "id": 1},
        **top,
    }  # fmt: skip


def repository(full_name: str, **changes: Any) -> dict[str, Any]:
    """Return the ``repository`` of a payload."""
    owner = full_name.partition("/")[0]
    return {"id": 78, "full_name": full_name, "private": True, "owner": {"login": owner, "id": 8}, **changes}


def signature(body: bytes, secret: str = SECRET) -> str:
    """Return the ``X-Hub-Signature-256`` header of a body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def headers(body: bytes, *, event: str = "workflow_job", secret: str = SECRET) -> dict[str, str]:
    """Return the headers of a signed delivery, as GitHub capitalizes them."""
    return {
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/044aadd",
        "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "X-GitHub-Event": event,
        "X-Hub-Signature-256": signature(body, secret),
    }


def encode(value: Any) -> bytes:
    """Return a payload as GitHub sends it."""
    return json.dumps(value).encode()


def http_event(body: bytes, head: dict[str, str], *, as_base64: bool = False) -> dict[str, Any]:
    """Return the event of an API Gateway HTTP API, payload format 2.0."""
    return {
        "version": "2.0",
        "routeKey": "POST /webhook",
        "headers": head,
        "requestContext": {"http": {"method": "POST", "path": "/webhook", "sourceIp": "192.0.2.1"}},
        "body": base64.b64encode(body).decode() if as_base64 else body.decode(),
        "isBase64Encoded": as_base64,
    }


def signed_event(value: Any, *, event: str = "workflow_job", secret: str = SECRET) -> dict[str, Any]:
    """Return the HTTP API event of a signed delivery of this payload."""
    body = encode(value)
    return http_event(body, headers(body, event=event, secret=secret))


def compiled(**github: Any) -> dict[str, Any]:
    """Return a compiled configuration: profiles medium and sized on one pool, one secret bound to globex."""
    pool = {
        "region": "eu-west-1", "cluster": "slipway-general", "task_role": "slipway-general-task",
        "launch_template": "slipway-general", "subnets": ["subnet-1"], "security_groups": ["sg-1"],
        "architecture": "x64", "instance_types": [["m7i.4xlarge", [16384, 62000, 0], 0.8064, 1000]], "market": "spot",
        "max_instances": 10, "headroom": None, "stopped_instances": 0, "idle_timeout_seconds": 300,
        "max_age_seconds": 86400, "exclusive": False, "task_policy": None,
    }  # fmt: skip
    return {
        "version": COMPILED_VERSION,
        "deployment": "slipway",
        "github": {
            "web_url": "https://github.com", "api_url": "https://api.github.com", "enterprise": "acme",
            "registration": "enterprise", "runner_group": None, "allowed_organizations": ["*"],
            "allowed_repositories": [], "allow_public_repositories": False, "allowed_workflows": [],
            "ca_bundle": None,
            "webhook_secrets": [{"secret": SECRET_ARN, "organizations": []},
                                {"secret": BOUND_ARN, "organizations": ["Globex"]}],
            "app_secret": None, "runner_token_secrets": [], "organization_hooks": {},
            "sweep_calls_per_hour": 0, "rerun_interrupted": 0, **github,
        },
        "profiles": {
            "medium": _profile(MEDIUM, None),
            "sized": _profile(["slipway-sized"], [[1024, 2048], [8192, 28672]]),
        },
        "pools": {"general": pool},
        "fairness": {"weights": {}, "max_queued_per_organization": 5000},
    }  # fmt: skip


def configuration(**github: Any) -> Configuration:
    """Return that configuration, decoded."""
    return decode_configuration(compiled(**github))


def _profile(labels: list[str], bounds: list[list[int]] | None) -> dict[str, Any]:
    return {
        "labels": labels, "size": [2048, 7168], "image": "example/runner@sha256:0", "pool": "general",
        "isolation": "shared", "docker": "none", "bounds": bounds, "standby": 0, "max_runners": 100,
        "max_runners_per_repository": None, "idle_timeout_seconds": 120, "job_timeout_seconds": 21600,
        "wait_target": None, "unlabelled_jobs_of": [],
    }  # fmt: skip
