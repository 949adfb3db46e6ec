"""The parts of the hosts' scripts that need no host: what Docker is told, how images are asked for."""

from __future__ import annotations

import datetime as dt
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.infrastructure.host_scripts import FOLDER

SETTINGS = {"SLIPWAY_DOCKER": "nested", "SLIPWAY_UID_RANGES": "shared", "SLIPWAY_DISK_QUOTA_GIB": "0"}
KEYS = {"AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "secret", "Token": "token"}


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module ``host``, with its folder on the path so that the others can be imported beside it."""
    monkeypatch.syspath_prepend(str(FOLDER))
    before = set(sys.modules)
    yield importlib.import_module("host")
    for name in set(sys.modules) - before:
        if (
            getattr(sys.modules[name], "__file__", None)
            and Path(str(sys.modules[name].__file__)).parent == FOLDER
        ):
            del sys.modules[name]


def daemon(**changes: str) -> dict[str, object]:
    told: dict[str, object] = importlib.import_module("daemon_settings").daemon_settings(
        {**SETTINGS, **changes}, Path("/opt/slipway")
    )
    return told


def test_shared_hosts_remap_users_and_filter_calls(scripts: ModuleType) -> None:
    told = daemon()
    assert told["userns-remap"] == "default"
    assert told["seccomp-profile"] == "/opt/slipway/seccomp.json"
    assert told["icc"] is False
    assert "default-runtime" not in told
    assert "storage-opts" not in told


def test_hosts_of_privileged_tasks_do_neither(scripts: ModuleType) -> None:
    told = daemon(SLIPWAY_DOCKER="privileged")
    assert not {"userns-remap", "seccomp-profile"} & told.keys()
    assert told["icc"] is False


def test_what_a_pool_asks_for_besides_reaches_docker(scripts: ModuleType) -> None:
    told = daemon(
        SLIPWAY_UID_RANGES="per-container",
        SLIPWAY_DISK_QUOTA_GIB="40",
        SLIPWAY_REGISTRY_MIRROR="https://mirror",
    )
    assert told["default-runtime"] == "slipway-uid-ranges"
    assert told["runtimes"] == {"slipway-uid-ranges": {"path": "/opt/slipway/uid_ranges.py"}}
    assert told["storage-opts"] == ["overlay2.size=40G"]
    assert told["registry-mirrors"] == ["https://mirror"]


def test_settings_are_read_as_a_shell_would(scripts: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "host.env").write_text("A=plain\nB='two words'\nC=''\n", "utf-8")
    assert scripts.settings(tmp_path / "host.env") == {"A": "plain", "B": "two words", "C": ""}


def test_a_request_to_ecr_is_signed_as_botocore_signs_it(
    scripts: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = dt.datetime(2026, 11, 25, 12, 0, 0, tzinfo=dt.UTC)
    name = "api.ecr.eu-central-1.amazonaws.com"
    signed = importlib.import_module("pull_images").signed_headers(name, "eu-central-1", KEYS, now)

    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: now.replace(tzinfo=None))
    headers = {key: signed[key] for key in ("content-type", "x-amz-target")}
    request = AWSRequest("POST", f"https://{name}/", headers=headers, data=b"{}")
    credentials = Credentials(KEYS["AccessKeyId"], KEYS["SecretAccessKey"], KEYS["Token"])
    SigV4Auth(credentials, "ecr", "eu-central-1").add_auth(request)
    assert signed["Authorization"] == request.headers["Authorization"]


@pytest.mark.parametrize(
    ("image", "asked"),
    [
        ("registry/name@sha256:abc", "fromImage=registry%2Fname&tag=sha256%3Aabc"),
        ("registry:5000/name:1", "fromImage=registry%3A5000%2Fname&tag=1"),
        ("registry:5000/name", "fromImage=registry%3A5000%2Fname&tag=latest"),
    ],
)
def test_an_image_that_is_missing_is_pulled_once_by_its_exact_name(
    scripts: ModuleType, monkeypatch: pytest.MonkeyPatch, image: str, asked: str
) -> None:
    calls: list[str] = []

    def docker(path: str, method: str = "GET", *_: object, **__: object) -> bytes:
        calls.append(f"{method} {path}")
        if method == "GET":
            raise OSError("404")
        return b'{"status": "pulled"}\n'

    monkeypatch.setattr(scripts, "docker", docker)
    assert importlib.import_module("pull_images").pull([image]) == {}
    assert calls == [f"GET /images/{image}/json", f"POST /images/create?{asked}"]


def test_an_image_that_cannot_be_had_is_told_with_the_reason_and_others_still_come(
    scripts: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulling = importlib.import_module("pull_images")

    def pull_one(image: str) -> None:
        if image == "bad":
            raise OSError("no such manifest")

    monkeypatch.setattr(pulling, "pull_one", pull_one)
    monkeypatch.setattr(pulling.time, "sleep", lambda _: None)
    assert pulling.pull(["bad", "good"]) == {"bad": "no such manifest"}


def test_every_guard_that_a_host_is_checked_for_is_documented(scripts: ModuleType) -> None:
    page = (FOLDER.parents[1] / "docs" / "hosts.md").read_text("utf-8")
    assert [name for name in importlib.import_module("preflight").CHECKS if f"`{name}`" not in page] == []


@pytest.mark.parametrize(("tags", "tier"), [({"slipway:tier": "stopped"}, "stopped"), ({"Name": "x"}, None)])
def test_a_host_is_of_the_tier_that_its_tag_names(
    scripts: ModuleType, monkeypatch: pytest.MonkeyPatch, tags: dict[str, str], tier: str | None
) -> None:
    found = {"tags/instance/": "\n".join(tags)} | {
        f"tags/instance/{name}": value for name, value in tags.items()
    }
    monkeypatch.setattr(scripts, "metadata", found.get)
    assert importlib.import_module("stopped_tier").tier() == tier


def test_metadata_without_tags_settles_no_tier(scripts: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripts, "metadata", {}.get)
    with pytest.raises(OSError, match="InstanceMetadataTags"):
        importlib.import_module("stopped_tier").tier()
