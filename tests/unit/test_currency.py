"""What keeps the image current: Renovate's configuration, the preset that users extend, the image's workflow."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
VERSIONS = ROOT / "runner-image" / "versions.env"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
BY_SHA = re.compile(r"[\w./-]+@[0-9a-f]{40}")


def read(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((ROOT / name).read_text("utf-8"))
    return body


OWN, PRESET = read("renovate.json"), read("renovate/preset.json")
BOTH = pytest.mark.parametrize("configuration", [OWN, PRESET], ids=["own", "preset"])


def python_pattern(pattern: str) -> re.Pattern[str]:
    """Renovate's regular expressions name groups as JavaScript does."""
    return re.compile(pattern.replace("(?<", "(?P<"))


def found_by_managers(path: Path) -> list[tuple[str, dict[str, str]]]:
    """What the preset's own managers find in a file: the datasource, and the groups of each match."""
    name, text = str(path.relative_to(ROOT)), path.read_text("utf-8")
    return [
        (manager["datasourceTemplate"], match.groupdict())
        for manager in PRESET["customManagers"]
        if any(python_pattern(pattern.strip("/")).search(name) for pattern in manager["managerFilePatterns"])
        for string in manager["matchStrings"]
        for match in python_pattern(string).finditer(text)
    ]


def test_the_runner_s_version_and_both_checksums_are_found_each_with_its_version() -> None:
    text = VERSIONS.read_text("utf-8")
    version = re.search(r"^RUNNER_VERSION=(\S+)", text, re.MULTILINE)
    assert version
    found = found_by_managers(VERSIONS)
    assert [source for source, _ in found] == [
        "github-releases",
        "github-release-attachments",
        "github-release-attachments",
    ]
    assert {groups["currentValue"] for _, groups in found} == {version[1]}
    digests = {groups["currentDigest"] for _, groups in found if "currentDigest" in groups}
    assert digests == set(re.findall(r"^RUNNER_SHA256_\w+=([0-9a-f]{64})", text, re.MULTILINE))
    assert len(digests) == 2


def test_no_match_holds_what_another_update_changes() -> None:
    """Renovate replaces each match in turn: one that held a second version would no longer be found."""
    spans = []
    text = VERSIONS.read_text("utf-8")
    for manager in PRESET["customManagers"]:
        for string in manager["matchStrings"]:
            spans += [match.span() for match in python_pattern(string).finditer(text)]
    spans.sort()
    assert all(first[1] <= second[0] for first, second in itertools.pairwise(spans))


@BOTH
def test_nothing_is_merged_before_it_is_seven_days_old(configuration: dict[str, Any]) -> None:
    assert configuration["minimumReleaseAge"] == "7 days"
    assert configuration["internalChecksFilter"] == "strict"
    rules = [*configuration["packageRules"], configuration["vulnerabilityAlerts"]]
    waived = [rule for rule in rules if rule.get("minimumReleaseAge", "7 days") != "7 days"]
    assert waived
    assert all(rule["automerge"] is False for rule in waived)
    assert not configuration.get("automerge")


@BOTH
def test_a_new_major_version_is_read_by_a_person(configuration: dict[str, Any]) -> None:
    merged = [rule for rule in configuration["packageRules"] if rule.get("automerge")]
    for rule in merged:
        is_runner = rule.get("matchPackageNames") == ["actions/runner"]
        assert is_runner or ("major" not in rule["matchUpdateTypes"] and rule["matchUpdateTypes"]), rule


@BOTH
def test_actions_and_images_are_pinned_by_digest(configuration: dict[str, Any]) -> None:
    assert {"helpers:pinGitHubActionDigestsToSemver", "docker:pinDigests"} <= set(configuration["extends"])


def test_this_repository_follows_the_preset_that_it_ships() -> None:
    for key, value in PRESET.items():
        if key in ("customManagers", "packageRules"):
            assert OWN[key][: len(value)] == value
        elif key != "description":
            assert OWN[key] == value, key


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_named_by_its_sha(workflow: Path) -> None:
    used = re.findall(r"uses:\s*(\S+)", workflow.read_text("utf-8"))
    assert used
    assert [name for name in used if not BY_SHA.fullmatch(name)] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_no_right_that_a_job_did_not_ask_for_and_no_key(workflow: Path) -> None:
    text = workflow.read_text("utf-8")
    body = yaml.safe_load(text)
    assert body["permissions"] == {}
    assert all("permissions" in job for job in body["jobs"].values())
    assert "secrets." not in text
    assert "aws-access-key" not in text


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_what_a_pull_request_can_start_has_no_credentials(workflow: Path) -> None:
    jobs = yaml.safe_load(workflow.read_text("utf-8"))["jobs"]
    for name, job in jobs.items():
        reached_by_needs = "needs" in job
        if not reached_by_needs and "refs/heads/main" not in job["if"]:
            assert job["permissions"] == {"contents": "read"}, name


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_no_text_of_github_s_is_pasted_into_a_script(workflow: Path) -> None:
    jobs = yaml.safe_load(workflow.read_text("utf-8"))["jobs"]
    scripts = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert scripts
    assert [script for script in scripts if "${{" in script] == []


def test_the_image_goes_to_the_canary_only_after_its_scan_and_to_others_only_after_a_job_ran_on_it() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "image.yml").read_text("utf-8"))["jobs"]
    assert (jobs["scan"]["needs"], jobs["canary"]["needs"]) == ("build", "scan")
    assert jobs["promote"]["needs"] == "prove"
    assert "canary" in jobs["prove"]["runs-on"]


