"""Deployments whose templates are checked, assembled once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.deployments import ENTERPRISE, ENVIRONMENTS, TWO_REGIONS, assemble


@pytest.fixture(scope="session")
def enterprise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`template.yaml` of docs/examples/slipway.yaml: one region, no App."""
    return assemble(ENTERPRISE, tmp_path_factory.mktemp("enterprise"))


@pytest.fixture(scope="session")
def two_regions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`template.yaml` of a deployment in two regions, with an App; `region-us-east-1.yaml` lies beside it."""
    return assemble(TWO_REGIONS, tmp_path_factory.mktemp("two-regions"), "eu-west-1")


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A deployment with environments of pull requests, whose cluster is in the home region."""
    return assemble(ENVIRONMENTS, tmp_path_factory.mktemp("environments"))


@pytest.fixture(scope="session")
def environments_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, with the load balancer in a region in which no pool is."""
    folder = tmp_path_factory.mktemp("elsewhere")
    text = ENVIRONMENTS.read_text("utf-8")
    listener = "elasticloadbalancing:ap-northeast-1:"
    assert listener in text
    (folder / "slipway.yaml").write_text(text.replace(listener, "elasticloadbalancing:us-west-2:"), "utf-8")
    return assemble(folder / "slipway.yaml", folder, "ap-northeast-1")
