"""The REST API as our client meets it: credentials, refusals, pages and limits."""

import re
from typing import Any

import pytest

from local.twin.github.wire import CONNECTION_LOST, Response
from tests.support.github_enterprise import ENTERPRISE, LABELS, Acme

JIT = f"{ENTERPRISE}/runners/generate-jitconfig"


def wanted(acme: Acme, **changed: Any) -> dict[str, Any]:
    return {"name": "runner-1", "runner_group_id": acme.alpha_group.id, "labels": list(LABELS)} | changed


def test_no_token_and_an_unknown_token_are_401(acme: Acme) -> None:
    assert (
        acme.call("GET", f"{ENTERPRISE}/runners", token=None).json()["message"] == "Requires authentication"
    )
    unknown = acme.call("GET", f"{ENTERPRISE}/runners", token="ghp_unknown")
    assert (unknown.status, unknown.json()["message"]) == (401, "Bad credentials")


def test_a_classic_token_without_the_scope_sees_404(acme: Acme) -> None:
    """[GH-ENT-PAT]"""
    weak = acme.twin.add_personal_token("someone", ["repo", "admin:org"])
    assert acme.call("POST", JIT, wanted(acme), token=weak).status == 404


@pytest.mark.parametrize("kind", ["app_jwt", "installation_token"])
def test_app_credentials_never_manage_enterprise_runners(acme: Acme, kind: str) -> None:
    """[GH-ENT-PAT]"""
    reply = acme.call("POST", JIT, wanted(acme), token=getattr(acme, kind)())
    assert (reply.status, reply.json()["message"]) == (403, "Resource not accessible by integration")


def test_an_installation_token_manages_the_runners_of_its_own_organization_only(acme: Acme) -> None:
    token = acme.installation_token()
    content = wanted(acme, runner_group_id=1)
    assert (
        acme.call("POST", "/orgs/alpha/actions/runners/generate-jitconfig", content, token=token).status
        == 201
    )
    assert (
        acme.call("POST", "/orgs/beta/actions/runners/generate-jitconfig", content, token=token).status == 403
    )


def test_an_installation_token_needs_the_runner_permission(acme: Acme) -> None:
    path = f"/app/installations/{acme.installation.id}/access_tokens"
    weak = acme.call("POST", path, {"permissions": {"actions": "read"}}, token=acme.app_jwt()).json()["token"]
    assert acme.call("GET", "/orgs/alpha/actions/runners", token=weak).status == 403


def test_an_installation_token_cannot_ask_for_more_than_was_granted(acme: Acme) -> None:
    path = f"/app/installations/{acme.installation.id}/access_tokens"
    assert acme.call("POST", path, {"permissions": {"actions": "write"}}, token=acme.app_jwt()).status == 422


def test_an_installation_token_expires_after_an_hour(acme: Acme) -> None:
    """[GH-APP-TOKEN]"""
    token = acme.installation_token()
    acme.clock.advance(3_599)
    assert acme.call("GET", "/orgs/alpha/actions/runners", token=token).status == 200
    acme.clock.advance(1)
    assert acme.call("GET", "/orgs/alpha/actions/runners", token=token).status == 401


@pytest.mark.parametrize(
    ("changed", "accepted"),
    [
        ({}, True),
        ({"iat": 40}, True),
        ({"iat": 300}, False),
        ({"exp": -1}, False),
        ({"exp": 3_600}, False),
        ({"iss": "Iv-somebody-else"}, False),
    ],
    ids=["good", "clock a little ahead", "issued in the future", "expired", "lives too long", "another app"],
)
def test_an_app_jwt_is_checked_on_the_twins_clock(
    acme: Acme, changed: dict[str, Any], accepted: bool
) -> None:
    """[GH-APP-JWT]"""
    now = int(acme.clock.now())
    claims = {name: now + value if isinstance(value, int) else value for name, value in changed.items()}
    reply = acme.call("GET", "/orgs/alpha/installation", token=acme.app_jwt(**claims))
    assert reply.status == (200 if accepted else 401)


def test_an_app_jwt_with_another_signature_is_401(acme: Acme) -> None:
    head, body, signature = acme.app_jwt().split(".")
    forged = f"{head}.{body}.{signature[::-1]}"
    assert acme.call("GET", "/orgs/alpha/installation", token=forged).status == 401


