"""The optional section of environments: its faults at their places, and what is compiled of it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.configuration.check import LocatedFault, check
from local.configuration.compilation import compile_file, compiled_body
from slipway.config import environments_of

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
WEB = "environments.repositories.acme/web"


def example() -> Any:
    return yaml.safe_load((EXAMPLES / "environments.yaml").read_text("utf-8"))


def faults_with(path: str, value: object) -> tuple[LocatedFault, ...]:
    """The faults of the example with one value changed; slashes in names stay."""
    document = copy.deepcopy(example())
    *parents, last = path.split(".")
    place = document
    for key in parents:
        place = place[key]
    place[last] = value
    return check(yaml.safe_dump(document, sort_keys=False)).faults


def only(path: str, value: object) -> LocatedFault:
    (fault,) = faults_with(path, value)
    return fault


def test_the_example_is_valid_and_says_what_the_functions_read() -> None:
    file = check((EXAMPLES / "environments.yaml").read_text("utf-8")).file
    assert file is not None
    found = environments_of(compiled_body(file))
    assert found is not None
    assert (found.region, found.cluster, found.most) == ("ap-northeast-1", "slipway-environments", 30)
    assert (found.time_to_live_seconds, found.unhealthy_after_seconds) == (3 * 86_400, 1_800)
    assert {name: one.host_prefix for name, one in found.repositories.items()} == {
        "acme/web": "pr",
        "acme/api": "api-pr",
    }
    assert found.repositories["acme/api"].command == ("serve", "--public-url", "https://{{HOST}}")


def test_without_the_section_nothing_of_it_is_compiled() -> None:
    file = check((EXAMPLES / "organizations.yaml").read_text("utf-8")).file
    assert file is not None
    assert "environments" not in json.loads(compile_file(file))
    assert environments_of(compiled_body(file)) is None


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (f"{WEB}.environment.PUBLIC_URL", f"{WEB}.environment.PUBLIC_URL"),
        (f"{WEB}.health_path", f"{WEB}.health_path"),
        (f"{WEB}.command", f"{WEB}.command[0]"),
    ],
)
def test_an_unknown_variable_is_named_with_its_place_and_the_nearest_one(path: str, place: str) -> None:
    text = "/{{PR_NUMBRE}}"
    fault = only(path, [text] if path.endswith("command") else text)
    assert (fault.path, fault.nearest) == (place, "PR_NUMBER")
    assert "{{PR_NUMBRE}}" in fault.message


def test_a_variable_that_is_never_closed_is_a_fault() -> None:
    assert "never closed" in only(f"{WEB}.environment.PUBLIC_URL", "https://{{HOST").message


@pytest.mark.parametrize(
    ("image", "says"),
    [
        ("docker.io/library/nginx:{{COMMIT_REF}}", "not an image of ECR"),
        ("111122223333.dkr.ecr.eu-west-1.amazonaws.com/web:latest", "must hold {{COMMIT_REF}}"),
        (
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com/web:{{COMMIT_REF}}-{{BRANCH}}",
            "'{{BRANCH}}' must not choose",
        ),
    ],
)
def test_an_image_that_cannot_be_looked_for_or_that_an_author_chooses_is_a_fault(
    image: str, says: str
) -> None:
    assert says in only(f"{WEB}.image", image).message


def test_two_repositories_with_one_prefix_would_have_one_host_name() -> None:
    fault = only("environments.repositories.acme/api.host_prefix", "pr")
    assert fault.path == "environments.repositories.acme/api.host_prefix"
    assert "acme/web" in fault.message


def test_a_prefix_that_ends_with_a_digit_is_a_fault() -> None:
    assert "no digit" in only(f"{WEB}.host_prefix", "pr1").message


def test_a_repository_given_twice_in_another_case_is_a_fault() -> None:
    one = {**example()["environments"]["repositories"]["acme/web"], "host_prefix": "other"}
    assert "case is ignored" in only("environments.repositories.Acme/Web", one).message


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [("cpu", 3, "Fargate has no 3 vCPU"), ("memory", "1536MiB", "the nearest is 1024MiB")],
)
def test_a_size_that_fargate_does_not_have_is_a_fault(key: str, value: object, says: str) -> None:
    assert says in only(f"{WEB}.{key}", value).message


def test_environments_need_an_app() -> None:
    document = copy.deepcopy(example())
    del document["github"]["secrets"]["app"]
    faults = check(yaml.safe_dump(document, sort_keys=False)).faults
    assert "environments" in {fault.path for fault in faults}


def test_the_cluster_is_none_of_a_pool_s() -> None:
    assert "cluster of a pool" in only("environments.cluster", "slipway-general").message
    document = copy.deepcopy(example())
    document["pools"]["environments"] = document["pools"].pop("general")
    document["profiles"]["medium"]["pool"] = "environments"
    assert [fault.path for fault in check(yaml.safe_dump(document, sort_keys=False)).faults] == [
        "environments.cluster"
    ]


def test_the_two_labels_differ() -> None:
    assert only("environments.keep_label", "Preview").path == "environments.keep_label"


def test_an_unknown_key_is_named_with_the_nearest_one() -> None:
    assert only("environments.lable", "x").nearest == "label"
