"""The steps of docs/recipes/image-build, run as a runner would: the real scripts, beside stand-ins for what needs a cloud.

docker and skopeo are stand-ins that write down how they were called; AWS is moto; a task's agent is a server on loopback.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import yaml

from tests.contract.moto import moto_url
from tests.support.repository import ROOT

RECIPE = ROOT / "docs" / "recipes" / "image-build"
REGION, ACCOUNT, ROLE = "ap-northeast-1", "123456789012", "images-build-task-ap-northeast-1"
IMAGE_DIGEST = f"sha256:{'d' * 64}"
_INSTALLED = "/opt/image-build/"
_EXPRESSION = re.compile(r"\$\{\{ (.+?) \}\}")

_DOCKER = """#!/bin/sh
printf 'docker %s\\n' "$*" >>"$CALLS"
case $1 in
  build) echo 'step 1/1: FROM scratch' ;;
  save) echo layers >"$3" ;;
  run) cat "$REPORT" ;;
esac
"""
_SKOPEO = """#!/bin/sh
printf 'skopeo %s\\n' "$*" >>"$CALLS"
test -s "$REGISTRY_AUTH_FILE" || test "$2" = --quiet || exit 1
case $4 in
  oci:*) layout=${4#oci:}; layout=${layout%:*}; mkdir -p "$layout"
    printf '{"manifests": [{"digest": "%s"}]}' "$DIGEST" >"$layout/index.json" ;;
esac
"""


@dataclass(slots=True)
class Agent:
    """What a task asks its agent: its own metadata, and its role's credentials."""

    task_arn: str
    credentials: dict[str, str] = field(default_factory=dict)

    def answer(self, path: str) -> dict[str, str]:
        return self.credentials if path == "/credentials" else {"TaskARN": self.task_arn}


@contextmanager
def serving(agent: Agent) -> Iterator[str]:
    """Serve an agent's answers while the block lasts; yields the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(agent.answer(self.path)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True, slots=True)
class ImageBuild:
    """One job of the workflow: its folder, its variables, and the account that it sees."""

    folder: Path
    environment: dict[str, str]
    aws: str
    agent: Agent

    @property
    def bucket(self) -> str:
        return self.environment["RECORDS"]

    @property
    def key(self) -> str:
        return self.environment["SIGNING_KEY"]

    def run(self, **inputs: str) -> list[tuple[str, subprocess.CompletedProcess[str]]]:
        """Run the steps until one fails; ``inputs`` are the caller's, as GitHub would put them in."""
        workflow = _workflow()
        given = {"inputs.context": ".", "inputs.dockerfile": "Dockerfile", "job.check_run_id": "4711"}
        given |= {f"inputs.{name}": value for name, value in inputs.items()}
        done = []
        for step in workflow["jobs"]["build"]["steps"]:
            if "run" not in step:
                continue
            own = {
                name: _EXPRESSION.sub(lambda found: given[found[1]], value)
                for name, value in step.get("env", {}).items()
            }
            done.append((step["name"], self.step(step["run"], **{**workflow["env"], **own})))
            if done[-1][1].returncode:
                break
        return done

    def step(self, script: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run one step's script with the shell that GitHub's runner would take."""
        return subprocess.run(
            ["bash", "-e", "-c", script.replace(_INSTALLED, f"{RECIPE / 'runner'}/")],
            cwd=self.folder,
            env={**more, **self.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def record(self) -> subprocess.CompletedProcess[str]:
        """Run the step that records, once more."""
        return self.step("/opt/image-build/image_build.py record", JOB_ID="4711", **_workflow()["env"])

    def reported(self, report: dict[str, Any]) -> None:
        """Let the scanner say something else."""
        (self.folder / "report.json").write_text(json.dumps(report))

    def logins(self) -> int:
        """How many files with a login are left where temporary files are."""
        return len(list((self.folder / "tmp").rglob("*")))

    def client(self, service: Any) -> Any:
        return _client(service, self.aws)

    def calls(self) -> list[str]:
        """How docker and skopeo were called."""
        path = self.folder / "calls"
        return path.read_text("utf-8").splitlines() if path.exists() else []

    def pushed(self) -> list[str]:
        """What reached the registry."""
        return [call.rpartition("docker://")[2] for call in self.calls() if "docker://" in call]

    def kept(self) -> dict[str, bytes]:
        """What lies in the bucket of records, by the last part of its key."""
        s3 = self.client("s3")
        found = s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return {one["Key"]: s3.get_object(Bucket=self.bucket, Key=one["Key"])["Body"].read() for one in found}


def _workflow() -> dict[str, Any]:
    body: dict[str, Any] = yaml.safe_load((RECIPE / "build-image.yml").read_text("utf-8"))
    return body


def _client(service: Any, url: str) -> Any:
    return boto3.client(
        service, endpoint_url=url, region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x"
    )


def _account(url: str) -> dict[str, str]:
    """What infra/terraform/examples/image-build/registry makes, as far as the scripts meet it, by new names.

    moto's servers of one process share their state.
    """
    unique = secrets.token_hex(6)
    bucket, alias = f"images-records-{unique}", f"alias/images-signing-{unique}"
    s3, kms = _client("s3", url), _client("kms", url)
    place = {"LocationConstraint": REGION}
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place, ObjectLockEnabledForBucket=True)
    retention = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 400}}
    s3.put_object_lock_configuration(
        Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": retention}
    )
    key = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    return {"RECORDS": bucket, "SIGNING_KEY": alias}


def _credentials(url: str, session: str) -> dict[str, str]:
    """The task role's credentials, as the agent hands them out; their session has the task's id as its name."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
    given = _client("sts", url).assume_role(RoleArn=arn, RoleSessionName=session)["Credentials"]
    return {
        "AccessKeyId": given["AccessKeyId"],
        "SecretAccessKey": given["SecretAccessKey"],
        "Token": given["SessionToken"],
        "Expiration": given["Expiration"].isoformat(),
    }


@contextmanager
def image_build(
    folder: Path, report: dict[str, Any], job: dict[str, str], task_id: str
) -> Iterator[ImageBuild]:
    """A job of the workflow, its checkout done.

    Args:
        folder: where it works.
        report: what the scanner will say.
        job: the variables that GitHub's runner sets.
        task_id: of the ECS task that it runs in.
    """
    tools, source = folder / "tools", folder / "source"
    tools.mkdir()
    (folder / "tmp").mkdir()
    source.mkdir()
    (source / "Dockerfile").write_text("FROM scratch\n")
    (folder / "report.json").write_text(json.dumps(report))
    for name, text in {"docker": _DOCKER, "skopeo": _SKOPEO}.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    agent = Agent(f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/images-build/{task_id}")
    with moto_url() as aws, serving(agent) as address:
        names = _account(aws)
        agent.credentials = _credentials(aws, task_id)
        yield ImageBuild(
            folder,
            {
                "PATH": f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}",
                "HOME": str(folder),
                "TMPDIR": str(folder / "tmp"),
                "CALLS": str(folder / "calls"),
                "REPORT": str(folder / "report.json"),
                "DIGEST": IMAGE_DIGEST,
                "GITHUB_OUTPUT": str(folder / "output"),
                "AWS_ENDPOINT_URL": aws,
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{address}/credentials",
                "ECS_CONTAINER_METADATA_URI_V4": f"{address}/v4",
                **names,
                **job,
            },
            aws,
            agent,
        )
