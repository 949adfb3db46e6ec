"""The optional function's package: it has what it needs, and without the section nothing of it is packaged."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import botocore
from botocore.loaders import Loader
from botocore.session import Session

from local.configuration.check import check_file
from local.infrastructure.places import ENVIRONMENTS
from local.packages.botocore_models import DATA, cut_down, operations_of, words_of
from local.packages.contents import (
    PACKAGED,
    ROOT,
    core_layer,
    environment_models,
    function_files,
    packaged,
    shared_adapters,
)
from slipway.adapters.environments.clients import MODELS, SERVICES

EXAMPLES = ROOT / "docs" / "examples"
# What AWS asks for beside an operation that makes something with tags, or passes a role.
BESIDES = {"ecs:TagResource", "elasticloadbalancing:AddTags", "logs:TagResource"}
CONDITIONS = {"ecs:CreateAction", "ecs:cluster", "elasticloadbalancing:CreateAction"}


def models() -> dict[str, frozenset[str]]:
    files = {path.replace(MODELS.name, DATA, 1): content for path, content in environment_models().items()}
    return operations_of(files)


def test_without_the_section_nothing_of_it_is_packaged() -> None:
    for name in ("organizations.yaml", "slipway.yaml", "docker.yaml"):
        file = check_file(EXAMPLES / name).file
        assert file is not None
        assert packaged(file) == PACKAGED
    assert ENVIRONMENTS not in PACKAGED
    assert {path for path in core_layer() if "environments" in path or "pull_requests" in path} == set()


def test_with_it_the_package_has_all_of_ours_the_configuration_and_the_models() -> None:
    file = check_file(EXAMPLES / "environments.yaml").file
    assert file is not None
    assert packaged(file) == (*PACKAGED, ENVIRONMENTS)
    files = function_files(ENVIRONMENTS, "{}", b"a certificate")
    assert {
        "functions/environments/handler.py", "slipway.json", "ca_bundle.pem",
        "slipway/adapters/environments/host.py", "slipway/services/environments/reconcile.py",
        "slipway/domain/environments/planner.py", "slipway/wiring.py",
    } <= files.keys()  # fmt: skip
    assert MODELS.relative_to(MODELS.parent).as_posix() == "botocore_models"
    assert any(path.startswith("botocore_models/elbv2/") for path in files)
    assert not any(
        path.startswith(("slipway/adapters/environments/../", "local/", "tests/")) for path in files
    )


def test_the_models_have_the_operations_that_the_readme_asks_permission_for() -> None:
    readme = (ROOT / "functions/environments/README.md").read_text("utf-8")
    asked = (
        set(re.findall(r"`((?:ecs|elasticloadbalancing|ecr|logs):[A-Za-z]+)`", readme)) - BESIDES - CONDITIONS
    )
    prefixes = {"elbv2": "elasticloadbalancing"}
    kept = {
        f"{prefixes.get(name, name)}:{one}" for name, operations in models().items() for one in operations
    }
    assert kept == asked


def test_the_clients_are_made_of_the_models_in_the_package_and_the_others_of_the_layer_s(
    tmp_path: Path,
) -> None:
    folder = Path(botocore.__file__).parents[1]
    everything = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in (folder / DATA).rglob("*.*")
    }
    shared = cut_down(everything, words_of(shared_adapters()))
    for path, content in {**shared, **environment_models()}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    session = Session()
    loader = Loader(extra_search_paths=[str(tmp_path / DATA)], include_default_search_paths=False)
    loader.search_paths.insert(0, str(tmp_path / MODELS.name))
    session.register_component("data_loader", loader)
    session.set_credentials("AKIDEXAMPLE", "made-up")
    for name in SERVICES:
        client: Any = session.create_client(name, region_name="eu-west-1")
        assert client.meta.endpoint_url.endswith(".amazonaws.com")
    ecs: Any = session.create_client("ecs", region_name="eu-west-1")
    assert ecs.can_paginate("list_services")
    assert not hasattr(ecs, "run_task")
    assert session.create_client("dynamodb", region_name="eu-west-1").meta.endpoint_url
