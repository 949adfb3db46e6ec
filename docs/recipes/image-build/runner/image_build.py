#!/usr/bin/env python3
"""The calls of AWS of an image build: target, login, sign, record. By the task role; there is no key to be told.

    image_build.py target    where the image goes: a repository by the caller's name, a tag that no other run has
    image_build.py login     a login of the registry, on stdout
    image_build.py sign      sign out/digest with the KMS key: out/signature, an OCI layout that `cosign verify` knows
    image_build.py record    keep build log, report and record in S3, before the signature is published

What a job is, it reads from the variables that GitHub's runner sets and from the task's metadata, from nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3

OUT = Path("out")
VERSION = 1
_SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"  # [IMAGE-COSIGN-SIGNATURE]
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_METADATA_TIMEOUT_SECONDS = 5


class IncompleteError(Exception):
    """Something of the record is not known; the message says what."""


def given(name: str) -> str:
    """Return a variable that must be there."""
    value = os.environ.get(name, "")
    if not value:
        raise IncompleteError(f"{name} is not set: the record would not say it")
    return value


def digest() -> str:
    return (OUT / "digest").read_text("ascii").strip()


def target() -> str:
    """Return repository and tag. Both follow from the run: no caller can name another's repository, or a tag twice."""
    tag = f"{given('GITHUB_SHA')[:12]}-{given('GITHUB_RUN_ID')}-{given('GITHUB_RUN_ATTEMPT')}"
    return f"{given('REGISTRY')}/images/{given('GITHUB_REPOSITORY').lower()}:{tag}"


def login() -> str:
    """Return a login file with a token of ECR's."""
    token = boto3.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return json.dumps({"auths": {given("REGISTRY"): {"auth": token}}})


def sign() -> None:
    """Sign the image's digest, and lay out the signature as cosign looks for it."""
    repository = target().rpartition(":")[0]
    payload = compact(
        {
            "critical": {
                "identity": {"docker-reference": repository},
                "image": {"docker-manifest-digest": digest()},
                "type": "cosign container image signature",
            },
            "optional": {"commit": given("GITHUB_SHA"), "run": given("GITHUB_RUN_ID")},
        }
    )
    answer = boto3.client("kms").sign(
        KeyId=given("SIGNING_KEY"), Message=payload, MessageType="RAW", SigningAlgorithm="ECDSA_SHA_256"
    )
    signature = base64.b64encode(answer["Signature"]).decode("ascii")
    (OUT / "signature.json").write_text(json.dumps({"key": answer["KeyId"], "signature": signature}), "ascii")
    lay_out(OUT / "signature", payload, signature)


def lay_out(folder: Path, payload: bytes, signature: str) -> None:
    """Write an OCI layout of one manifest, whose one layer is the payload with its signature beside it."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def blob(media_type: str, content: bytes) -> dict[str, Any]:
        name = hashlib.sha256(content).hexdigest()
        (blobs / name).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{name}", "size": len(content)}

    layer = blob(_SIMPLE_SIGNING, payload)
    layer["annotations"] = {"dev.cosignproject.cosign/signature": signature}
    config = {
        "architecture": "",
        "os": "",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": blob("application/vnd.oci.image.config.v1+json", compact(config)),
        "layers": [layer],
    }
    listed = blob(_MANIFEST, compact(manifest))
    listed["annotations"] = {"org.opencontainers.image.ref.name": "signature"}
    (folder / "index.json").write_bytes(compact({"schemaVersion": 2, "manifests": [listed]}))
    (folder / "oci-layout").write_bytes(compact({"imageLayoutVersion": "1.0.0"}))


def record() -> str:
    """Keep what an auditor asks for, and return where."""
    whole = contents()
    image, run = whole["image"], whole["run"]
    place = f"{image['repository']}/{image['digest'].replace(':', '-')}/{run['id']}-{run['attempt']}"
    s3, bucket = boto3.client("s3"), given("RECORDS")
    # The record last: where there is one, what it names is there. None is written over another.
    for name in ("build.log", "scan.json"):
        s3.put_object(
            Bucket=bucket, Key=f"{place}/{name}", Body=(OUT / name).read_bytes(), ChecksumAlgorithm="SHA256"
        )
    body = json.dumps(whole, indent=1, sort_keys=True).encode()
    s3.put_object(
        Bucket=bucket, Key=f"{place}/record.json", Body=body, ChecksumAlgorithm="SHA256", IfNoneMatch="*"
    )
    return f"s3://{bucket}/{place}/record.json"


def contents() -> dict[str, Any]:
    """Return the record. What AWS and the agent say stands beside what the job says of itself."""
    repository, _, tag = target().rpartition(":")
    return {
        "version": VERSION,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "source": {
            "repository": given("GITHUB_REPOSITORY"),
            "commit": given("GITHUB_SHA"),
            "ref": given("GITHUB_REF"),
            "actor": given("GITHUB_ACTOR"),
            "event": given("GITHUB_EVENT_NAME"),
        },
        "run": {
            "id": given("GITHUB_RUN_ID"),
            "attempt": given("GITHUB_RUN_ATTEMPT"),
            "workflow": given("GITHUB_WORKFLOW_REF"),
        },
        "job": {"name": given("GITHUB_JOB"), "id": given("JOB_ID"), "runner": given("RUNNER_NAME")},
        **identity(),
        "image": {"repository": repository.partition("/")[2], "tag": tag, "digest": digest()},
        "scan": {"scanner": given("SCANNER"), "refused": given("REFUSED_SEVERITIES")},
        "signature": json.loads((OUT / "signature.json").read_text("ascii")),
        "kept": {
            name: "sha256:" + hashlib.sha256((OUT / name).read_bytes()).hexdigest()
            for name in ("build.log", "scan.json")
        },
    }


def identity() -> dict[str, str]:
    """Return task and role, each by who knows it, once they agree."""
    address = given("ECS_CONTAINER_METADATA_URI_V4")
    with urllib.request.urlopen(f"{address}/task", timeout=_METADATA_TIMEOUT_SECONDS) as answer:  # noqa: S310 the agent's
        task = str(json.load(answer)["TaskARN"])  # [ECS-METADATA-TASK]
    session = str(boto3.client("sts").get_caller_identity()["Arn"])
    if session.rpartition("/")[2] != task.rpartition("/")[2]:  # [IAM-TASK-SESSION-NAME]
        raise IncompleteError(f"the credentials are {session}, which is not of the task {task}")
    return {"task": task, "role": session}


def compact(content: Any) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def main(words: list[str]) -> int:
    commands = {"target": target, "login": login, "sign": sign, "record": record}
    if len(words) != 1 or words[0] not in commands:
        sys.stderr.write(f"usage: image_build.py {'|'.join(commands)}\n")
        return 2
    try:
        told = commands[words[0]]()
    except IncompleteError as fault:
        sys.stderr.write(f"{fault}\n")
        return 1
    if told:
        sys.stdout.write(f"{told}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
