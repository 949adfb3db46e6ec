"""docs/recipes/private-clusters.md, tried: the regions that a change concerns run, each in its own pool, and no other."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.simulator.configuration import read_configuration
from local.twin.github.model import JobRequest, WorkflowJob
from slipway.domain.configuration import WebhookSecret
from tests.integration.loop.scenes import container_of, no_runner_served_two_tasks
from tests.support.loop import APP_ARN, Acme, acme
from tests.support.repository import ROOT

RECIPE = ROOT / "docs" / "recipes" / "private-clusters"
EXAMPLE = ROOT / "infra" / "terraform" / "examples" / "private-clusters" / "slipway.yaml"
REGIONS = {"tokyo": "ap-northeast-1", "virginia": "us-east-1"}


class Clusters:
    """The repository of two clusters, released once as v1."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "--quiet", "--initial-branch=main")
        for name, region in REGIONS.items():
            told = {"region": region, "cluster": f"apps-{name}"}
            self.write(f"clusters/{name}/region.json", json.dumps(told))
        self.write("base/app.yaml", "replicas: 1\n")
        self.commit()
        self.git("tag", "v1")

    def git(self, *arguments: str) -> str:
        people = {
            f"GIT_{who}_{what}": "x@example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            **people,
        }
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def write(self, name: str, text: str) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text, "utf-8")

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "x")
        return self.git("rev-parse", "HEAD")

    def script(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(RECIPE / "changed-regions.sh"), *arguments],
            cwd=self.folder,
            check=False,
            capture_output=True,
            text=True,
        )

    def concerned(self, *arguments: str) -> list[dict[str, str]]:
        """The entries of the matrix, which the workflow's jobs are made of."""
        done = self.script(*arguments)
        assert done.returncode == 0, done.stderr
        outputs = dict(line.split("=", 1) for line in done.stdout.splitlines())
        entries: list[dict[str, str]] = json.loads(outputs["matrix"])["include"]
        assert outputs["any"] == ("true" if entries else "false")
        return entries


@pytest.fixture
def clusters(tmp_path: Path) -> Clusters:
    return Clusters(tmp_path)


def names(entries: list[dict[str, str]]) -> list[str]:
    return [entry["profile"] for entry in entries]


def test_a_pull_request_concerns_the_regions_whose_files_it_changes(clusters: Clusters) -> None:
    before = clusters.git("rev-parse", "HEAD")
    clusters.write("clusters/tokyo/app.yaml", "replicas: 2\n")
    clusters.commit()
    assert clusters.concerned("pull_request", before) == [
        {"profile": "tokyo", "region": "ap-northeast-1", "cluster": "apps-tokyo"}
    ]


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ("base/app.yaml", ["tokyo", "virginia"]),
        ("README.md", []),
        ("clusters/virginia/app.yaml", ["virginia"]),
        ("clusters/tokyo-old.yaml", []),  # begins like a region, and is none
    ],
)
def test_what_regions_share_concerns_all_and_what_is_nobody_s_none(
    clusters: Clusters, changed: str, wanted: list[str]
) -> None:
    before = clusters.git("rev-parse", "HEAD")
    clusters.write(changed, "x\n")
    clusters.commit()
    assert names(clusters.concerned("pull_request", before)) == wanted


def test_a_file_that_is_removed_is_a_change(clusters: Clusters) -> None:
    clusters.write("clusters/virginia/app.yaml", "x\n")
    before = clusters.commit()
    (clusters.folder / "clusters" / "virginia" / "app.yaml").unlink()
    clusters.commit()
    assert names(clusters.concerned("pull_request", before)) == ["virginia"]


def test_a_release_concerns_what_changed_since_the_one_before_however_many_commits(
    clusters: Clusters,
) -> None:
    clusters.write("clusters/tokyo/app.yaml", "replicas: 2\n")
    clusters.commit()
    clusters.write("README.md", "x\n")
    clusters.commit()
    clusters.git("tag", "v2")
    assert names(clusters.concerned("release")) == ["tokyo"]


@pytest.mark.parametrize("case", ["first release", "unknown base"])
def test_where_there_is_nothing_to_compare_with_all_regions_run(clusters: Clusters, case: str) -> None:
    if case == "first release":
        clusters.git("tag", "--delete", "v1")
        assert names(clusters.concerned("release")) == ["tokyo", "virginia"]
    else:
        assert names(clusters.concerned("pull_request", "f" * 40)) == ["tokyo", "virginia"]


@pytest.mark.parametrize("name", ["a b", "$(touch hit)", "X", "b" * 21])
def test_a_folder_whose_name_is_no_label_is_refused(clusters: Clusters, name: str) -> None:
    clusters.write(f"clusters/{name}/region.json", "{}")
    clusters.commit()
    done = clusters.script("release")
    assert (done.returncode, done.stdout) == (1, "")
    assert "a region is named with" in done.stderr


def deployed() -> Acme:
    """The example as it stands, but for the names of the twin's organization and secrets; the twin has one region."""
    configuration = read_configuration(EXAMPLE)
    github = replace(
        configuration.github,
        allowed_organizations=("alpha",),
        allowed_repositories=("alpha/web",),
        webhook_secrets=(WebhookSecret("arn:webhook"),),
        app_secret=APP_ARN,
    )
    return acme(replace(configuration, github=github))