def test_what_is_promoted_is_what_the_canary_s_job_ran_on_and_its_history_is_there() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "image.yml").read_text("utf-8"))["jobs"]
    (asked,) = (step for step in jobs["prove"]["steps"] if step.get("id") == "container")
    assert '"$ECS_CONTAINER_METADATA_URI_V4" | jq -er .Image' in asked["run"]
    assert asked["shell"] == "bash"
    assert jobs["prove"]["outputs"] == {"image": "${{ steps.container.outputs.image }}"}
    checkout, propose = jobs["promote"]["steps"]
    assert checkout["with"]["fetch-depth"] == 0
    assert propose["env"]["PROVEN"] == "${{ needs.prove.outputs.image }}"


# As much of yq as propose-image.sh asks for.
YQ = f"""#!{sys.executable}
import os, sys, yaml
*_, expression, path = sys.argv
lines = open(path).read().splitlines()
profiles = yaml.safe_load("\\n".join(lines))["profiles"]
canary = profiles["canary"]["image"]
if expression == ".profiles.canary.image | line":
    print(lines.index("  canary:") + 2)
elif expression == ".profiles.canary.image":
    print(canary)
else:
    assert sys.argv[1] == "-i" and ".profiles[]" in expression, sys.argv
    for profile in profiles.values():
        if profile["image"].split("@")[0] == os.environ["repository"]:
            profile["image"] = os.environ["image"]
    open(path, "w").write(yaml.safe_dump({{"profiles": profiles}}, sort_keys=False))
"""
OLD, NEW = (f"registry.example/runner-slim@sha256:{digit * 64}" for digit in "ab")
FULL = f"registry.example/runner-full@sha256:{'c' * 64}"
DAY = 86_400


def file_with(canary: str) -> str:
    images = {"small": OLD, "canary": canary, "large": FULL}
    return yaml.safe_dump(
        {"profiles": {name: {"image": image} for name, image in images.items()}}, sort_keys=False
    )


class Checkout:
    """A repository whose canary was given NEW by a pull request of ten days ago, merged some days ago."""

    def __init__(self, folder: Path, merged_days_ago: float) -> None:
        self.folder, self.tools = folder / "work", folder / "tools"
        self.tools.mkdir()
        for name, text in {"yq": YQ, "gh": "#!/bin/sh\n"}.items():
            (self.tools / name).write_text(text)
            (self.tools / name).chmod(0o755)
        self.git("init", "--quiet", "--bare", str(folder / "origin"), where=folder)
        self.git("init", "--quiet", "--initial-branch=main", str(self.folder), where=folder)
        self.git("remote", "add", "origin", str(folder / "origin"))
        self.commit(file_with(OLD), 20)
        self.git("switch", "--quiet", "--create", "proposal")
        self.commit(file_with(NEW), 10)
        self.git("switch", "--quiet", "main")
        self.git("merge", "--quiet", "--no-ff", "--no-edit", "proposal", days_ago=merged_days_ago)

    def environment(self, **more: str) -> dict[str, str]:
        path = f"{self.tools}:{os.environ['PATH']}"
        own = {"PATH": path, "HOME": str(self.tools), "GIT_CONFIG_NOSYSTEM": "1", "TZ": "UTC"}
        people = {
            f"GIT_{who}_{what}": "x@example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        return {**own, **people, **more}

    def git(self, *arguments: str, days_ago: float = 0, where: Path | None = None) -> str:
        when = f"@{int(time.time() - days_ago * DAY)} +0000"
        environment = self.environment(GIT_COMMITTER_DATE=when, GIT_AUTHOR_DATE=when)
        command = ["git", *arguments]
        return subprocess.run(
            command, cwd=where or self.folder, env=environment, check=True, capture_output=True, text=True
        ).stdout

    def commit(self, text: str, days_ago: float) -> None:
        (self.folder / "slipway.yaml").write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "x", days_ago=days_ago)

    def promote(self, proven: str) -> subprocess.CompletedProcess[str]:
        told = {
            "REPOSITORY": "registry.example/runner",
            "SLIPWAY_FILE": "slipway.yaml",
            "TAG": "1",
            "PROVEN": proven,
        }
        script = ROOT / ".github" / "scripts" / "propose-image.sh"
        return subprocess.run(
            ["bash", str(script), "promote"],
            cwd=self.folder,
            env=self.environment(**told),
            check=False,
            capture_output=True,
            text=True,
        )


def test_what_the_canary_ran_for_six_days_is_proposed_for_profiles_of_its_variant(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path, merged_days_ago=6.1)
    done = checkout.promote(NEW)
    assert done.returncode == 0, done.stderr
    proposed = yaml.safe_load(checkout.git("show", "origin/image/promote-1:slipway.yaml"))["profiles"]
    assert {name: profile["image"] for name, profile in proposed.items()} == {
        "small": NEW,
        "canary": NEW,
        "large": FULL,
    }


@pytest.mark.parametrize(
    ("merged_days_ago", "proven", "reason"),
    [
        (5.9, NEW, "six days"),  # though it was proposed ten days ago
        (8, OLD, "is it deployed"),
        (8, "", "is it deployed"),
    ],
)
def test_a_young_image_or_one_that_no_job_ran_on_is_not_promoted(
    tmp_path: Path, merged_days_ago: float, proven: str, reason: str
) -> None:
    checkout = Checkout(tmp_path, merged_days_ago)
    done = checkout.promote(proven)
    assert done.returncode == 1
    assert done.stderr.startswith("not promoted:")
    assert reason in done.stderr
    assert "image/promote" not in checkout.git("branch", "--all")
