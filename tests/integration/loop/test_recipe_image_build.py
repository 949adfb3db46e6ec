"""docs/recipes/image-build.md, tried: whom its runners serve, what stops a push, what an auditor finds."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from local.simulator.configuration import read_configuration
from local.twin.github.model import JobRequest, WorkflowJob
from slipway.domain.configuration import Market, WebhookSecret
from slipway.domain.demand import ZOMBIE_AFTER
from slipway.domain.jobs import JobKey
from slipway.domain.planner import plan
from slipway.domain.policy import policy_of
from slipway.domain.reasons import Why
from tests.integration.loop.scenes import container_of, when
from tests.support.image_build import (
    ACCOUNT,
    IMAGE_DIGEST,
    RECIPE,
    REGION,
    ROLE,
    ImageBuild,
    image_build,
)
from tests.support.loop import APP_ARN, Acme, acme
from tests.support.repository import ROOT

EXAMPLE = ROOT / "infra" / "terraform" / "examples" / "image-build" / "slipway.yaml"
SCANS = ROOT / "tests" / "fixtures" / "scans"
CENTRAL = "alpha/build/.github/workflows/build-image.yml@refs/heads/main"
RUN_ID = 8_675_309


def report(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((SCANS / f"{name}.json").read_text("utf-8"))
    return body


def deployed() -> Acme:
    """The example as it stands, but for the names of the twin's organization and secrets."""
    configuration = read_configuration(EXAMPLE)
    github = replace(
        configuration.github,
        allowed_organizations=("alpha",),
        allowed_workflows=tuple(
            name.replace("acme/", "alpha/") for name in configuration.github.allowed_workflows
        ),
        webhook_secrets=(WebhookSecret("arn:webhook"),),
        app_secret=APP_ARN,
    )
    return acme(replace(configuration, github=github))


def central_job(deployment: Acme, profile: str = "build", run_id: int = RUN_ID) -> WorkflowJob:
    """A job that alpha/web's workflow calls of the central one, in its own run."""
    label = f"slipway/{profile}/run={run_id}-1"
    request = JobRequest(
        "alpha/web", (label,), 60.0, run_id=run_id, workflow_file="image.yml", reusable_workflow=CENTRAL
    )
    return deployment.github.queue_job(request)


def test_what_the_example_says_is_the_central_workflow_of_the_recipe() -> None:
    configuration = read_configuration(EXAMPLE)
    (allowed,) = configuration.github.allowed_workflows
    assert f"uses: {allowed}" in (RECIPE / "caller.yml").read_text("utf-8")
    assert allowed.partition("@")[0].endswith("/build-image.yml")
    assert configuration.pools["build"].market is Market.SPOT
    assert set(configuration.profiles) == {"build", "build-cpu", "build-memory"}


@pytest.mark.parametrize("profile", ["build", "build-cpu", "build-memory"])
def test_a_job_that_the_central_workflow_defines_is_served_in_each_size(profile: str) -> None:
    """[GH-GROUP-WORKFLOWS]"""
    deployment = deployed()
    job = central_job(deployment, profile)
    assert deployment.until_completed(job)
    assert job.now.runner is not None
    assert f"-{profile}-" in job.now.runner.name
    (group,) = {runner.group_name for runner in [job.now.runner]}
    assert group == "images"
    assert deployment.until_clean()


@pytest.mark.parametrize(
    "asked",
    [
        {"workflow_file": "image.yml"},  # a job beside the call, in the caller's own file
        {"workflow_file": "build-image.yml"},  # a file of the same name elsewhere
        {
            "reusable_workflow": CENTRAL.replace("heads/main", "heads/topic")
        },  # the same file of another branch
    ],
    ids=["caller's own", "same name", "another branch"],
)
@pytest.mark.parametrize("labels", [("self-hosted", "build"), (f"slipway/build/run={RUN_ID}-1",)])
def test_a_job_of_another_workflow_never_gets_a_build_runner_and_the_reason_is_told(
    asked: dict[str, str], labels: tuple[str, ...]
) -> None:
    """[GH-GROUP-WORKFLOWS]"""
    deployment = deployed()
    stranger = deployment.github.queue_job(JobRequest("alpha/web", labels, 60.0, run_id=RUN_ID, **asked))
    job = central_job(deployment, run_id=RUN_ID + 1)
    assert deployment.until_completed(job)
    when(deployment, lambda: reason_of(deployment, stranger) is Why.NOT_TAKEN)
    when(deployment, lambda: reason_of(deployment, stranger) is Why.ZOMBIE, 3_600.0)
    assert (stranger.status, stranger.now.runner) == ("queued", None)
    assert deployment.github.registry.registered_total == 1 + ZOMBIE_AFTER  # then one an hour


