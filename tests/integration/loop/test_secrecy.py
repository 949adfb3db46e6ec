"""No credential where it does not belong, no forged word that moves another organization's work."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from local.twin.clock import aware
from slipway.domain.configuration import Registration, WebhookSecret
from slipway.domain.runners import RunnerState
from tests.builders import name_of
from tests.integration.loop.scenes import (
    all_answers,
    bodies,
    calls,
    container_of,
    deliver,
    recorded,
    when,
)
from tests.support.loop import Acme, a_configuration, acme

QUEUES = ("jobs", "events", "dead-letters")
BETA_SECRET = "secret-of-beta"


def everything_written(deployment: Acme) -> str:
    """All that our functions sent to AWS or left there, and all that they logged or raised.

    But for the store of installation tokens, which is encrypted.
    """
    sqs = deployment.loop.aws.sqs
    calls = deployment.loop.aws.calls_log
    kept = {
        "calls": [[c.service, c.operation, c.parameters] for c in calls if c.service != "ssm"],
        "items": deployment.items(),
        "queues": {queue: sqs.bodies(queue) for queue in QUEUES},
        "errors": [repr(fault) for fault in deployment.loop.errors],
        "faults": [answer.fault for answer in all_answers(deployment)],
        "reprs": [repr(answer) for answer in all_answers(deployment)],
    }
    return json.dumps(kept, default=repr)


def installation_tokens(deployment: Acme) -> list[str]:
    return list(deployment.github.credentials._installation_tokens)


@pytest.mark.parametrize("registration", list(Registration))
def test_canary_secrets_absent_everywhere(registration: Registration) -> None:
    deployment = acme(a_configuration(registration))
    faults = deployment.github.faults
    faults.next("POST", "generate-jitconfig", 500)
    faults.next("POST", "generate-jitconfig", 0, after_success=True)
    faults.next("POST", "generate-jitconfig", 403)
    deployment.loop.aws.sqs.send_message(
        QueueUrl="https://sqs.ap-northeast-1.amazonaws.com/123456789012/events", MessageBody="poison"
    )
    jobs = [deployment.queue(f"{login}/web", seconds=10.0) for login in ("alpha", "beta", "gamma")]
    written = ""
    for _ in range(12):
        deployment.clock.advance(15.0)
        written += everything_written(deployment)
    assert deployment.until_completed(*jobs)
    written += everything_written(deployment)
    configs = [str(a.body["jit_config"]) for a in all_answers(deployment) if a.status == 200]
    assert len(configs) == 3
    canaries = {**deployment.canaries, **{f"jit {n}": text for n, text in enumerate(configs)}}
    canaries |= {f"token {n}": text for n, text in enumerate(installation_tokens(deployment))}
    assert [name for name, secret in canaries.items() if secret in written] == []
    stored = [call.parameters for call in deployment.loop.aws.calls_log if call.operation == "PutParameter"]
    assert {parameters["Type"] for parameters in stored} <= {"SecureString"}
    assert deployment.until_clean()


def test_run_task_carries_no_override_but_the_size() -> None:
    deployment = acme()
    jobs = [deployment.queue(), deployment.queue(labels=["slipway/medium/cpu=4/memory=14GiB"])]
    assert deployment.until_completed(*jobs)
    for call in calls(deployment, "RunTask"):
        assert set(call.get("overrides", {})) <= {"cpu", "memory"}
    assert {
        c.task.environment.get("SLIPWAY_JIT_CONFIG") for c in deployment.loop.containers.by_task.values()
    } == {None}


def two_tenants() -> Acme:
    """A deployment whose second secret may speak for beta alone; its holder is beta's administrator."""
    target = a_configuration().github
    secrets = (*target.webhook_secrets, WebhookSecret("arn:beta", ("beta",)))
    deployment = acme(a_configuration(webhook_secrets=secrets))
    deployment.loop.held.values["arn:beta"] = BETA_SECRET
    return deployment


def as_beta(payload: dict[str, Any], *, repository: str = "beta/web") -> dict[str, Any]:
    """The payload as beta's administrator can forge it: signed for beta, everything else of alpha's job."""
    forged = copy.deepcopy(payload)
    forged["repository"]["full_name"] = repository
    return forged


def test_org_secret_cannot_sign_for_other_org() -> None:
    deployment = two_tenants()
    job = deployment.queue("alpha/web", seconds=30.0)
    deployment.clock.advance(5.0)
    genuine = bodies(deployment, "queued", job)[0]
    refused = deliver(deployment, genuine, secret=BETA_SECRET)
    assert (refused.status, refused.reason) == (401, "secret_not_for_organization")
    in_disguise = copy.deepcopy(genuine)
    in_disguise["organization"]["login"] = in_disguise["repository"]["owner"]["login"] = "beta"
    assert deliver(deployment, in_disguise, secret=BETA_SECRET).status == 401