def test_installations_are_found_for_an_organization_and_for_its_repositories(acme: Acme) -> None:
    for path in ("/orgs/alpha/installation", "/repos/alpha/web/installation"):
        assert acme.call("GET", path, token=acme.app_jwt()).json()["id"] == acme.installation.id
    assert acme.call("GET", "/orgs/beta/installation", token=acme.app_jwt()).status == 404


def test_a_suspended_app_reaches_nothing_and_its_installation_says_since_when(acme: Acme) -> None:
    """[GH-APP-SUSPENDED]"""
    token, path = acme.installation_token(), f"/app/installations/{acme.installation.id}"
    assert acme.call("GET", path, token=acme.app_jwt()).json()["suspended_at"] is None
    acme.twin.suspend(acme.installation)
    assert acme.call("GET", path, token=acme.app_jwt()).json()["suspended_at"] == "2026-09-21T14:13:20Z"
    assert acme.call("GET", "/orgs/alpha/actions/runners", token=token).status == 403
    assert acme.call("POST", f"{path}/access_tokens", token=acme.app_jwt()).status == 403


def test_a_name_that_is_registered_is_409_in_any_case(acme: Acme) -> None:
    """[GH-JIT-409]"""
    acme.mint("runner-1")
    reply = acme.call("POST", JIT, wanted(acme, name="Runner-1"))
    assert reply.status == 409
    assert reply.json()["message"].startswith("Already exists")


@pytest.mark.parametrize("status", [503, CONNECTION_LOST], ids=["503", "connection lost"])
def test_a_lost_201_leaves_a_runner_whose_name_is_then_taken(acme: Acme, status: int) -> None:
    """[GH-JIT-409]"""
    acme.twin.faults.next("POST", "generate-jitconfig$", status, after_success=True)
    assert acme.call("POST", JIT, wanted(acme)).status == status
    assert acme.call("POST", JIT, wanted(acme)).status == 409
    found = acme.call("GET", f"{ENTERPRISE}/runners", query={"name": "runner-1"}).json()
    assert (found["total_count"], found["runners"][0]["status"]) == (1, "offline")


def test_a_fault_before_the_work_registers_nothing_and_is_used_up(acme: Acme) -> None:
    """[GH-JIT-503]"""
    acme.twin.faults.next("POST", "generate-jitconfig$", 503, times=2)
    assert [acme.call("POST", JIT, wanted(acme)).status for _ in range(3)] == [503, 503, 201]


@pytest.mark.parametrize(
    "changed",
    [{"labels": []}, {"labels": ["x"] * 101}, {"labels": "x"}, {"name": 5}, {"runner_group_id": "1"}],
    ids=["no label", "101 labels", "labels no list", "name no text", "group no number"],
)
def test_what_the_schema_forbids_is_422_and_says_which_field(acme: Acme, changed: dict[str, Any]) -> None:
    """[GH-JIT-SCHEMA]"""
    reply = acme.call("POST", JIT, wanted(acme, **changed))
    assert reply.status == 422
    assert next(iter(changed)) in reply.json()["message"]


def test_what_is_no_json_is_400(acme: Acme) -> None:
    reply = acme.twin.handle("POST", JIT, {}, {"Authorization": f"Bearer {acme.pat}"}, b"{")
    assert isinstance(reply, Response)
    assert reply.status == 400


def test_an_unknown_enterprise_group_or_path_is_404(acme: Acme) -> None:
    assert (
        acme.call("POST", "/enterprises/other/actions/runners/generate-jitconfig", wanted(acme)).status == 404
    )
    assert acme.call("POST", JIT, wanted(acme, runner_group_id=999_999)).status == 404
    assert acme.call("GET", "/nothing/here").status == 404


def test_a_full_group_is_422(acme: Acme) -> None:
    """[GH-GROUP-10000]"""
    acme.twin.registry.group_limit = 2
    acme.mint("one")
    acme.mint("two")
    reply = acme.call("POST", JIT, wanted(acme, name="three"))
    assert reply.status == 422
    assert "reached max limit of 2 runners" in reply.json()["message"]