def reason_of(deployment: Acme, job: WorkflowJob) -> Why | None:
    """Why a job waits, by the plan of now."""
    snapshot = deployment.loop.ledger.snapshots.read("build", deployment.clock.now())
    reasons = plan(snapshot, policy_of(deployment.loop.configuration, "build", snapshot.now)).reasons
    reason = reasons.get(JobKey("alpha", job.id, job.run_attempt))
    return reason.code if reason else None


def variables(job: WorkflowJob) -> dict[str, str]:
    """What GitHub's runner tells the steps of a job."""
    assert job.now.runner is not None
    return {
        "GITHUB_ACTOR": "octocat",
        "GITHUB_EVENT_NAME": job.request.event,
        "GITHUB_JOB": job.request.name,
        "GITHUB_REF": job.request.ref,
        "GITHUB_REF_PROTECTED": "true",
        "GITHUB_REPOSITORY": job.repository.full_name,
        "GITHUB_RUN_ATTEMPT": str(job.run_attempt),
        "GITHUB_RUN_ID": str(job.run_id),
        "GITHUB_SHA": job.head_sha,
        "GITHUB_WORKFLOW_REF": f"{job.repository.full_name}/.github/workflows/image.yml@{job.request.ref}",
        "RUNNER_NAME": job.now.runner.name,
    }


@dataclass(frozen=True, slots=True)
class Tried:
    """A job of the twin's, and its steps on this machine."""

    job: WorkflowJob
    task_id: str
    build: ImageBuild


@pytest.fixture(scope="module")
def job_and_task() -> tuple[WorkflowJob, str]:
    deployment = deployed()
    job = central_job(deployment)
    assert deployment.until_completed(job)
    return job, container_of(deployment, job).task.task_id


@pytest.fixture
def tried(job_and_task: tuple[WorkflowJob, str], tmp_path: Path) -> Iterator[Tried]:
    """The job that the twin served; the scanner finds nothing of a refused severity."""
    job, task_id = job_and_task
    with image_build(tmp_path, report("trivy-clean"), variables(job), task_id) as build:
        yield Tried(job, task_id, build)


def outcome(done: list[tuple[str, subprocess.CompletedProcess[str]]]) -> list[tuple[str, int]]:
    return [(name, step.returncode) for name, step in done]


def test_an_image_is_built_scanned_signed_pushed_and_recorded_and_then_its_signature_is_published(
    tried: Tried,
) -> None:
    done = tried.build.run()
    assert [step.stderr for _, step in done] == [""] * 7
    assert outcome(done) == [
        (name, 0)
        for name in (
            "Build",
            "Scan",
            "Refuse what has a finding of a refused severity",
            "Sign",
            "Push",
            "Record",
            "Publish the signature",
        )
    ]
    place = "111122223333.dkr.ecr.ap-northeast-1.amazonaws.com/images/alpha/web"
    tag = f"{tried.job.head_sha[:12]}-{RUN_ID}-1"
    assert tried.build.pushed() == [f"{place}:{tag}", f"{place}:{IMAGE_DIGEST.replace(':', '-')}.sig"]
    told = (tried.build.folder / "output").read_text("utf-8")
    assert told == f"image={place}@{IMAGE_DIGEST}\n"