@pytest.mark.parametrize("action", ["in_progress", "completed"])
def test_org_secret_moves_no_waiting_job_of_another_organization(action: str) -> None:
    deployment = two_tenants()
    job = deployment.queue("alpha/web", seconds=30.0)
    deployment.clock.advance(5.0)
    forged = as_beta(bodies(deployment, "queued", job)[0])
    forged["action"] = forged["workflow_job"]["status"] = action
    forged["workflow_job"]["conclusion"] = "cancelled" if action == "completed" else None
    assert deliver(deployment, forged, secret=BETA_SECRET).status == 202
    assert deployment.until_completed(job, limit_seconds=120.0)
    assert deployment.until_clean()


@pytest.mark.parametrize("action", ["in_progress", "completed"])
def test_org_secret_moves_no_runner_of_another_organization(action: str) -> None:
    deployment = two_tenants()
    job = deployment.queue("alpha/web", seconds=400.0)
    when(deployment, lambda: job.status == "in_progress")
    deployment.clock.advance(5.0)
    runner = container_of(deployment, job).task.task_id
    before = recorded(deployment)[runner]
    assert before.state is RunnerState.BUSY
    forged = as_beta(bodies(deployment, "in_progress", job)[0])
    forged["action"] = forged["workflow_job"]["status"] = action
    forged["workflow_job"]["conclusion"] = "success" if action == "completed" else None
    deliver(deployment, forged, secret=BETA_SECRET)
    deployment.clock.advance(5.0)
    assert recorded(deployment)[runner] == before
    deployment.clock.advance(200.0)
    assert job.status == "in_progress"
    assert deployment.until_completed(job)
    assert job.now.conclusion == "success"


def test_org_secret_takes_no_idle_runner_of_another_organization_out_of_supply() -> None:
    deployment = two_tenants()
    job = deployment.queue("alpha/web", seconds=400.0)
    when(deployment, lambda: any(r.state is RunnerState.REGISTERED for r in recorded(deployment).values()))
    runner = next(iter(recorded(deployment).values()))
    forged = as_beta(bodies(deployment, "queued", job)[0])
    forged["action"] = forged["workflow_job"]["status"] = "in_progress"
    forged["workflow_job"]["runner_name"] = name_of(runner)
    forged["workflow_job"]["runner_id"] = runner.runner_id
    deliver(deployment, forged, secret=BETA_SECRET)
    deployment.loop.mappings["jobs"].poll()
    assert recorded(deployment)[runner.task_id].state is RunnerState.REGISTERED
    assert recorded(deployment)[runner.task_id].repository == "alpha/web"


def test_org_secret_cannot_make_us_forget_an_orphaned_registration_of_another_organization() -> None:
    deployment = two_tenants()
    job = deployment.queue("alpha/web", seconds=3_000.0)
    when(deployment, lambda: job.status == "in_progress")
    deployment.clock.advance(3.0)
    container = container_of(deployment, job)
    container.kill()
    deployment.loop.aws.ecs.container_exited(container.task.task_arn, 137)
    snapshots = deployment.loop.ledger.snapshots
    when(deployment, lambda: bool(snapshots.read("general", 0.0).orphans))
    forged = as_beta(bodies(deployment, "in_progress", job)[0])
    forged["action"] = forged["workflow_job"]["status"] = "completed"
    forged["workflow_job"]["conclusion"] = "success"
    deliver(deployment, forged, secret=BETA_SECRET)
    deployment.loop.mappings["jobs"].poll()
    assert snapshots.read("general", 0.0).orphans != ()
    assert deployment.until_completed(job)
    assert deployment.until_clean()


def test_org_secret_with_another_organizations_id_opens_no_group_to_it() -> None:
    """The id in a payload is the forger's choice: a group made with alpha's id must serve nobody."""
    deployment = two_tenants()
    organizations = deployment.github.world.organizations
    job = deployment.queue("beta/web", seconds=30.0)
    deployment.github.jobs.cancel(job.id)
    deployment.clock.advance(5.0)
    forged = copy.deepcopy(bodies(deployment, "queued", job)[0])
    forged["workflow_job"]["id"] += 5_000
    forged["organization"]["id"] = organizations["alpha"].id
    assert deliver(deployment, forged, secret=BETA_SECRET).status == 202
    deployment.clock.advance(200.0)
    assert deployment.github.registry.registered_total == 0
    # Alpha's own jobs go on; beta harmed nobody but itself.
    after = deployment.queue("alpha/web", seconds=5.0)
    assert deployment.until_completed(after)


