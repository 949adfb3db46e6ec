"""``make live-check`` against the twin of GitHub over HTTP: what holds, and what it says of what does not."""

from __future__ import annotations

import textwrap
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from local.live_check import equal_labels
from local.live_check.command import FAILED, NOT_RUN, OK, main
from local.live_check.github import LiveGitHub
from local.live_check.settings import LiveSettings, parse
from local.twin.github import spec
from local.twin.github.model import JobRequest
from local.twin.http.github import GitHubServer
from tests.support.github_enterprise import Acme

LISTENER = Path(__file__).parents[3] / "local" / "twin" / "listener" / "bin"
WORKFLOW = "slipway-live-check.yml"
LIMITS = "generate-jitconfig counts for"


@dataclass
class Stage:
    """A served enterprise, and the check as a person runs it."""

    acme: Acme
    server: GitHubServer
    capsys: pytest.CaptureFixture[str]
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    answers: list[str] = field(default_factory=list)
    said: str = ""

    def run(self, *arguments: str, place: str = "--enterprise=acme", group: str = "slipway-alpha") -> int:
        usual = (f"--url={self.server.url}", place, f"--group={group}")
        code = main([*usual, *arguments], self.environment, ask=self._answer, sleep=self._pass)
        captured = self.capsys.readouterr()
        self.said = captured.out + captured.err
        return code

    def lines(self, state: str) -> list[str]:
        return [line[8:] for line in self.said.splitlines() if line.startswith(f"{state:8}")]

    def settings(self, *arguments: str) -> LiveSettings:
        usual = (f"--url={self.server.url}", "--enterprise=acme", "--group=shared")
        settings = parse([*usual, *arguments], self.environment)
        assert isinstance(settings, LiveSettings), settings
        return settings

    def _answer(self, _question: str) -> str:
        if not self.answers:
            raise EOFError
        return self.answers.pop()

    def _pass(self, seconds: float) -> None:
        with self.server.lock:
            self.acme.clock.advance(seconds)


def serve(edition: str, capsys: pytest.CaptureFixture[str]) -> Iterator[Stage]:
    acme = Acme(edition)
    with GitHubServer(acme.twin, threading.RLock()) as server:
        yield Stage(acme, server, capsys, {"SLIPWAY_LIVE_TOKEN": acme.pat})


@pytest.fixture
def stage(capsys: pytest.CaptureFixture[str]) -> Iterator[Stage]:
    yield from serve("ghec", capsys)


@pytest.fixture(params=spec.SERVERS)
def every_stage(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Iterator[Stage]:
    yield from serve(request.param, capsys)


def test_all_of_it_holds_and_nothing_is_left_over(every_stage: Stage) -> None:
    assert every_stage.run("--yes") == OK, every_stage.said
    twin = every_stage.acme.twin
    assert (twin.registry.by_id, twin.registry.registered_total) == ({}, 2)
    told = every_stage.lines("ok")
    assert [line.rpartition(": ")[2].partition(" ")[0] for line in told if ": " in line][1:] == [
        "204",
        "404",
        "409",
    ]
    assert len(every_stage.lines("skipped")) == 1
    assert every_stage.acme.pat not in every_stage.said
    (limits,) = [line for line in every_stage.lines("note") if line.startswith(LIMITS)]
    is_cloud = every_stage.acme.server == "ghec"
    assert limits.startswith(f"{LIMITS} core: " if is_cloud else f"{LIMITS} no rate limit")
    ends = any("does not tell which runner versions" in line for line in every_stage.lines("note"))
    assert ends is not is_cloud


def test_an_organization_s_runners_are_tried_in_the_same_way(stage: Stage) -> None:
    stage.environment["SLIPWAY_LIVE_TOKEN"] = stage.acme.twin.add_personal_token("owner", ["admin:org"])
    with stage.server.lock:
        stage.acme.twin.world.groups_of(next(s for s in stage.acme.twin.world.scopes() if s.name == "alpha"))
    stage.acme.call(
        "POST",
        "/orgs/alpha/actions/runner-groups",
        {"name": "ours"},
        token=stage.environment["SLIPWAY_LIVE_TOKEN"],
    )
    assert stage.run("--yes", place="--organization=alpha", group="ours") == OK, stage.said


def test_which_resource_minting_counts_for_is_read_and_not_assumed(stage: Stage) -> None:
    """[GH-JIT-BUCKET]"""
    stage.acme.twin.limits.settings.jit_resource = "actions_runner_registration"
    assert stage.run("--yes") == OK
    assert any(
        line.startswith(f"{LIMITS} actions_runner_registration: 9999 of 10000")
        for line in stage.lines("note")
    )


def test_before_anything_is_changed_it_says_what_it_will_do_and_asks(stage: Stage) -> None:
    for answer in ("n", "", "nonsense"):
        stage.answers = [answer]
        assert stage.run() == NOT_RUN
        assert "register two runners live-check-" in stage.said
        assert "in the group slipway-alpha" in stage.said
    assert stage.run() == NOT_RUN  # nobody is there to answer
    assert not stage.acme.twin.calls
    stage.answers = ["y"]
    assert stage.run() == OK


def test_without_what_it_needs_it_explains_itself_and_does_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([], {}) == NOT_RUN
    said = capsys.readouterr().err
    for word in ("--enterprise or --organization", "--group", "SLIPWAY_LIVE_TOKEN", "docs/live-check.md"):
        assert word in said


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        (["--url=http://github.example.com"], "--url must begin with https://"),
        (["--organization=alpha"], "and not both"),
        (["--repositories=alpha/web"], "--repositories must be two"),
        (["--repositories=alpha/web,alpha/web"], "--repositories must be two"),
        (["--runner-dir=/nowhere"], "no bin/Runner.Listener"),
        (["--rounds=many"], "--rounds must be a whole number"),
        (["--wait=99999"], "--wait must be a whole number"),
    ],
)
def test_a_flag_that_cannot_be_is_named(stage: Stage, wrong: list[str], word: str) -> None:
    assert stage.run("--yes", *wrong) == NOT_RUN
    assert word in stage.said
    assert not stage.acme.twin.calls


