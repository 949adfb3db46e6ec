"""What an operator must mend at GitHub: jobs wait with that reason, and go on by themselves when it is mended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import httpx
import pytest

from local.twin.github.model import Organization
from slipway.domain.configuration import Registration
from slipway.domain.notices import NoticeCode
from slipway.domain.reasons import Reason, Why
from slipway.services.list_registrations import LIST_EVERY_SECONDS
from slipway.services.watch_tokens import CODES as TOKEN_CODES
from tests.integration.loop.scenes import GENERATE, all_answers
from tests.support.loop import APP_ARN, TOKEN_ARN, Acme, a_configuration, acme


@dataclass(frozen=True, slots=True)
class Fault:
    """Something to mend, and the words that say so."""

    breaks: Callable[[Acme], object]
    mends: Callable[[Acme], object]
    words: str
    registration: Registration = Registration.ENTERPRISE
    runner_group: str | None = None


def revoke(deployment: Acme) -> None:
    deployment.github.credentials.revoke(deployment.loop.held.values[TOKEN_ARN])


def new_token(deployment: Acme) -> None:
    deployment.loop.held.values[TOKEN_ARN] = deployment.github.add_personal_token()


def weak_token(deployment: Acme) -> None:
    deployment.loop.held.values[TOKEN_ARN] = deployment.github.add_personal_token("someone", ["repo"])


def rename(slug: str) -> Callable[[Acme], None]:
    def change(deployment: Acme) -> None:
        deployment.github.world.enterprise = Organization(1, slug)

    return change


def admit(is_admitted: bool) -> Callable[[Acme], None]:
    def change(deployment: Acme) -> None:
        deployment.github.api.admits_address = is_admitted

    return change


def make_group(deployment: Acme) -> None:
    deployment.github.add_enterprise_group("shared", deployment.github.world.organizations.values())


def distrust(deployment: Acme) -> None:
    def refuse() -> None:
        raise httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] unable to get local issuer certificate")

    deployment.loop.around.before_github = refuse


def trust(deployment: Acme) -> None:
    deployment.loop.around.before_github = lambda: None


def spoil_key(deployment: Acme) -> None:
    values = deployment.loop.held.values
    values["kept"], values[APP_ARN] = values[APP_ARN], "not JSON"


def mend_key(deployment: Acme) -> None:
    deployment.loop.held.values[APP_ARN] = deployment.loop.held.values["kept"]


def permit(is_permitted: bool) -> Callable[[Acme], None]:
    def change(deployment: Acme) -> None:
        for installation in deployment.github.credentials.installations.values():
            level = "write" if is_permitted else "read"
            installation.permissions["organization_self_hosted_runners"] = level

    return change


FAULTS = {
    "a revoked token": Fault(revoke, new_token, "put a new one into its secret"),
    "a token without the scope": Fault(weak_token, new_token, "no scope manage_runners:enterprise"),
    "a wrong slug": Fault(rename("acme-corp"), rename("acme"), "check github.enterprise"),
    "a group that does not exist": Fault(lambda _: None, make_group, "create it", runner_group="shared"),
    "an IP allow list": Fault(admit(False), admit(True), "NAT gateways"),
    "a server of an unknown CA": Fault(distrust, trust, "github.ca_bundle"),
    "an App secret that is none": Fault(spoil_key, mend_key, APP_ARN, Registration.ORGANIZATION),
    "an App without the permission": Fault(
        permit(False), permit(True), "manage self-hosted runners", Registration.ORGANIZATION
    ),
}


def reasons(deployment: Acme) -> list[Reason]:
    done = deployment.loop.scale.converge("general", "test", has_time=lambda: True)
    return list(done.plans[-1].reasons.values())


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_jobs_wait_with_what_is_to_be_mended_and_go_on_by_themselves(fault: Fault) -> None:
    deployment = acme(a_configuration(fault.registration, runner_group=fault.runner_group))
    fault.breaks(deployment)
    jobs = [deployment.queue(seconds=5.0) for _ in range(4)]
    deployment.clock.advance(240.0)
    told = reasons(deployment)
    assert [reason.code for reason in told] == [Why.GITHUB_REFUSED] * 4
    assert all(fault.words in str(reason.parameters["why"]) for reason in told)
    secrets = deployment.loop.held.values.values()
    assert not any(secret in f"{told}{all_answers(deployment)}" for secret in secrets)
    fault.mends(deployment)
    assert deployment.until_completed(*jobs, limit_seconds=300.0)
    assert deployment.until_clean()


def test_while_github_refuses_one_job_goes_on_trying_and_one_container_waits_for_it() -> None:
    deployment = acme()
    revoke(deployment)
    for _ in range(20):
        deployment.queue(seconds=5.0)
    deployment.clock.advance(300.0)
    before = sum(deployment.github.calls.values())
    deployment.clock.advance(600.0)
    assert len(deployment.loop.aws.ecs.live_tasks()) == 1
    asked = sum(deployment.github.calls.values()) - before
    assert asked <= 600 / 30 + 600 / 60  # the one job tries, and redelivery looks


def test_what_github_refuses_to_one_organization_holds_up_no_other() -> None:
    deployment = acme(a_configuration(Registration.ORGANIZATION))
    stranger = deployment.github.world.organizations["alpha"]
    installations = deployment.github.credentials.installations
    for number in [n for n, i in installations.items() if i.account == stranger]:
        installations[number].permissions.pop("organization_self_hosted_runners")
    refused = [deployment.queue("alpha/web", seconds=5.0) for _ in range(3)]
    served = [deployment.queue(f"{login}/web", seconds=5.0) for login in ("beta", "gamma")]
    assert deployment.until_completed(*served, limit_seconds=240.0)
    assert {job.status for job in refused} == {"queued"}


def test_one_refusal_that_cures_itself_holds_up_nobody_for_long() -> None:
    deployment = acme()
    deployment.github.faults.next("POST", GENERATE, 403)
    jobs = [deployment.queue(seconds=5.0) for _ in range(6)]
    assert deployment.until_completed(*jobs, limit_seconds=240.0)


def told(deployment: Acme) -> list[tuple[NoticeCode, str]]:
    """What the reaper told of tokens since it was last asked here."""
    found = [(n.code, n.id) for reaped in deployment.loop.reaped for n in reaped.notices]
    deployment.loop.reaped.clear()
    return [(code, name) for code, name in found if code in TOKEN_CODES]


def test_a_token_that_is_refused_or_expires_soon_is_told_within_a_minute() -> None:
    """[GH-TOKEN-HEADERS]"""
    deployment = acme()
    deployment.clock.advance(61.0)
    assert told(deployment) == []
    end = deployment.clock.now() + 10 * 86_400.0
    deployment.loop.held.values[TOKEN_ARN] = deployment.github.add_personal_token(expires_at=end)
    deployment.clock.advance(61.0)
    assert told(deployment) == [(NoticeCode.TOKEN_EXPIRES_SOON, TOKEN_ARN)]
    revoke(deployment)
    deployment.queue(seconds=5.0)
    deployment.clock.advance(120.0)
    assert told(deployment) == [(NoticeCode.TOKEN_REFUSED, TOKEN_ARN)]
    new_token(deployment)
    deployment.clock.advance(61.0)
    assert told(deployment) == []
    revoke(deployment)
    deployment.queue(seconds=5.0)
    deployment.clock.advance(120.0)
    assert told(deployment) == [(NoticeCode.TOKEN_REFUSED, TOKEN_ARN)]


def test_a_refusal_that_only_the_listing_meets_is_told_by_the_same_run() -> None:
    deployment = acme()
    deployment.clock.advance(61.0)
    revoke(deployment)
    deployment.clock.advance(LIST_EVERY_SECONDS + 60.0)
    assert told(deployment) == [(NoticeCode.TOKEN_REFUSED, TOKEN_ARN)]


def test_what_stays_wrong_with_a_token_is_told_once_and_its_end_each_day() -> None:
    deployment = acme()
    end = deployment.clock.now() + 10 * 86_400.0
    deployment.loop.held.values[TOKEN_ARN] = deployment.github.add_personal_token(expires_at=end)
    deployment.clock.advance(36 * 3_600.0)
    assert told(deployment) == [(NoticeCode.TOKEN_EXPIRES_SOON, TOKEN_ARN)] * 2
    weak_token(deployment)
    deployment.clock.advance(36 * 3_600.0)
    assert told(deployment) == [(NoticeCode.TOKEN_SCOPE_MISSING, TOKEN_ARN)]
