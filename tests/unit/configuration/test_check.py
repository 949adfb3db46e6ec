"""`slipway config check`: every fault at once, at its place, with the nearest valid word."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.configuration.check import LocatedFault, check
from local.slipway_cli.main import main

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "docs" / "examples" / "slipway.yaml"
SIX_FAULTS = ROOT / "tests" / "fixtures" / "config" / "six-faults.yaml"
POLICY = "arn:aws:iam::111122223333:policy/deploy"
DELETE = object()


def faults_of(text: str) -> list[LocatedFault]:
    return list(check(text).faults)


def example_with(*changes: tuple[str, object]) -> str:
    """The example file with values changed at dotted paths."""
    document: Any = copy.deepcopy(yaml.safe_load(EXAMPLE.read_text("utf-8")))
    for path, value in changes:
        *parents, last = path.split(".")
        place = document
        for key in parents:
            place = place[key]
        if value is DELETE:
            del place[last]
        else:
            place[last] = value
    return yaml.safe_dump(document)


def only_fault(*changes: tuple[str, object]) -> LocatedFault:
    faults = faults_of(example_with(*changes))
    assert len(faults) == 1, faults
    return faults[0]


def test_a_file_with_six_faults_prints_six_lines_and_exits_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", str(SIX_FAULTS)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.removeprefix(f"{SIX_FAULTS}:").split(": ")[:2] for line in lines] == [
        ["6", "github.runner_groups"],
        ["14", "profiles.medium.memory"],
        ["16", "profiles.medium.pool"],
        ["17", "profiles.medium.isolaton"],
        ["21", "profiles.large.memory"],
        ["29", "pools.general.instance_types[1]"],
    ]


def test_the_nearest_valid_word_is_offered_for_keys_pools_and_instance_types() -> None:
    hints = {fault.path: fault.nearest for fault in faults_of(SIX_FAULTS.read_text("utf-8")) if fault.nearest}
    assert hints == {
        "profiles.medium.pool": "general",
        "profiles.medium.isolaton": "isolation",
        "pools.general.instance_types[1]": "m7i.4xlarge",
    }


def test_faults_as_json_are_one_object_with_path_line_message_and_nearest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["config", "check", str(SIX_FAULTS), "--json"]) == 1
    body = json.loads(capsys.readouterr().out)
    assert body["valid"] is False
    assert len(body["faults"]) == 6
    assert set(body["faults"][0]) == {"path", "line", "message", "nearest"}


def test_a_valid_file_exits_0_and_names_what_it_holds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", str(EXAMPLE), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pools"] == ["alone", "general"]


ONE_CHANGE: dict[str, tuple[str, object, str, str]] = {
    "unknown top-level key": ("profile", {}, "profile", "unknown key"),
    "unknown word of a choice": ("pools.general.market", "spott", "pools.general.market", "spot, on-demand"),
    "number as text": ("profiles.small.cpu", "1", "profiles.small.cpu", "number of vCPU"),
    "yes for a number": ("profiles.small.standby", True, "profiles.small.standby", "whole number"),
    "cpu of nothing": ("profiles.small.cpu", 0, "profiles.small.cpu", "between 0.125 and 192"),
    "cpu that is not a number": ("profiles.small.cpu", float("nan"), "profiles.small.cpu", "between"),
    "memory without unit": ("profiles.small.memory", 3072, "profiles.small.memory", "amount of memory"),
    "memory in foreign digits": (
        "profiles.small.memory",
        "３GiB",
        "profiles.small.memory",
        "amount of memory",
    ),
    "memory of nothing": ("profiles.small.memory", "0GiB", "profiles.small.memory", "amount of memory"),
    "duration without unit": (
        "profiles.medium.idle_timeout",
        "120",
        "profiles.medium.idle_timeout",
        "duration",
    ),
    "duration with underscore": (
        "profiles.medium.idle_timeout",
        "1_0s",
        "profiles.medium.idle_timeout",
        "duration",
    ),
    "image by tag": ("profiles.small.image", "runner:latest", "profiles.small.image", "pinned by digest"),
    "label with a space": ("profiles.small.labels", ["a b"], "profiles.small.labels[0]", "a label"),
    "label that is too long": ("profiles.small.labels", ["a" * 65], "profiles.small.labels[0]", "a label"),
    "label that is not ASCII": ("profiles.small.labels", ["straße"], "profiles.small.labels[0]", "a label"),
    "label given twice": ("profiles.small.labels", ["a", "A"], "profiles.small.labels[1]", "given twice"),
    "no labels": ("profiles.small.labels", [], "profiles.small.labels", "at least 1"),
    "labels of another profile": (
        "profiles.small.labels",
        ["X64", "medium", "linux", "self-hosted"],
        "profiles.small.labels",
        "same labels as profile 'medium'",
    ),
    "label of the other architecture": (
        "profiles.small.labels",
        ["linux", "arm64"],
        "profiles.small.labels",
        "pool 'general' is x64",
    ),
    "privileged on a shared host": (
        "profiles.small.docker",
        "privileged",
        "profiles.small.docker",
        "isolation: instance",
    ),
    "nested docker for many organizations": (
        "profiles.small.docker",
        "nested",
        "profiles.small.docker",
        "exactly one organization",
    ),
    "shared profile in an exclusive pool": (
        "profiles.small.pool",
        "alone",
        "profiles.small.pool",
        "exclusive",
    ),
    "bounds that no instance type holds": (
        "profiles.medium.bounds",
        {"cpu": [1, 8], "memory": ["2GiB", "64GiB"]},
        "profiles.medium.bounds",
        "does not fit",
    ),
    "bounds upside down": (
        "profiles.medium.bounds",
        {"cpu": [8, 1], "memory": ["2GiB", "28GiB"]},
        "profiles.medium.bounds.cpu",
        "enclose",
    ),
    "more standby than runners": ("profiles.small.standby", 301, "profiles.small.standby", "max_runners"),
    "instance type of another architecture": (
        "pools.general.instance_types",
        ["m7i.4xlarge", "m7g.4xlarge"],
        "pools.general.instance_types[1]",
        "m7g.4xlarge is arm64",
    ),
    "one type too small": (
        "pools.alone.instance_types",
        ["m7i.xlarge", "m7i.large"],
        "profiles.docker.memory",
        "does not fit m7i.large",
    ),
    "instance type given twice": (
        "pools.general.instance_types",
        ["m7i.4xlarge", "m7i.4xlarge"],
        "pools.general.instance_types[1]",
        "given twice",
    ),
    "schedule without a zone": (
        "pools.general.headroom.schedule",
        "Mon-Fri 09:00-19:00",
        "pools.general.headroom.schedule",
        "not a schedule",
    ),
    "hours that are none": (
        "pools.general.headroom.schedule",
        "Mon-Fri 9-19 Asia/Tokyo",
        "pools.general.headroom.schedule",
        "not hours",
    ),
    "more stopped than allowed": (
        "pools.general.stopped_instances",
        51,
        "pools.general.stopped_instances",
        "max_instances",
    ),
    "a disk's key of another region": (
        "pools.general.disk_key",
        "arn:aws:kms:us-west-2:111122223333:key/1b2c3d4e-5f60-4711-8822-0a1b2c3d4e5f",
        "pools.general.disk_key",
        "its own region",
    ),
    "an alias for a disk's key": (
        "pools.general.disk_key",
        "arn:aws:kms:ap-northeast-1:111122223333:alias/disks",
        "pools.general.disk_key",
        "not of an alias",
    ),
    "task policy for many organizations": (
        "pools.general.task_policy",
        POLICY,
        "pools.general.task_policy",
        "exactly one organization",
    ),
    "public repositories on shared hosts": (
        "github.allow.public_repositories",
        True,
        "github.allow.public_repositories",
        "large, medium, small",
    ),
    "the default runner group": (
        "github.runner_groups",
        "default",
        "github.runner_groups",
        "open to everyone",
    ),
    "plain http": ("github.url", "http://ghes.example.com", "github.url", "https://HOST"),
    "no token for an enterprise": (
        "github.secrets.runner_tokens",
        [],
        "github.secrets.runner_tokens",
        "GitHub Apps cannot",
    ),
    "no enterprise": ("github.enterprise", DELETE, "github.enterprise", "is required"),
    "no app": ("github.registration", "organization", "github.secrets.app", "is required"),
    "a hook of an organization and no app": (
        "github.organization_hooks",
        {"acme-labs": 77},
        "github.organization_hooks",
        "github.secrets.app",
    ),
    "a sweep and no app": (
        "github.sweep_calls_per_hour",
        60,
        "github.sweep_calls_per_hour",
        "github.secrets.app",
    ),
    "running again and no app": (
        "github.rerun_interrupted",
        1,
        "github.rerun_interrupted",
        "github.secrets.app",
    ),
    "a workflow without its ref": (
        "github.allow.workflows",
        ["acme/build/.github/workflows/image.yaml"],
        "github.allow.workflows[0]",
        "@REF",
    ),
    "a deployment whose names may begin with another's": (
        "deployment",
        "slipway-staging",
        "deployment",
        "a-z 0-9",
    ),
    "a secret itself instead of its name": (
        "github.secrets.webhook",
        ["hunter2"],
        "github.secrets.webhook[0].secret",
        "its ARN",
    ),
    "a missing section": ("fairness", None, "fairness", "mapping"),
    "region that is none": ("pools.general.region", "Tokyo", "pools.general.region", "AWS region"),
    "profile name for no URL": (
        "profiles.Small!",
        {"labels": ["x"], "cpu": 1, "memory": "1GiB", "image": "r@sha256:" + "a" * 64, "pool": "general"},
        "profiles.Small!",
        "a name",
    ),
    "zone that is none": (
        "pools.general.headroom.schedule",
        "Mon-Fri 09:00-19:00 Asia/Tokio",
        "pools.general.headroom.schedule",
        "time zone",
    ),
    "day that is none": (
        "pools.general.headroom.schedule",
        "Mon-Fry 09:00-19:00 Asia/Tokyo",
        "pools.general.headroom.schedule",
        "not a day",
    ),
    "hours over midnight": (
        "pools.general.headroom.schedule",
        "Mon-Fri 22:00-06:00 Asia/Tokyo",
        "pools.general.headroom.schedule",
        "within one day",
    ),
}


@pytest.mark.parametrize(("path", "value", "place", "words"), ONE_CHANGE.values(), ids=ONE_CHANGE.keys())
def test_one_wrong_value_is_one_fault_at_its_place(path: str, value: object, place: str, words: str) -> None:
    fault = only_fault((path, value))
    assert fault.path == place
    assert words in fault.message


@pytest.mark.parametrize(
    ("path", "value", "place", "word"),
    [
        ("fairnes", {}, "fairnes", "fairness"),
        ("pools.general.headroom", {"slot": 1, "slots": 1}, "pools.general.headroom.slot", "slots"),
        ("profiles.small.slo", {"p90_wait": "9s", "hour": "x"}, "profiles.small.slo.hour", "hours"),
        (
            "github.secrets.webhook",
            [{"secret": "arn:aws:secretsmanager:us-east-1:111122223333:secret:a", "organisations": []}],
            "github.secrets.webhook[0].organisations",
            "organizations",
        ),
        ("github.zzz", 1, "github.zzz", None),
    ],
)
def test_an_unknown_key_gets_the_nearest_key_of_its_own_section(
    path: str, value: object, place: str, word: str | None
) -> None:
    fault = only_fault((path, value))
    assert (fault.path, fault.nearest) == (place, word)


@pytest.mark.parametrize(
    "changes",
    [
        [("pools.general.task_policy", POLICY)],
        [("profiles.small.docker", "nested")],
    ],
    ids=["task policy", "nested docker"],
)
def test_what_is_only_safe_for_one_organization_is_allowed_for_one(changes: list[tuple[str, object]]) -> None:
    assert faults_of(example_with(("github.allow.organizations", ["acme-web"]), *changes)) == []


def test_a_key_given_twice_is_a_fault_at_the_second_place() -> None:
    text = EXAMPLE.read_text("utf-8") + "\ndeployment: other\n"
    (fault,) = faults_of(text)
    assert (fault.path, fault.line) == ("deployment", len(text.splitlines()))
    assert "given twice" in fault.message


def test_a_fault_of_form_does_not_hide_a_fault_between_parts() -> None:
    faults = faults_of(example_with(("profiles.small.cpu", "one"), ("profiles.small.pool", "generall")))
    assert [fault.path for fault in faults] == ["profiles.small.cpu", "profiles.small.pool"]


def test_a_hostile_key_stays_on_its_line_and_is_not_printed_raw() -> None:
    fault = only_fault(("profiles.small.\x1b[31m\nok: valid", 1))
    assert fault.sentence("f").isprintable()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "just words",
        "[1, 2]",
        "a: [",
        "[" * 5_000,
        "a: &a [*a]",
        "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "\n".join(f"b{n}: &b{n} [*a,*a,*a,*a]" for n in range(3)),
        "!!python/object/apply:os.system ['true']",
        "a: !!python/name:os.system",
        "? [1, 2]\n: 3",
        "github: \x00",
        "a: 2020-99-99",
        "profiles: {small: 3}\npools: [1]",
    ],
)
def test_any_text_gets_faults_and_never_an_exception(text: str) -> None:
    assert faults_of(text)


def test_aliases_cannot_make_a_small_file_expand_for_ever() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert [fault.path for fault in faults_of("\n".join(lines))] == ["(file)"]


def test_a_file_that_is_not_there_or_not_text_is_a_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    binary = tmp_path / "slipway.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    assert main(["config", "check", str(binary)]) == 1
    assert main(["config", "check", str(tmp_path / "none.yaml")]) == 1
    out = capsys.readouterr().out
    assert "is not UTF-8 text" in out
    assert "cannot be read" in out
