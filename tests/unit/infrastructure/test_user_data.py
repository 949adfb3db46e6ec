"""User data: the same bytes for the same settings, small enough, nothing secret, nothing that escapes its quotes."""

from __future__ import annotations

import ast
import gzip
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from local.infrastructure import host_scripts
from local.infrastructure.user_data import (
    MAX_USER_DATA_BYTES,
    HostSettings,
    UserDataError,
    boothook,
    generation,
    user_data,
    without_comments,
)

POOL = HostSettings(cluster="slipway-general", pool="general", docker="nested")
IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/runner@sha256:" + "a" * 64
SCRIPTS = host_scripts.read()


def test_the_same_settings_give_the_same_bytes() -> None:
    assert user_data(POOL, SCRIPTS) == user_data(replace(POOL), dict(reversed(SCRIPTS.items())))


def test_a_host_with_everything_fits_what_ec2_takes() -> None:
    everything = replace(
        POOL,
        uid_ranges="per-container",
        images=tuple(f"{IMAGE[:-1]}{n}" for n in range(4)),
        registry_mirror="https://mirror.internal:5000/hub",
        disk_quota_gib=50,
    )
    assert len(user_data(everything, SCRIPTS)) <= MAX_USER_DATA_BYTES


def test_what_does_not_fit_is_refused_with_its_size_and_the_cure() -> None:
    noise = {"noise": "".join(f"{n * n * 7919:x}\n" for n in range(10_000))}
    with pytest.raises(UserDataError, match=r"pool general has [0-9,]+ bytes, and EC2 takes 16,384: .* bake"):
        user_data(POOL, noise)


def test_it_unpacks_to_a_boothook_that_a_shell_can_parse() -> None:
    text = gzip.decompress(user_data(POOL, SCRIPTS)).decode()
    assert text == boothook(POOL, SCRIPTS)
    assert text.startswith("#cloud-boothook\n#!/bin/bash\nset -euo pipefail\n")
    subprocess.run(["bash", "-n"], input=text.partition("\n")[2], text=True, check=True)


def test_the_shell_reads_the_settings_as_they_are(tmp_path: Path) -> None:
    given = replace(POOL, images=(IMAGE, "busybox:1"), registry_mirror="https://mirror.internal/x")
    text = boothook(given, {})
    settings = text.partition("host.env <<'END_OF_FILE'\n")[2].partition("END_OF_FILE")[0]
    (tmp_path / "host.env").write_text(settings, "utf-8")
    shell = f'. {tmp_path}/host.env; printf \'%s\\n\' "$SLIPWAY_IMAGES" "$SLIPWAY_REGISTRY_MIRROR" "$SLIPWAY_POOL"'
    said = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == [f"{IMAGE} busybox:1", "https://mirror.internal/x", "general"]


@pytest.mark.parametrize(
    "hostile",
    [
        replace(POOL, pool="general'; reboot; '"),
        replace(POOL, pool='x","slipway.pool":"other'),
        replace(POOL, cluster="a\nECS_ENABLE_TASK_IAM_ROLE=false"),
        replace(POOL, cluster="$(reboot)"),
        replace(POOL, cluster=""),
        replace(POOL, images=("image\nEND_OF_FILE\nreboot",)),
        replace(POOL, images=("two images",)),
        replace(POOL, registry_mirror="http://mirror"),
        replace(POOL, registry_mirror="https://mirror/`reboot`"),
        replace(POOL, task_pids_limit=0),
        replace(POOL, disk_quota_gib=-1),
        replace(POOL, docker="privileged"),
        replace(POOL, docker="privileged", isolation="instance", uid_ranges="per-container"),
    ],
    ids=lambda settings: repr(settings)[13:60],
)
def test_a_setting_that_could_mean_more_than_it_says_is_refused(hostile: HostSettings) -> None:
    with pytest.raises(UserDataError):
        user_data(hostile, SCRIPTS)


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(UserDataError, match=r"cluster .*; pool .*; image"):
        user_data(HostSettings(cluster="a b", pool="c d", images=("e f",)), {})


def test_a_script_that_would_end_its_own_quotes_is_refused() -> None:
    with pytest.raises(UserDataError, match="END_OF_FILE"):
        boothook(POOL, {"x": "END_OF_FILE\nreboot\n"})


def test_nothing_in_it_looks_like_a_secret() -> None:
    text = boothook(POOL, SCRIPTS)
    assert "AKIA" not in text
    assert not {"aws_secret_access_key=", "BEGIN PRIVATE KEY", "ghp_"} & set(text.split())


def test_hosts_of_other_settings_or_scripts_are_another_generation() -> None:
    one = generation(POOL, SCRIPTS)
    assert len(one) == 12
    assert one == generation(replace(POOL), SCRIPTS)
    assert one != generation(replace(POOL, task_pids_limit=100), SCRIPTS)
    assert one != generation(POOL, {**SCRIPTS, "more": "x\n"})
    assert f"SLIPWAY_GENERATION={one}\n" in boothook(POOL, SCRIPTS)


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name.endswith(".py")])
def test_taking_comments_out_changes_no_python(name: str) -> None:
    whole = (host_scripts.FOLDER / name).read_text("utf-8")
    compile(without_comments(whole), name, "exec")
    assert without_docstrings(without_comments(whole)) == without_docstrings(whole)


def without_docstrings(text: str) -> str:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            del node.body[0]
    return ast.dump(tree)


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name.endswith(".py")])
def test_the_hosts_python_is_of_version_3_9(name: str) -> None:
    ast.parse(SCRIPTS[name], feature_version=(3, 9))


def test_the_baking_recipe_and_caches_stay_at_home() -> None:
    assert not {"bake.sh", "ruff.toml"} & SCRIPTS.keys()
    assert not [name for name in SCRIPTS if "pycache" in name]
