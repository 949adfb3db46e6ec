"""botocore's models, cut down: what our adapters call is there, whole, and nothing else."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from botocore.session import Session

from local.infrastructure.function_policies import function_policies
from local.infrastructure.places import Places
from local.packages.botocore_models import DATA, cut_down, operations_of, words_of
from local.packages.contents import shared_adapters
from local.packages.faults import BuildError
from local.packages.vendor import ADAPTERS
from tests.deliveries import configuration

MODEL = {
    "metadata": {"endpointPrefix": "shelf"},
    "documentation": "<p>long</p>",
    "operations": {
        "GetBook": {"name": "GetBook", "input": {"shape": "In"}, "errors": [{"shape": "Gone"}]},
        "BurnBook": {"name": "BurnBook", "input": {"shape": "Fire"}},
    },
    "shapes": {
        "In": {"type": "structure", "members": {"documentation": {"shape": "Text", "documentation": "prose"}}},
        "Text": {"type": "string"}, "Gone": {"type": "structure", "members": {}}, "Fire": {"type": "structure"},
    },
}  # fmt: skip
PAGES = {"pagination": {"GetBook": {"output_token": "t"}, "BurnBook": {"output_token": "t"}}}
ENDPOINTS = {
    "version": 3,
    "partitions": [{"services": {"shelf": {"endpoints": {}}, "s3": {"endpoints": {}}}}],
}


def packed(value: Any) -> bytes:
    return gzip.compress(json.dumps(value).encode())


def of_service(name: str, version: str, model: Any) -> dict[str, bytes]:
    folder = f"{DATA}/{name}/{version}"
    return {
        f"{folder}/service-2.json.gz": packed(model),
        f"{folder}/endpoint-rule-set-1.json.gz": packed({"rules": []}),
        f"{folder}/paginators-1.json": json.dumps(PAGES).encode(),
        f"{folder}/examples-1.json": b"{}",
    }


FILES = {
    "botocore/session.py": b"",
    f"{DATA}/endpoints.json": json.dumps(ENDPOINTS).encode(),
    f"{DATA}/partitions.json": b"{}",
    **of_service("shelf", "2019-01-01", {**MODEL, "operations": {}}),
    **of_service("shelf", "2020-01-01", MODEL),
    **of_service("s3", "2006-03-01", MODEL),
}
NEWEST = f"{DATA}/shelf/2020-01-01"


def test_an_operation_that_is_named_keeps_the_shapes_that_it_leads_to_and_loses_its_prose() -> None:
    kept = cut_down(FILES, frozenset({"shelf", "get_book"}))
    model = json.loads(kept[f"{NEWEST}/service-2.json"])
    assert set(model["operations"]) == {"GetBook"}
    assert set(model["shapes"]) == {"In", "Text", "Gone"}
    assert model["shapes"]["In"]["members"] == {"documentation": {"shape": "Text"}}
    assert "documentation" not in model
    assert set(json.loads(kept[f"{NEWEST}/paginators-1.json"])["pagination"]) == {"GetBook"}


def test_only_the_newest_version_of_a_named_service_and_what_belongs_to_none_is_kept() -> None:
    assert set(cut_down(FILES, frozenset({"shelf", "get_book"}))) == {
        "botocore/session.py", f"{DATA}/endpoints.json", f"{DATA}/partitions.json", f"{NEWEST}/service-2.json",
        f"{NEWEST}/endpoint-rule-set-1.json", f"{NEWEST}/paginators-1.json",
    }  # fmt: skip


def test_a_word_that_happens_to_be_a_service_s_name_keeps_nothing() -> None:
    kept = cut_down(FILES, frozenset({"shelf", "get_book", "s3"}))
    assert {"s3"} & {path.split("/")[2] for path in kept if path.count("/") > 2} == {"s3"}
    kept = cut_down(
        {**FILES, **of_service("s3", "2006-03-01", {**MODEL, "operations": {}})},
        frozenset({"shelf", "get_book", "s3"}),
    )
    assert not any(path.startswith(f"{DATA}/s3/") for path in kept)


def test_what_botocore_merges_into_a_model_is_merged_beforehand() -> None:
    extras = {"version": 1.0, "merge": {"metadata": {"serviceId": "Shelf"}}}
    files = {**FILES, f"{NEWEST}/service-2.sdk-extras.json": json.dumps(extras).encode()}
    kept = cut_down(files, frozenset({"shelf", "get_book"}))
    metadata = json.loads(kept[f"{NEWEST}/service-2.json"])["metadata"]
    assert metadata == {"endpointPrefix": "shelf", "serviceId": "Shelf"}
    assert not any("extras" in path for path in kept)


def test_endpoints_are_those_of_the_kept_services() -> None:
    kept = cut_down(FILES, frozenset({"shelf", "get_book"}))
    (partition,) = json.loads(kept[f"{DATA}/endpoints.json"])["partitions"]
    assert set(partition["services"]) == {"shelf"}


@pytest.mark.parametrize(
    "files",
    [
        {"botocore/session.py": b""},
        {path: content for path, content in FILES.items() if not path.endswith("endpoints.json")},
        {path: content for path, content in FILES.items() if "rule-set" not in path},
    ],
    ids=["no models", "no endpoints", "no rules"],
)
def test_another_layout_of_botocore_s_files_is_told_and_not_guessed_at(files: dict[str, bytes]) -> None:
    with pytest.raises(BuildError, match="local/packages is older than it"):
        cut_down(files, frozenset({"shelf", "get_book"}))


@cache
def real() -> dict[str, bytes]:
    folder = Path(botocore.__file__).parents[1]
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in (folder / DATA).rglob("*.*")}
    clients = (ADAPTERS / "aws_clients.py").read_text("utf-8")
    return cut_down(files, words_of(shared_adapters()), words_of([clients]))


# Actions that are no operation of botocore's under their own name, or that somebody else calls for us.
NOT_CALLED = {
    "dynamodb:ConditionCheckItem", "iam:PassRole", "ec2:RunInstances", "ec2:CreateTags", "sqs:ReceiveMessage",
    "sqs:DeleteMessage", "sqs:GetQueueAttributes", "kms:Decrypt",
}  # fmt: skip
# A transaction has no action of its own: it is checked as the writes that are in it.
WITHOUT_ACTION = {"dynamodb:TransactWriteItems"}


def test_the_operations_in_the_layer_are_those_that_the_functions_policies_allow() -> None:
    """Two lists that nobody copied from each other: one is read from the adapters, the other written beside them."""
    settings = configuration(app_secret="arn:app", runner_token_secrets=["arn:token"])
    settings = replace(settings, tags_tasks=True)
    allowed = set()
    for policy in function_policies(settings, Places()).values():
        for statement in policy["Statement"]:
            actions = statement["Action"]
            allowed |= {actions} if isinstance(actions, str) else set(actions)
    allowed = {action for action in allowed if not action.startswith("logs:")} - NOT_CALLED
    kept = {f"{service}:{name}" for service, names in operations_of(real()).items() for name in names}
    optional = {"ec2:StartInstances"}  # only with a stopped tier
    # An operation goes by its name: other services of ours may have one of the same.
    namesakes = {
        one for one in kept - allowed if any(one.split(":")[1] == of.split(":")[1] for of in allowed)
    }
    assert namesakes == {"dynamodb:TagResource", "secretsmanager:TagResource"}
    assert kept - namesakes - WITHOUT_ACTION - optional == allowed - optional


def test_a_word_that_is_also_the_name_of_a_service_brings_no_model_of_it() -> None:
    assert "s3" not in operations_of(real())
    words = frozenset({"shelf", "get_book"})
    with pytest.raises(BuildError):
        cut_down(FILES, words, frozenset({"something else"}))


def test_clients_of_the_cut_models_have_our_operations_and_a_clear_error_for_the_rest(tmp_path: Path) -> None:
    for path, content in real().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    session = Session()
    loader = Loader(extra_search_paths=[str(tmp_path / DATA)], include_default_search_paths=False)
    session.register_component("data_loader", loader)
    session.set_credentials("AKIDEXAMPLE", "made-up")
    client: Any = session.create_client("ec2", region_name="eu-west-1")
    assert client.meta.endpoint_url == "https://ec2.eu-west-1.amazonaws.com"
    assert client.can_paginate("describe_instances")
    with pytest.raises(AttributeError, match="describe_vpcs"):
        client.describe_vpcs()
    with pytest.raises(UnknownServiceError, match="Valid service names are: dynamodb, ec2, ecs"):
        session.create_client("s3", region_name="eu-west-1")


def test_cut_models_are_small() -> None:
    assert sum(len(content) for content in real().values()) < 1_000_000