def queue(deployment: Acme, entry: dict[str, str], run_id: int, repository: str = "alpha/web") -> WorkflowJob:
    """A job of the workflow's matrix, with the label that it says."""
    workflow: dict[str, Any] = yaml.safe_load((RECIPE / "clusters.yml").read_text("utf-8"))
    label = str(workflow["jobs"]["diff"]["runs-on"])
    for expression, value in {
        "matrix.profile": entry["profile"],
        "github.run_id": str(run_id),
        "github.run_attempt": "1",
    }.items():
        label = label.replace(f"${{{{ {expression} }}}}", value)
    assert "$" not in label
    return deployment.github.queue_job(
        JobRequest(repository, (label,), 30.0, run_id=run_id, event="pull_request")
    )


def test_each_job_runs_in_its_region_s_pool_by_a_runner_of_its_own_run(clusters: Clusters) -> None:
    deployment = deployed()
    before = clusters.git("rev-parse", "HEAD")
    clusters.write("clusters/tokyo/app.yaml", "replicas: 2\n")
    clusters.commit()
    one = [queue(deployment, entry, 71) for entry in clusters.concerned("pull_request", before)]
    clusters.write("base/app.yaml", "replicas: 3\n")
    clusters.commit()
    both = [queue(deployment, entry, 72) for entry in clusters.concerned("pull_request", before)]
    assert (len(one), len(both)) == (1, 2)
    assert deployment.until_completed(*one, *both)
    for job in (*one, *both):
        (label,) = job.request.labels
        task = container_of(deployment, job).task
        assert (task.cluster, task.family) == (f"slipway-{label.split('/')[1]}",) * 2
        assert label.endswith(f"/run={job.run_id}-1")
    assert no_runner_served_two_tasks(deployment)
    assert deployment.until_clean()


def test_another_repository_gets_no_runner_in_a_cluster_s_network(clusters: Clusters) -> None:
    deployment = deployed()
    stranger = queue(deployment, {"profile": "tokyo"}, 73, "alpha/api")
    deployment.clock.advance(600.0)
    assert stranger.status == "queued"
    assert deployment.github.registry.registered_total == 0


@pytest.mark.parametrize("selected", [True, False])
def test_a_copied_label_takes_no_runner_of_a_group_with_selected_repositories(*, selected: bool) -> None:
    """[GH-JIT-NOT-BOUND] [GH-GROUP-VISIBILITY]"""
    deployment = deployed()
    world = deployment.github.world
    assert deployment.until_completed(queue(deployment, {"profile": "tokyo"}, 74))
    (scope,) = (one for one in world.scopes() if (one.kind, one.name) == ("organization", "alpha"))
    (group,) = (one for one in world.groups_of(scope).values() if one.name == "slipway")
    if selected:
        group.visibility, group.selected_ids = "selected", {world.repositories["alpha/web"].id}
    copy = JobRequest("alpha/api", ("slipway/tokyo/run=75-1",), 30.0)  # older than what it copies
    thief = deployment.github.queue_job(copy)
    job = queue(deployment, {"profile": "tokyo"}, 75)
    assert deployment.until_completed(job) is True
    assert (thief.status == "queued") is selected


def test_diff_and_apply_of_the_workflow_are_the_roles_of_the_example_and_apply_waits_for_its_environment() -> (
    None
):
    jobs = yaml.safe_load((RECIPE / "clusters.yml").read_text("utf-8"))["jobs"]
    for name in ("diff", "apply"):
        (role,) = (
            step["with"]["role-to-assume"]
            for step in jobs[name]["steps"]
            if "role-to-assume" in step.get("with", {})
        )
        assert role.endswith(f":role/slipway-clusters-{name}")
        assert jobs[name]["runs-on"] == jobs["diff"]["runs-on"]
    assert "environment" not in jobs["diff"]
    assert jobs["apply"]["environment"] == "production"
    assert "release" in jobs["apply"]["if"]
    assert "pull_request" in jobs["diff"]["if"]


# As much of kubectl as diff.sh asks for.
KUBECTL = """#!/bin/sh
case $1 in
  kustomize) cat "$2/app.yaml" ;;
  get) cat found.json ;;
  create) cat objects.json ;;
esac
"""


@pytest.mark.parametrize(
    ("replicas", "shown"), [(1, ""), (2, '+      "replicas": 2')], ids=["nothing to do", "a change"]
)
def test_a_diff_shows_what_differs_from_what_was_applied_and_nothing_that_the_server_added(
    tmp_path: Path, replicas: int, shown: str
) -> None:
    def wanted(count: int) -> dict[str, Any]:
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "apps"},
            "spec": {"replicas": count},
        }

    applied = wanted(1)
    applied["metadata"] = {**applied["metadata"], "annotations": {}}
    live = {**wanted(1), "status": {"readyReplicas": 1}}
    live["metadata"] = {
        **live["metadata"],
        "uid": "x",
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(applied)},
    }
    (tmp_path / "kubectl").write_text(KUBECTL)
    (tmp_path / "kubectl").chmod(0o755)
    (tmp_path / "tokyo").mkdir()
    (tmp_path / "tokyo" / "app.yaml").write_text("kind: Deployment\n")
    (tmp_path / "found.json").write_text(json.dumps(live))
    (tmp_path / "objects.json").write_text(json.dumps(wanted(replicas)))
    done = subprocess.run(
        [str(RECIPE / "diff.sh"), "tokyo"],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert shown in done.stdout
    assert bool(done.stdout) == bool(shown)
    assert "uid" not in done.stdout