def test_the_audit_record_says_job_run_commit_task_role_and_digest_and_keeps_the_log(tried: Tried) -> None:
    assert outcome(tried.build.run())[-1] == ("Publish the signature", 0)
    kept = tried.build.kept()
    (key,) = (key for key in kept if key.endswith("/record.json"))
    folder = key.removesuffix("record.json")
    assert folder == f"images/alpha/web/{IMAGE_DIGEST.replace(':', '-')}/{RUN_ID}-1/"
    record, job = json.loads(kept[key]), tried.job
    assert job.now.runner is not None
    assert record["source"] == {
        "repository": "alpha/web",
        "commit": job.head_sha,
        "ref": "refs/heads/main",
        "actor": "octocat",
        "event": "push",
    }
    assert (record["run"]["id"], record["run"]["attempt"]) == (str(job.run_id), "1")
    assert record["job"] == {"name": "build", "id": "4711", "runner": job.now.runner.name}
    assert record["task"] == f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/images-build/{tried.task_id}"
    assert record["role"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/{tried.task_id}"
    assert record["image"]["digest"] == IMAGE_DIGEST
    for name, digest in record["kept"].items():
        assert digest == f"sha256:{hashlib.sha256(kept[folder + name]).hexdigest()}"
    assert b"FROM scratch" in kept[f"{folder}build.log"]
    assert record["signature"]["signature"]
    head = tried.build.client("s3").head_object(Bucket=tried.build.bucket, Key=key)
    assert head["ObjectLockMode"] == "COMPLIANCE"


def test_a_record_is_not_written_over(tried: Tried) -> None:
    assert outcome(tried.build.run())[-1] == ("Publish the signature", 0)
    before = tried.build.kept()
    again = tried.build.record()
    assert again.returncode != 0
    assert "PreconditionFailed" in again.stderr
    assert {key: text for key, text in tried.build.kept().items() if key.endswith("record.json")} == {
        key: text for key, text in before.items() if key.endswith("record.json")
    }


def test_the_signature_is_the_key_s_over_the_digest_and_lies_where_cosign_looks(tried: Tried) -> None:
    """[IMAGE-COSIGN-SIGNATURE]"""
    tried.build.run()
    layout = tried.build.folder / "out" / "signature"

    def blob(described: dict[str, Any]) -> bytes:
        name = str(described["digest"]).removeprefix("sha256:")
        content = (layout / "blobs" / "sha256" / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == name
        assert len(content) == described["size"]
        return content

    (listed,) = json.loads((layout / "index.json").read_text("utf-8"))["manifests"]
    (layer,) = json.loads(blob(listed))["layers"]
    payload = blob(layer)
    assert json.loads(payload)["critical"]["image"] == {"docker-manifest-digest": IMAGE_DIGEST}
    verified = tried.build.client("kms").verify(
        KeyId=tried.build.key,
        Message=payload,
        Signature=base64.b64decode(layer["annotations"]["dev.cosignproject.cosign/signature"]),
        SigningAlgorithm="ECDSA_SHA_256",
    )
    assert verified["SignatureValid"]


@pytest.mark.parametrize("scan", ["trivy-critical", "ecr-critical"])
def test_a_critical_finding_stops_before_anything_is_signed_or_pushed(tried: Tried, scan: str) -> None:
    """[IMAGE-TRIVY-REPORT] [ECR-SCAN-FINDINGS]"""
    tried.build.reported(report(scan))
    done = tried.build.run()
    assert outcome(done)[-1] == ("Refuse what has a finding of a refused severity", 1)
    assert "1 findings of severity CRITICAL" in done[-1][1].stderr
    assert tried.build.pushed() == []
    assert tried.build.kept() == {}
    assert not (tried.build.folder / "out" / "signature").exists()


@pytest.mark.parametrize(
    ("scan", "why"),
    [
        ({}, "no report"),
        ({"SchemaVersion": 2, "ArtifactName": "/image"}, "found nothing in the image that it knows"),
        ({"SchemaVersion": 2, "Results": []}, "found nothing in the image that it knows"),
        ({"imageScanStatus": {"status": "FAILED"}}, "the scan is FAILED"),
        ({"imageScanStatus": {"status": "IN_PROGRESS"}}, "the scan is IN_PROGRESS"),
    ],
    ids=["nothing", "no results", "empty results", "failed", "not ready"],
)
def test_a_report_that_cannot_tell_is_no_all_clear(tried: Tried, scan: dict[str, Any], why: str) -> None:
    tried.build.reported(scan)
    done = tried.build.run()
    assert outcome(done)[-1][1] != 0
    assert why in done[-1][1].stderr
    assert tried.build.pushed() == []


def test_without_a_record_no_signature_is_published(tried: Tried) -> None:
    tried.build.environment["RUNNER_NAME"] = ""
    done = tried.build.run()
    assert outcome(done)[-1] == ("Record", 1)
    assert "RUNNER_NAME is not set" in done[-1][1].stderr
    assert not any(name.endswith(".sig") for name in tried.build.pushed())


def test_credentials_of_another_task_are_not_recorded_as_this_one_s(tried: Tried) -> None:
    tried.build.agent.task_arn = tried.build.agent.task_arn.replace(tried.task_id, "f" * 32)
    done = tried.build.run()
    assert outcome(done)[-1] == ("Record", 1)
    assert "is not of the task" in done[-1][1].stderr


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        ({"context": ".."}, "not in the checkout"),
        ({"dockerfile": "../Dockerfile"}, "not in the checkout"),
        ({"dockerfile": "link"}, "not in the checkout"),
        ({"dockerfile": "$(touch hit)"}, "No such file"),
    ],
    ids=["context above", "file above", "link out", "a command"],
)
def test_a_caller_cannot_build_what_lies_outside_its_checkout(
    tried: Tried, inputs: dict[str, str], why: str
) -> None:
    (tried.build.folder / "Dockerfile").write_text("FROM scratch\n")
    (tried.build.folder / "source" / "link").symlink_to("../Dockerfile")
    done = tried.build.run(**inputs)
    assert outcome(done) == [("Build", 1)]
    assert why in done[0][1].stderr
    assert tried.build.calls() == []
    assert not list(tried.build.folder.rglob("hit"))


def test_a_branch_that_is_not_protected_builds_nothing(tried: Tried) -> None:
    tried.build.environment["GITHUB_REF_PROTECTED"] = "false"
    done = tried.build.run()
    assert outcome(done) == [("Build", 1)]
    assert "not protected" in done[0][1].stderr
    assert tried.build.calls() == []


def test_no_login_outlives_the_command_that_needs_it(tried: Tried) -> None:
    tried.build.run()
    assert tried.build.logins() == 0
    assert not list(tried.build.folder.rglob("config.json"))
