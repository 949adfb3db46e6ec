"""The twin's webhooks held against GitHub's own schemas, and GitHub's own examples too."""

from __future__ import annotations

import json

import pytest

from local.twin.github import spec
from local.twin.github.deliveries import Delivery
from local.twin.github.model import JobRequest
from tests.contract.test_github_wire import validate
from tests.support.github_enterprise import LABELS, Acme


def deliveries_of_every_kind() -> dict[str, Delivery]:
    """One delivery for each way a workflow_job event can look, from each kind of hook."""
    acme = Acme()
    acme.twin.add_hook("integration", acme.app.id, "https://app.test", "s")
    acme.twin.add_hook("business", 1, "https://enterprise.test", "s")
    acme.job(duration_seconds=10)
    acme.job(duration_seconds=10, conclusion="failure")
    acme.job("alpha/site", labels=("ubuntu-latest",))
    acme.twin.queue_job(JobRequest("alpha/web", (), group="no-such-group"))
    acme.listener("one")
    acme.listener("two")
    gated = acme.job(environment="production")
    acme.twin.jobs.announce_queued_while_waiting(gated.id)
    acme.twin.jobs.approve(gated.id)
    acme.twin.jobs.cancel(gated.id)
    acme.twin.jobs.skip(JobRequest("alpha/web", LABELS))
    acme.twin.jobs.repeat_completed_like_a_check_run(gated.id)
    acme.clock.advance(120)
    found = {}
    for _, delivery in acme.delivered:
        body = json.loads(delivery.body)
        job = body["workflow_job"]
        runner = "runner" if job["runner_id"] else "nobody"
        name = (
            delivery.hook.kind,
            body["action"],
            job["status"],
            job["conclusion"],
            runner,
            ",".join(job["labels"][:1]),
        )
        found["-".join(map(str, name))] = delivery
    return found


KINDS = deliveries_of_every_kind()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_webhook_follows_githubs_schema(kind: str) -> None:
    document = spec.webhooks()
    body = json.loads(KINDS[kind].body)
    event = document["webhooks"][f"workflow-job-{body['action'].replace('_', '-')}"]["post"]
    validate(document, event["requestBody"]["content"]["application/json"]["schema"], body)
    sent = {name.lower() for name in KINDS[kind].headers}
    assert {parameter["name"].lower() for parameter in event["parameters"]} <= sent


def test_the_webhooks_checked_cover_all_actions_and_both_hooks() -> None:
    seen = {tuple(kind.split("-")[:2]) for kind in KINDS}
    actions = ("queued", "waiting", "in_progress", "completed")
    assert seen == {(hook, action) for hook in ("integration", "business") for action in actions}
    conclusions = {json.loads(delivery.body)["workflow_job"]["conclusion"] for delivery in KINDS.values()}
    assert conclusions == {None, "success", "failure", "cancelled", "skipped"}


def test_a_ping_follows_githubs_schema() -> None:
    acme = Acme()
    hook = acme.twin.add_hook("integration", acme.app.id, "https://slipway.test/webhook", "s")
    acme.twin.deliveries.ping(hook)
    acme.clock.advance(5)
    document = spec.webhooks()
    validate(document, {"$ref": "#/components/schemas/webhook-ping"}, json.loads(acme.delivered[0][1].body))


@pytest.mark.parametrize("number", range(1, 8))
def test_githubs_own_examples_follow_githubs_schema(number: int) -> None:
    """Number 0 is of an old server and lacks four fields: see the next test."""
    example = spec.examples()["workflow_job"][number]
    action = example["action"].replace("_", "-")
    document = spec.webhooks()
    validate(document, {"$ref": f"#/components/schemas/webhook-workflow-job-{action}"}, example)


def test_the_schema_check_can_fail() -> None:
    with pytest.raises(AssertionError, match="run_attempt"):
        validate(
            spec.webhooks(),
            {"$ref": "#/components/schemas/webhook-workflow-job-in-progress"},
            spec.examples()["workflow_job"][0],
        )