def test_org_secret_cannot_pass_another_organizations_job_off_as_a_rerun_of_its_own() -> None:
    deployment = two_tenants()
    job = deployment.queue("alpha/web", seconds=30.0)
    deployment.clock.advance(5.0)
    for attempt in (1, 2, 99):
        forged = as_beta(bodies(deployment, "queued", job)[0])
        forged["workflow_job"]["run_attempt"] = attempt
        assert deliver(deployment, forged, secret=BETA_SECRET).status == 202
    assert deployment.until_completed(job, limit_seconds=300.0)
    assert {r.organization for r in recorded(deployment).values()} <= {"alpha", "beta", None}
    assert container_of(deployment, job).task.task_id


HOSTILE = [
    "</script><script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "::set-output name=x::y\n::error::boo",
    "\x1b]0;owned\x07\x1b[2J",
    "\u202egnp.exe",
    '{"reason":"forged"}\r\n{"level":"ERROR"}',
    "x" * 5_000,
    "\x00\x08\x7f\x9f",
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
def test_hostile_strings_inert_in_every_sink(text: str) -> None:
    deployment = acme()
    job = deployment.queue("alpha/web", seconds=20.0)
    deployment.clock.advance(3.0)
    payload = copy.deepcopy(bodies(deployment, "queued", job)[0])
    payload["workflow_job"] |= {
        "id": payload["workflow_job"]["id"] + 9_000,
        "name": text,
        "head_branch": text,
    }
    payload["workflow_job"]["workflow_name"] = text
    assert deliver(deployment, payload).status == 202
    labelled = copy.deepcopy(payload)
    labelled["workflow_job"] |= {"id": payload["workflow_job"]["id"] + 1, "labels": ["self-hosted", text]}
    assert deliver(deployment, labelled).status in (200, 400)
    named = copy.deepcopy(payload)
    named["repository"]["full_name"] = f"alpha/{text}"
    assert deliver(deployment, named).status == 400
    url = "https://sqs.ap-northeast-1.amazonaws.com/123456789012/events"
    if not set(text) & {"\x00", "\x08", "\x07", "\x1b"}:  # those SQS itself refuses
        deployment.loop.aws.sqs.send_message(QueueUrl=url, MessageBody=f"{{{text}")
    deployment.clock.advance(20.0)
    sqs = deployment.loop.aws.sqs
    kept: list[str] = [*sqs.bodies("dead-letters"), *sqs.bodies("jobs")]
    for body in kept:
        value = json.loads(body)
        assert all(c.isprintable() for part in value.values() if isinstance(part, str) for c in part)
    for item in deployment.items():
        for value in strings_of(item):
            assert all(character.isprintable() for character in value), value
            assert len(value) <= 2_000
    assert deployment.until_completed(job)


def strings_of(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for part in value.values() for text in strings_of(part)]
    if isinstance(value, list):
        return [text for part in value for text in strings_of(part)]
    return []


def test_a_day_old_replay_starts_nothing() -> None:
    deployment = acme()
    job = deployment.queue(seconds=5.0)
    assert deployment.until_completed(job)
    assert deployment.until_clean()
    queued = bodies(deployment, "queued", job)[0]
    deployment.clock.advance(3_600.0)
    deliver(deployment, queued)
    deployment.clock.advance(120.0)
    assert len(calls(deployment, "CreateFleet")) == 1
    fresh = copy.deepcopy(queued)
    day_before = aware(deployment.clock.now() - 24 * 3_600 - 1).isoformat()
    fresh["workflow_job"] |= {"id": queued["workflow_job"]["id"] + 7_777, "created_at": day_before}
    answer = deliver(deployment, fresh)
    assert (answer.status, answer.reason) == (200, "too_old")


def test_a_forged_job_of_ones_own_wears_nobody_out() -> None:
    """Beta forges a hundred jobs which GitHub does not have: alpha waits no longer for it."""
    deployment = two_tenants()
    job = deployment.queue("beta/web", seconds=5.0)
    assert deployment.until_completed(job)
    genuine = bodies(deployment, "queued", job)[0]
    for number in range(100):
        forged = copy.deepcopy(genuine)
        forged["workflow_job"]["id"] += 10_000 + number
        deliver(deployment, forged, secret=BETA_SECRET)
    deployment.clock.advance(1.0)
    victim = deployment.queue("alpha/web", seconds=5.0)
    assert deployment.until_completed(victim, limit_seconds=120.0)
    assert recorded(deployment)[container_of(deployment, victim).task.task_id].organization == "alpha"
