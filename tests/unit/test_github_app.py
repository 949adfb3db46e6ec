"""The App's manifest asks for what docs/github.md lists and the page hands exactly that to GitHub."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from local.infrastructure.github_app import REDIRECT_URL, manifest, page, permissions
from local.slipway_cli.main import main
from slipway.domain.configuration import GitHubTarget, Registration
from tests.support.loop import a_configuration

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "organizations.yaml"
URL = "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/webhook/0123456789abcdef0123456789abcdef"
# How docs/github.md calls what GitHub's API calls so.
IN_WORDS = {
    "metadata": "Repository: Metadata",
    "actions": "Repository: Actions",
    "administration": "Repository: Administration",
    "organization_self_hosted_runners": "Organization: Self-hosted runners",
    "organization_hooks": "Organization: Webhooks",
    "pull_requests": "Repository: Pull requests",
    "deployments": "Repository: Deployments",
}


def target(registration: Registration, **changed: object) -> GitHubTarget:
    return replace(a_configuration(registration).github, **changed)  # type: ignore[arg-type]


def documented() -> set[tuple[str, str]]:
    text = (ROOT / "docs" / "github.md").read_text("utf-8")
    rows = re.findall(r"^\| ((?:Repository|Organization): [\w -]+), (read|write)\b", text, re.MULTILINE)
    return set(rows)


def everything() -> set[tuple[str, str]]:
    """All that any configuration asks for, in the page's words."""
    made = [
        permissions(
            target(registration, rerun_interrupted=rerun, organization_hooks=hooks),
            has_environments=environments,
        )
        for environments in (False, True)
        for registration in Registration
        for rerun in (0, 3)
        for hooks in ({}, {"alpha": 7})
    ]
    return {(IN_WORDS[name], level) for one in made for name, level in one.items()}


def test_the_permissions_of_all_configurations_are_those_that_the_page_lists() -> None:
    assert everything() == documented()


@pytest.mark.parametrize(
    ("registration", "more"),
    [
        (Registration.ENTERPRISE, {}),
        (Registration.ORGANIZATION, {"organization_self_hosted_runners": "write"}),
        (Registration.REPOSITORY, {"administration": "write"}),
    ],
)
def test_each_registration_asks_for_its_own_and_no_other(
    registration: Registration, more: dict[str, str]
) -> None:
    assert permissions(target(registration)) == {"metadata": "read", "actions": "read", **more}


def test_what_is_not_configured_is_not_asked_for() -> None:
    asked = permissions(
        target(Registration.ORGANIZATION, rerun_interrupted=1, organization_hooks={"alpha": 7})
    )
    assert (asked["actions"], asked["organization_hooks"]) == ("write", "write")
    assert "organization_hooks" not in permissions(target(Registration.ORGANIZATION))


def test_the_example_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["github-app", str(EXAMPLE), "--organization", "acme", "--webhook-url", URL, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((EXAMPLE.parent / "app-manifest.json").read_text("utf-8"))
    assert printed["default_events"] == ["workflow_job"]
    assert printed["public"] is False


class Form(HTMLParser):
    """The one form of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.action = self.manifest = ""
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        if tag == "form":
            assert given["method"] == "post"
            self.action = given["action"] or ""
        if tag == "input":
            assert (given["name"], given["type"]) == ("manifest", "hidden")
            self.manifest = given["value"] or ""


def test_the_page_posts_the_manifest_to_the_organizations_settings_and_runs_no_script() -> None:
    github = target(Registration.ORGANIZATION, web_url="https://ghes.example.com")
    made = manifest(github, "acme", URL)
    form = Form(page(github, "acme", made))
    assert form.action == "https://ghes.example.com/organizations/acme/settings/apps/new"
    assert json.loads(form.manifest) == made
    assert made["redirect_url"] == REDIRECT_URL
    assert "script" not in form.tags


def test_nothing_of_a_manifest_can_leave_its_place_in_the_page() -> None:
    github = target(Registration.ORGANIZATION)
    form = Form(page(github, "acme", {"name": "\"><script>alert(1)</script>'&"}))
    assert "script" not in form.tags
    assert json.loads(form.manifest)["name"] == "\"><script>alert(1)</script>'&"


def test_it_writes_the_page_and_says_what_to_do_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "app.html"
    arguments = ["github-app", str(EXAMPLE), "--organization", "acme", "--webhook-url", URL]
    assert main([*arguments, "--out", str(out)]) == 0
    assert "open it in a browser" in capsys.readouterr().out
    assert Form(out.read_text("utf-8")).manifest
    assert main([*arguments, "--out", str(tmp_path / "none" / "app.html")]) == 1
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("organization", "url"),
    [
        ("acme/web", URL),
        ("", URL),
        ("acme", "http://a.example/webhook/0123456789abcdef"),
        ("acme", "https://a.example/webhook/short"),
        ("acme", "https://a.example/webhook/0123456789abcdef?x=1"),
    ],
)
def test_what_is_no_login_or_no_webhook_is_refused(
    organization: str, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["github-app", str(EXAMPLE), "--organization", organization, "--webhook-url", url])
    assert caught.value.code == 2
    assert "is not" in capsys.readouterr().err


def test_a_configuration_without_an_app_is_told_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs" / "examples" / "slipway.yaml").read_text("utf-8")
    (tmp_path / "slipway.yaml").write_text(text)
    arguments = ["--organization", "acme", "--webhook-url", URL]
    assert main(["github-app", str(tmp_path / "slipway.yaml"), *arguments]) == 1
    assert "github.secrets.app" in capsys.readouterr().err


def test_a_file_with_faults_is_refused_with_all_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "slipway.yaml").write_text("github: {}\n")
    arguments = ["--organization", "acme", "--webhook-url", URL]
    assert main(["github-app", str(tmp_path / "slipway.yaml"), *arguments]) == 1
    assert "github.registration" in capsys.readouterr().err


def test_environments_of_pull_requests_need_their_event_and_two_permissions_more() -> None:
    github = target(Registration.ORGANIZATION)
    made = manifest(github, "acme", URL, has_environments=True)
    assert made["default_events"] == ["workflow_job", "pull_request"]
    more = made["default_permissions"].items() - permissions(github).items()
    assert more == {("pull_requests", "write"), ("deployments", "write")}
    assert manifest(github, "acme", URL)["default_events"] == ["workflow_job"]
