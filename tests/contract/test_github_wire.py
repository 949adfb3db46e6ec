"""The twin of GitHub held against GitHub's own schemas: every request, every reply."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from local.twin.github import spec
from local.twin.github.wire import Response
from tests.support.github_enterprise import LABELS, Acme
from tests.support.github_schema import published

E = "/enterprises/acme/actions"
SERVERS = pytest.mark.parametrize("server", spec.SERVERS)


class Wire:
    """Calls the twin as our client does, and checks both directions against the schema."""

    def __init__(self, acme: Acme) -> None:
        self.acme = acme
        self.published = published(acme.server)

    def __call__(
        self,
        method: str,
        path: str,
        content: Any = None,
        *,
        token: str | None = None,
        query: dict[str, str] | None = None,
    ) -> Response:
        reply = self.acme.call(method, path, content, token=token or self.acme.pat, query=query)
        operation = self.published.operation(method, path, query or {})
        if reply.status not in (400, 422):
            self.published.check_body(operation, content)
        self.published.check_reply(operation, reply.status, reply.body)
        return reply


def validate(document: dict[str, Any], schema: dict[str, Any], instance: Any) -> None:
    whole = schema | {"components": document["components"]}
    checker = jsonschema.Draft202012Validator(whole, format_checker=jsonschema.FormatChecker(["date-time"]))
    assert [f"{'/'.join(map(str, e.path))}: {e.message}" for e in checker.iter_errors(instance)] == []


@pytest.fixture
def wire(request: pytest.FixtureRequest) -> Wire:
    return Wire(Acme(server=getattr(request, "param", "ghec")))


every_server = pytest.mark.parametrize("wire", spec.SERVERS, indirect=True)


@every_server
def test_minting_listing_and_deleting_runners_follows_the_schema(wire: Wire) -> None:
    acme = wire.acme
    content = {
        "name": "r1",
        "runner_group_id": acme.alpha_group.id,
        "labels": list(LABELS),
        "work_folder": "_work",
    }
    minted = wire("POST", f"{E}/runners/generate-jitconfig", content).json()["runner"]
    assert wire("POST", f"{E}/runners/generate-jitconfig", content).status == 409
    assert wire("POST", f"{E}/runners/generate-jitconfig", content | {"labels": []}).status == 422
    assert wire("GET", f"{E}/runners", query={"name": "r1", "per_page": "100", "page": "1"}).status == 200
    assert wire("GET", f"{E}/runners/{minted['id']}").status == 200
    assert wire("GET", f"{E}/runners/{minted['id']}/labels").status == 200
    assert wire("DELETE", f"{E}/runners/{minted['id']}").status == 204
    assert wire("GET", f"{E}/runners/{minted['id']}").status == 404
    assert wire("POST", f"{E}/runners/registration-token").status == 201
    assert wire("POST", f"{E}/runners/remove-token").status == 201


@every_server
def test_a_busy_runner_and_its_refused_deletion_follow_the_schema(wire: Wire) -> None:
    wire.acme.job(duration_seconds=60)
    wire.acme.listener()
    wire.acme.clock.advance(1)
    (runner,) = wire("GET", f"{E}/runners").json()["runners"]
    assert (runner["busy"], runner["status"]) == (True, "online")
    assert wire("DELETE", f"{E}/runners/{runner['id']}").status == 422


@every_server
@pytest.mark.parametrize(("base", "scope"), [("/orgs/alpha", "admin:org"), ("/repos/alpha/web", "repo")])
def test_organization_and_repository_runners_follow_the_schema(wire: Wire, base: str, scope: str) -> None:
    token = wire.acme.twin.add_personal_token("owner", [scope])
    content = {"name": "r1", "runner_group_id": 1, "labels": list(LABELS)}
    minted = wire("POST", f"{base}/actions/runners/generate-jitconfig", content, token=token).json()
    assert (
        wire("GET", f"{base}/actions/runners", query={"name": "r1"}, token=token).json()["total_count"] == 1
    )
    path = f"{base}/actions/runners/{minted['runner']['id']}"
    assert wire("GET", path, token=token).status == 200
    assert wire("DELETE", path, token=token).status == 204


@every_server
def test_enterprise_runner_groups_follow_the_schema(wire: Wire) -> None:
    groups, alpha, beta = f"{E}/runner-groups", wire.acme.alpha.id, wire.acme.beta.id
    content = {
        "name": "new",
        "visibility": "selected",
        "selected_organization_ids": [alpha],
        "allows_public_repositories": False,
    }
    one = f"{groups}/{wire('POST', groups, content).json()['id']}"
    assert wire("GET", groups, query={"visible_to_organization": "alpha", "per_page": "100"}).status == 200
    assert wire("PATCH", one, {"name": "renamed", "allows_public_repositories": True}).status == 200
    assert wire("PUT", f"{one}/organizations", {"selected_organization_ids": [alpha, beta]}).status == 204
    assert wire("GET", f"{one}/organizations").json()["total_count"] == 2
    assert wire("DELETE", f"{one}/organizations/{beta}").status == 204
    assert wire("PUT", f"{one}/organizations/{beta}").status == 204
    assert wire("GET", f"{one}/runners").status == 200
    assert wire("GET", one).status == 200
    assert wire("DELETE", one).status == 204


@every_server
def test_organization_runner_groups_follow_the_schema(wire: Wire) -> None:
    token = wire.acme.installation_token()
    groups = "/orgs/alpha/actions/runner-groups"
    repository = wire.acme.twin.world.repositories["alpha/web"].id
    content = {"name": "new", "visibility": "selected", "selected_repository_ids": [repository]}
    one = f"{groups}/{wire('POST', groups, content, token=token).json()['id']}"
    assert wire("GET", groups, token=token).json()["total_count"] == 2
    assert wire("GET", f"{one}/repositories", token=token).json()["total_count"] == 1
    assert wire("DELETE", f"{one}/repositories/{repository}", token=token).status == 204
    assert wire("DELETE", one, token=token).status == 204


@every_server
def test_an_apps_installations_and_tokens_follow_the_schema(wire: Wire) -> None:
    acme = wire.acme
    # Not GET /app/installations: its published schema wants an account to be user and enterprise at once.
    for path in ("/orgs/alpha/installation", "/repos/alpha/web/installation"):
        assert wire("GET", path, token=acme.app_jwt()).status == 200
    path = f"/app/installations/{acme.installation.id}"
    assert wire("GET", path, token=acme.app_jwt()).status == 200
    wanted = {"permissions": {"organization_self_hosted_runners": "write"}}
    assert wire("POST", f"{path}/access_tokens", wanted, token=acme.app_jwt()).status == 201
    assert wire("POST", f"{path}/access_tokens", token=acme.app_jwt()).status == 201
    assert wire("POST", f"{path}/access_tokens", token=acme.pat).status == 401
    assert wire("GET", "/orgs/beta/installation", token=acme.app_jwt()).status == 404


@every_server
def test_an_app_hooks_deliveries_follow_the_schema(wire: Wire) -> None:
    acme = wire.acme
    acme.twin.add_hook("integration", acme.app.id, "https://slipway.test/webhook", "s3cret")
    acme.twin.deliveries.faults.failed = 1.0
    acme.job()
    acme.job()
    acme.clock.advance(5)
    jwt = acme.app_jwt()
    listed = wire("GET", "/app/hook/deliveries", token=jwt, query={"per_page": "1", "status": "failure"})
    (item,) = listed.json()
    assert 'rel="next"' in listed.headers["link"]
    assert wire("GET", f"/app/hook/deliveries/{item['id']}", token=jwt).json()["guid"] == item["guid"]
    assert wire("POST", f"/app/hook/deliveries/{item['id']}/attempts", token=jwt).status == 202
    assert wire("GET", "/app/hook/deliveries", token=jwt, query={"cursor": "nonsense"}).status == 400
    assert wire("GET", "/app/hook/deliveries", token=jwt, query={"status": "maybe"}).status == 422


@every_server
@pytest.mark.parametrize("moment", ["fresh", "queued", "in_progress", "completed", "cancelled"])
def test_the_status_of_a_job_follows_the_schema(wire: Wire, moment: str) -> None:
    acme = wire.acme
    acme.twin.world.lags.job_status = 30.0 if moment == "fresh" else 0.0
    job = acme.job(duration_seconds=30)
    if moment == "cancelled":
        acme.twin.jobs.cancel(job.id)
    if moment in ("in_progress", "completed"):
        acme.listener()
        acme.clock.advance(1 if moment == "in_progress" else 60)
    reply = wire("GET", f"/repos/alpha/web/actions/jobs/{job.id}", token=acme.installation_token())
    assert reply.json()["status"] == {"fresh": "pending", "cancelled": "completed"}.get(moment, moment)


@every_server
def test_the_jobs_of_a_run_and_running_them_again_follow_the_schema(wire: Wire) -> None:
    acme = wire.acme
    acme.installation.permissions["actions"] = "write"
    token, repository = acme.installation_token(), "/repos/alpha/web/actions"
    first = acme.job(duration_seconds=5, conclusion="failure")
    other = acme.job(duration_seconds=5, run_id=first.run_id)
    run = f"{repository}/runs/{first.run_id}"
    assert wire("POST", f"{repository}/jobs/{first.id}/rerun", token=token).status == 403
    acme.listener("one")
    acme.listener("two")
    acme.clock.advance(30)
    query = {"filter": "latest", "per_page": "1", "page": "1"}
    assert wire("GET", f"{run}/jobs", token=token, query=query).json()["total_count"] == 2
    assert wire("POST", f"{repository}/jobs/{first.id}/rerun", token=token).status == 201
    assert wire("POST", f"{repository}/jobs/{other.id}/rerun", token=token).status == 403
    assert wire("POST", f"{run}/rerun-failed-jobs", token=token).status == 403
    acme.listener("three")
    acme.clock.advance(30)
    assert wire("POST", f"{run}/rerun-failed-jobs", token=token).status == 201
    assert wire("GET", f"{run}/jobs", token=token, query={"filter": "all"}).json()["total_count"] == 6


@every_server
def test_an_organization_hooks_deliveries_follow_the_schema(wire: Wire) -> None:
    """[GH-ORG-HOOK-DELIVERIES]"""
    acme = wire.acme
    hook = acme.twin.add_hook("organization", acme.alpha.id, "https://slipway.test/webhook", "s3cret")
    acme.installation.permissions["organization_hooks"] = "write"
    acme.twin.deliveries.faults.failed = 1.0
    acme.job()
    acme.job()
    acme.clock.advance(5)
    token, base = acme.installation_token(), f"/orgs/alpha/hooks/{hook.id}/deliveries"
    listed = wire("GET", base, token=token, query={"per_page": "1", "status": "failure"})
    (item,) = listed.json()
    assert 'rel="next"' in listed.headers["link"]
    assert wire("GET", f"{base}/{item['id']}", token=token).json()["guid"] == item["guid"]
    assert wire("POST", f"{base}/{item['id']}/attempts", token=token).status == 202
    assert wire("GET", base, token=token, query={"cursor": "nonsense"}).status == 400
    assert wire("GET", f"/orgs/alpha/hooks/{hook.id + 1}/deliveries", token=token).status == 404


@every_server
def test_the_repositories_of_an_installation_follow_the_schema(wire: Wire) -> None:
    """[GH-INSTALLATION-REPOSITORIES]"""
    wire.acme.job("alpha/web")
    reply = wire("GET", "/installation/repositories", token=wire.acme.installation_token()).json()
    assert [item["full_name"] for item in reply["repositories"]] == ["alpha/web", "alpha/site"]
    assert reply["total_count"] == 2
    assert wire("GET", "/installation/repositories", token=wire.acme.app_jwt()).status == 403


@every_server
@pytest.mark.parametrize("moment", ["queued", "in_progress", "completed"])
def test_runs_by_status_and_their_jobs_follow_the_schema(wire: Wire, moment: str) -> None:
    """[GH-RUNS] [GH-RUN-JOBS]"""
    acme = wire.acme
    job = acme.job(duration_seconds=30)
    if moment != "queued":
        acme.listener()
        acme.clock.advance(1 if moment == "in_progress" else 60)
    token, query = acme.installation_token(), {"per_page": "100", "exclude_pull_requests": "true"}
    runs = "/repos/alpha/web/actions/runs"
    found = {
        status: wire("GET", runs, token=token, query=query | {"status": status}).json()["workflow_runs"]
        for status in ("queued", "in_progress", "completed")
    }
    assert {status: [run["id"] for run in listed] for status, listed in found.items() if listed} == {
        moment: [job.run_id]
    }
    jobs = wire("GET", f"{runs}/{job.run_id}/jobs", token=token, query={"filter": "latest"}).json()["jobs"]
    assert [(item["id"], item["status"]) for item in jobs] == [(job.id, moment)]
    assert wire("GET", f"{runs}/{job.run_id + 1}/jobs", token=token).status == 404


def test_the_limits_follow_the_schema_also_when_they_refuse(wire: Wire) -> None:
    assert wire("GET", "/rate_limit").status == 200
    wire.acme.twin.limits.settings.limits["token"] = 0
    assert wire("GET", f"{E}/runners").status == 403


def test_runner_deprecations_follow_the_schema(wire: Wire) -> None:
    """[GH-RUNNER-DEPRECATIONS]"""
    assert wire("GET", f"{E}/runners/deprecations/2.336.0").json()["runner_version"] == "2.336.0"


@every_server
def test_a_token_s_owner_scopes_and_end_follow_the_schema(wire: Wire) -> None:
    """[GH-TOKEN-OWNER] [GH-TOKEN-HEADERS]"""
    scopes = ("repo", "manage_runners:enterprise")
    token = wire.acme.twin.add_personal_token("bot-2", scopes, wire.acme.clock.now() + 86_400)
    reply = wire("GET", "/user", token=token)
    assert reply.json()["login"] == "bot-2"
    assert reply.headers["x-oauth-scopes"] == "manage_runners:enterprise, repo"
    assert reply.headers["github-authentication-token-expiration"] == "2026-09-22 14:13:20 UTC"
    assert wire("GET", "/user", token=wire.acme.installation_token()).status == 403
    wire.acme.clock.advance(86_400)
    assert wire("GET", "/user", token=token).status == 401


def refusals(acme: Acme) -> Iterator[tuple[str, str | None]]:
    yield f"{E}/runners", None
    yield f"{E}/runners", "ghp_unknown"
    yield f"{E}/runners", acme.installation_token()
    yield f"{E}/runners", acme.twin.add_personal_token("weak", [])
    yield "/orgs/beta/actions/runners", acme.installation_token()


def test_every_refusal_is_a_basic_error(wire: Wire) -> None:
    statuses = []
    for path, token in refusals(wire.acme):
        reply = wire.acme.call("GET", path, token=token)
        validate(wire.published.document, {"$ref": "#/components/schemas/basic-error"}, reply.json())
        statuses.append(reply.status)
    assert statuses == [401, 401, 403, 404, 403]


def enterprise_runner_calls(document: dict[str, Any]) -> dict[str, bool]:
    """Whether Apps may make each call about an enterprise's runners and groups."""
    return {
        f"{method} {path}": operation["x-github"]["enabledForGitHubApps"]
        for path, item in document["paths"].items()
        if path.startswith("/enterprises/{enterprise}/actions/runner")
        for method, operation in item.items()
    }