def test_delete_is_204_for_an_idle_runner_422_for_a_busy_and_404_for_a_gone_one(acme: Acme) -> None:
    """[GH-DELETE-422]"""
    acme.job(duration_seconds=60)
    acme.listener("busy")
    acme.mint("idle")
    acme.clock.advance(1)
    ids = {r["name"]: r["id"] for r in acme.call("GET", f"{ENTERPRISE}/runners").json()["runners"]}
    assert acme.call("DELETE", f"{ENTERPRISE}/runners/{ids['busy']}").status == 422
    assert acme.call("DELETE", f"{ENTERPRISE}/runners/{ids['idle']}").status == 204
    assert acme.call("DELETE", f"{ENTERPRISE}/runners/{ids['idle']}").status == 404


def test_pages_hold_at_most_100_and_link_to_the_next(acme: Acme) -> None:
    """[GH-PAGE-MAX]"""
    for number in range(150):
        acme.mint(f"runner-{number}")
    first = acme.call("GET", f"{ENTERPRISE}/runners", query={"per_page": "200"})
    assert (len(first.json()["runners"]), first.json()["total_count"]) == (100, 150)
    link = re.search(r'<https://github\.test(/[^?]+)\?([^>]+)>; rel="next"', first.headers["link"])
    assert link is not None
    second = acme.call("GET", link[1], query=dict(pair.split("=") for pair in link[2].split("&")))
    assert len(second.json()["runners"]) == 50
    assert 'rel="next"' not in second.headers["link"]


def test_runners_of_another_scope_are_not_listed(acme: Acme) -> None:
    acme.mint()
    token = acme.twin.add_personal_token("owner", ["admin:org"])
    assert acme.call("GET", "/orgs/alpha/actions/runners", token=token).json()["total_count"] == 0


def test_more_than_180_posts_a_minute_meet_the_secondary_limit_with_retry_after(acme: Acme) -> None:
    """[GH-LIMIT-SECONDARY]"""
    statuses = [acme.call("POST", JIT, wanted(acme, name=f"r{n}")).status for n in range(181)]
    assert statuses == [201] * 180 + [403]
    refused = acme.call("POST", JIT, wanted(acme, name="again"))
    assert refused.headers["retry-after"] == "60"
    acme.clock.advance(61)
    assert acme.call("POST", JIT, wanted(acme, name="again")).status == 201


def test_each_credential_has_its_own_secondary_limit(acme: Acme) -> None:
    for number in range(180):
        acme.mint(f"r{number}")
    other = acme.twin.add_personal_token("second-bot")
    assert acme.call("POST", JIT, wanted(acme, name="more"), token=other).status == 201


def test_the_primary_limit_is_counted_per_user_and_resource_and_shown_in_headers(acme: Acme) -> None:
    """[GH-LIMIT-PRIMARY] [GH-JIT-BUCKET]"""
    settings = acme.twin.limits.settings
    settings.limits["token"], settings.jit_resource = 3, "actions_runner_registration"
    same_user = acme.twin.add_personal_token()
    tokens = (acme.pat, same_user, acme.pat, same_user)
    replies = [acme.call("GET", f"{ENTERPRISE}/runners", token=token) for token in tokens]
    assert [reply.status for reply in replies] == [200, 200, 200, 403]
    assert [reply.headers["x-ratelimit-remaining"] for reply in replies] == ["2", "1", "0", "0"]
    minted = acme.call("POST", JIT, wanted(acme))
    assert (minted.status, minted.headers["x-ratelimit-resource"]) == (201, "actions_runner_registration")
    acme.clock.advance(3_601)
    assert acme.call("GET", f"{ENTERPRISE}/runners").status == 200


def test_asking_for_the_limits_costs_nothing(acme: Acme) -> None:
    """[GH-LIMIT-STATUS]"""
    used = [acme.call("GET", "/rate_limit").json()["rate"]["used"] for _ in range(3)]
    assert used == [0, 0, 0]


def test_registrations_are_capped_per_five_minutes_and_scope(acme: Acme) -> None:
    """[GH-REGISTRATION-1500]"""
    acme.twin.registry.registrations_per_window = 3
    replies = [acme.call("POST", JIT, wanted(acme, name=f"r{n}")) for n in range(4)]
    assert replies[-1].headers["retry-after"] == "300"
    acme.clock.advance(300)
    statuses = [reply.status for reply in replies]
    assert [*statuses, acme.call("POST", JIT, wanted(acme, name="r9")).status] == [201, 201, 201, 403, 201]


