"""Deployments whose templates are checked, assembled once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.deployments import ENTERPRISE, TWO_REGIONS, assemble


@pytest.fixture(scope="session")
def enterprise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`template.yaml` of docs/examples/slipway.yaml: one region, no App."""
    return assemble(ENTERPRISE, tmp_path_factory.mktemp("enterprise"))


@pytest.fixture(scope="session")
def two_regions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`template.yaml` of a deployment in two regions, with an App; `region-us-east-1.yaml` lies beside it."""
    return assemble(TWO_REGIONS, tmp_path_factory.mktemp("two-regions"), "eu-west-1")