@SERVERS
def test_no_app_may_manage_enterprise_runners_yet(server: str) -> None:
    """The day this fails, App credentials for the enterprise became possible: see GH-ENT-PAT."""
    calls = enterprise_runner_calls(spec.rest(server))
    assert len(calls) >= 25
    assert not any(calls.values())
    permissions = spec.rest(server)["components"]["schemas"]["app-permissions"]["properties"]
    assert "organization_self_hosted_runners" in permissions
    assert [name for name in permissions if "enterprise" in name and "runner" in name] == []


def test_the_day_on_which_an_app_may_is_noticed() -> None:
    document = copy.deepcopy(spec.rest("ghec"))
    call = document["paths"]["/enterprises/{enterprise}/actions/runners/generate-jitconfig"]["post"]
    call["x-github"]["enabledForGitHubApps"] = True
    assert any(enterprise_runner_calls(document).values())


@SERVERS
def test_the_same_calls_are_open_to_apps_for_organizations_and_repositories(server: str) -> None:
    paths = spec.rest(server)["paths"]
    for base in ("/orgs/{org}", "/repos/{owner}/{repo}"):
        operation = paths[f"{base}/actions/runners/generate-jitconfig"]["post"]
        assert operation["x-github"]["enabledForGitHubApps"] is True


@SERVERS
def test_a_jit_request_has_no_field_for_ephemeral_or_updates(server: str) -> None:
    """[GH-JIT-SCHEMA]"""
    operation = spec.rest(server)["paths"]["/enterprises/{enterprise}/actions/runners/generate-jitconfig"][
        "post"
    ]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert set(schema["properties"]) == {"name", "runner_group_id", "labels", "work_folder"}


def test_the_extracts_are_small_and_name_their_source_and_licence() -> None:
    files = sorted(spec.FOLDER.glob("*.json"))
    assert sum(path.stat().st_size for path in files) < 600_000
    notice = (spec.FOLDER / "NOTICE.md").read_text("utf-8")
    for path in files:
        content = json.loads(path.read_text("utf-8"))
        package, _, version = content["source"].split(" ")[0].rpartition("@")
        assert f"`{package}` {version}" in notice
        assert content["licence"].startswith("MIT")