def test_calls_are_counted_by_template_and_by_credential(acme: Acme) -> None:
    acme.mint("one")
    acme.mint("two")
    name = "POST /enterprises/{enterprise}/actions/runners/generate-jitconfig"
    assert acme.twin.calls[name] == 2
    assert acme.twin.calls_by_credential["user:runner-bot", name] == 2


def test_an_enterprise_server_answers_below_api_v3_and_has_no_limits_by_default() -> None:
    acme = Acme(server="ghes-3.19")
    assert acme.call("POST", f"/api/v3{JIT}", wanted(acme)).status == 201
    assert acme.call("GET", "/api/v3/rate_limit").status == 404
    listed = acme.call("GET", f"/api/v3{ENTERPRISE}/runners")
    assert not [name for name in listed.headers if name.startswith("x-ratelimit")]
    assert acme.call("GET", f"/api/v3{ENTERPRISE}/runners/deprecations/2.336.0").status == 404


def test_runner_groups_are_created_listed_and_given_to_organizations(acme: Acme) -> None:
    """[GH-GROUP-LIST] [GH-GROUP-VISIBILITY]"""
    groups = f"{ENTERPRISE}/runner-groups"
    content = {"name": "new", "visibility": "selected", "selected_organization_ids": [acme.alpha.id]}
    made = acme.call("POST", groups, content).json()
    assert acme.call("PUT", f"{groups}/{made['id']}/organizations/{acme.beta.id}").status == 204
    members = acme.call("GET", f"{groups}/{made['id']}/organizations").json()["organizations"]
    assert {member["login"] for member in members} == {"alpha", "beta"}
    acme.call("DELETE", f"{groups}/{made['id']}/organizations/{acme.alpha.id}")
    visible = acme.call("GET", groups, query={"visible_to_organization": "alpha"}).json()["runner_groups"]
    assert [group["name"] for group in visible] == ["Default", "slipway-alpha"]


def test_a_group_name_is_unique_and_a_group_with_runners_stays(acme: Acme) -> None:
    groups = f"{ENTERPRISE}/runner-groups"
    assert acme.call("POST", groups, {"name": "Slipway-Alpha"}).status == 409
    acme.mint()
    assert acme.call("DELETE", f"{groups}/{acme.alpha_group.id}").status == 422
    assert acme.call("DELETE", f"{groups}/{acme.beta_group.id}").status == 204


def test_the_status_of_a_fresh_job_lags(acme: Acme) -> None:
    """[GH-WJ-12]"""
    acme.twin.world.lags.job_status = 30
    job = acme.job()
    path, token = f"/repos/alpha/web/actions/jobs/{job.id}", acme.installation_token()
    seen = [acme.call("GET", path, token=token).json()["status"]]
    acme.clock.advance(30)
    acme.listener()
    acme.clock.advance(1)
    seen.append(acme.call("GET", path, token=token).json()["status"])
    acme.clock.advance(30)
    seen.append(acme.call("GET", path, token=token).json()["status"])
    assert seen == ["pending", "queued", "in_progress"]


def test_a_deprecated_runner_version_says_when(acme: Acme) -> None:
    """[GH-RUNNER-DEPRECATIONS]"""
    acme.twin.runner_calls.deprecations["2.300.0"] = {"runtime_deprecates_at": "2026-12-01T00:00:00Z"}
    path = f"{ENTERPRISE}/runners/deprecations"
    assert acme.call("GET", f"{path}/2.300.0").json()["runtime_deprecates_at"] == "2026-12-01T00:00:00Z"
    assert acme.call("GET", f"{path}/2.336.0").json()["runtime_deprecates_at"] is None


@pytest.mark.parametrize(
    ("server", "version", "status"),
    [
        ("ghec", "2026-03-10", 200),
        ("ghes-3.19", "2022-11-28", 200),
        ("ghes-3.19", "2026-03-10", 400),
        ("ghec", "2020-01-01", 400),
    ],
)
def test_an_unknown_api_version_is_400(server: str, version: str, status: int) -> None:
    """[GH-API-VERSION]"""
    acme = Acme(server=server)
    headers = {"Authorization": f"Bearer {acme.pat}", "X-GitHub-Api-Version": version}
    reply = acme.twin.handle("GET", f"{ENTERPRISE}/runners", {}, headers, b"")
    assert isinstance(reply, Response)
    assert reply.status == status