def test_every_flag_can_come_from_the_environment(stage: Stage) -> None:
    stage.environment |= {
        "SLIPWAY_LIVE_URL": stage.server.url,
        "SLIPWAY_LIVE_ENTERPRISE": "acme",
        "SLIPWAY_LIVE_GROUP": "slipway-alpha",
    }
    assert main(["--yes"], stage.environment) == OK


def test_a_wrong_slug_and_a_token_without_the_scope_are_told_with_their_cure(stage: Stage) -> None:
    assert stage.run("--yes", place="--enterprise=acne") == FAILED
    assert "check github.enterprise" in stage.said
    weak = stage.acme.twin.add_personal_token("someone", ["repo"])
    stage.environment["SLIPWAY_LIVE_TOKEN"] = weak
    assert stage.run("--yes") == FAILED
    assert "manage_runners:enterprise" in stage.said
    stage.environment["SLIPWAY_LIVE_TOKEN"] = "ghp_revoked-long-ago"
    assert stage.run("--yes") == FAILED
    assert "put a new one into its secret" in stage.said
    assert "ghp_revoked" not in stage.said
    assert weak not in stage.said
    assert stage.acme.twin.registry.registered_total == 0


def test_a_host_that_cannot_be_reached_is_named(stage: Stage) -> None:
    assert (
        main(["--url=http://127.0.0.1:1", "--enterprise=acme", "--group=g", "--yes"], stage.environment)
        == FAILED
    )
    said = stage.capsys.readouterr().out
    assert "failed  GET /enterprises/acme/actions/runner-groups: http://127.0.0.1:1" in said
    assert "cannot be reached" in said
    assert "left over" not in said


@pytest.mark.parametrize("group", ["nowhere", "default"])
def test_a_group_that_is_missing_or_everybodys_is_refused(stage: Stage, group: str) -> None:
    assert stage.run("--yes", group=group) == FAILED
    assert ("only: Default, slipway-alpha" in stage.said) is (group == "nowhere")
    assert ("default group" in stage.said) is (group == "default")
    assert stage.acme.twin.registry.registered_total == 0


@pytest.mark.parametrize("status", [0, 503])
def test_a_registration_whose_answer_was_lost_is_taken_back(stage: Stage, status: int) -> None:
    stage.acme.twin.faults.next("POST", "generate-jitconfig$", status, after_success=True)
    assert stage.run("--yes") == FAILED
    assert stage.acme.twin.registry.by_id == {}


