"""What ties keys together: names, jobs without labels, workflows."""

from __future__ import annotations

from tests.unit.configuration.test_check import only_fault


def test_jobs_without_labels_go_to_one_profile_only() -> None:
    fault = only_fault(
        ("profiles.medium.unlabelled_jobs_of", ["acme-web"]),
        ("profiles.small.unlabelled_jobs_of", ["acme-labs/etl", "Acme-Web"]),
    )
    assert fault.path == "profiles.small.unlabelled_jobs_of[1]"
    assert "'medium' serves" in fault.message


def test_names_of_deployment_and_profile_that_are_too_long_together_are_refused() -> None:
    """They make a runner's name, which has at most 64 characters."""
    profile = {
        "labels": ["odd"],
        "cpu": 1,
        "memory": "1GiB",
        "image": "r@sha256:" + "a" * 64,
        "pool": "general",
    }
    fault = only_fault(("deployment", "d" * 20), ("profiles.elevenchars", profile))
    assert fault.path == "profiles.elevenchars"
    assert "at most 10 characters" in fault.message


def test_workflows_are_restricted_by_runner_groups_which_repositories_do_not_have() -> None:
    app = "arn:aws:secretsmanager:us-east-1:111122223333:secret:app"
    fault = only_fault(
        ("github.registration", "repository"),
        ("github.secrets.app", app),
        ("github.allow.workflows", ["acme/build/.github/workflows/image.yaml@refs/heads/main"]),
    )
    assert fault.path == "github.allow.workflows"