def test_when_a_token_expires_is_told(stage: Stage) -> None:
    """[GH-TOKEN-HEADERS]"""
    assert stage.run("--yes") == OK
    assert "GitHub names no day on which the token expires" in stage.lines("note")
    ends = stage.acme.clock.now() + 86_400.0
    scopes = frozenset({"manage_runners:enterprise"})
    stage.environment["SLIPWAY_LIVE_TOKEN"] = stage.acme.twin.credentials.add_personal_token(
        "someone", scopes, ends
    )
    assert stage.run("--yes") == OK
    (told,) = [line for line in stage.lines("note") if line.startswith("the token expires on ")]
    assert told.endswith(" UTC")


# Who gets a runner that two jobs wait for.


def two_repositories(stage: Stage, tmp_path: Path) -> list[str]:
    """Give two repositories the workflow, a group that both may use, and the machine a runner."""
    twin = stage.acme.twin
    twin.add_repository("alpha/api")
    twin.add_enterprise_group("shared", [stage.acme.alpha])
    for name in ("alpha/web", "alpha/api"):
        twin.rerun_calls.workflows[name, WORKFLOW] = JobRequest(name, (), duration_seconds=0.0)
    stage.environment["SLIPWAY_LIVE_DISPATCH_TOKEN"] = twin.add_personal_token("someone", ["repo"])
    (tmp_path / "bin").symlink_to(LISTENER)
    return ["--repositories=alpha/web,alpha/api", f"--runner-dir={tmp_path}"]


def test_the_order_in_which_two_jobs_get_one_runner_is_found_out(stage: Stage, tmp_path: Path) -> None:
    """[GH-JIT-NOT-BOUND]"""
    more = two_repositories(stage, tmp_path)
    assert stage.run("--yes", *more, "--rounds=2", group="shared") == OK, stage.said
    assert f"2 times start {WORKFLOW} in alpha/web and alpha/api" in stage.said
    rounds = [line for line in stage.lines("ok") if line.startswith("round")]
    assert rounds == [
        "round 1: of alpha/web (older) and alpha/api, alpha/web got the first runner",
        "round 2: of alpha/api (older) and alpha/web, alpha/api got the first runner",
    ]
    assert "the older job got the runner in 2 of 2 rounds [GH-JIT-NOT-BOUND]" in stage.lines("note")
    assert {job.conclusion for job in stage.acme.twin.jobs.by_id.values()} == {"success"}
    assert stage.acme.twin.registry.by_id == {}
    assert stage.environment["SLIPWAY_LIVE_DISPATCH_TOKEN"] not in stage.said


def test_another_order_is_reported_as_it_is(stage: Stage, tmp_path: Path) -> None:
    more = two_repositories(stage, tmp_path)
    runs = iter(["alpha/api", "alpha/web"])
    settings = stage.settings(*more, "--rounds=1")
    with LiveGitHub(settings) as github:
        found = list(equal_labels.check(github, settings, lambda _: None, lambda _: next(runs)))
    assert [finding.state for finding in found] == ["ok", "note"]
    assert "alpha/api got the first runner" in found[0].text
    assert "in 0 of 1 rounds" in found[1].text


@pytest.mark.parametrize("taken", [(None, None), ("alpha/web", None), ("alpha/web", "alpha/web")])
def test_jobs_that_never_came_are_told_with_what_to_look_at(
    stage: Stage, tmp_path: Path, taken: tuple[str | None, str | None]
) -> None:
    more = two_repositories(stage, tmp_path)
    runs = iter(taken)
    settings = stage.settings(*more)
    with LiveGitHub(settings) as github:
        (found,) = equal_labels.check(github, settings, lambda _: None, lambda _: next(runs))
    assert found.state == "failed"
    assert f"is {WORKFLOW} on branch main of both" in found.text


def test_a_token_that_may_not_start_workflows_is_told(stage: Stage, tmp_path: Path) -> None:
    more = two_repositories(stage, tmp_path)
    stage.environment["SLIPWAY_LIVE_DISPATCH_TOKEN"] = stage.acme.twin.add_personal_token("weak", [])
    assert stage.run("--yes", *more, group="shared") == FAILED
    assert any("dispatches: 404" in line for line in stage.lines("failed"))


def test_without_a_runner_that_part_is_skipped_and_says_why(stage: Stage) -> None:
    assert stage.run("--yes", "--repositories=alpha/web,alpha/site") == OK
    (skipped,) = stage.lines("skipped")
    assert "not given: --runner-dir, SLIPWAY_LIVE_DISPATCH_TOKEN" in skipped


def test_the_workflow_of_the_guide_is_the_one_that_the_check_wants() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "live-check.md").read_text("utf-8")
    assert textwrap.indent(equal_labels.WORKFLOW, "   ") in guide
