"""Does what wakes the functions run: queues, schedules, rules? And was anything put aside?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

from local.doctor.deployment import DEPLOY_AGAIN, absence, functions_of, is_deployed, name_of, places
from local.doctor.findings import Check, Look, Verdict, failed, ok, warning
from local.doctor.surroundings import Surroundings
from local.infrastructure.event_rules import Pattern, environment_rules, event_rules
from local.infrastructure.places import ENVIRONMENTS, queues_of


def _looks(surroundings: Surroundings) -> Iterator[Look]:
    for queue in queues_of(surroundings.environments):
        yield Look(f"queue {name_of(surroundings, queue)}", partial(_queue, surroundings, queue))
    scheduled = [
        name for name in ("reaper", "redelivery", ENVIRONMENTS) if name in functions_of(surroundings)
    ]
    for name in ("tick", *scheduled):
        yield Look(f"schedule {name_of(surroundings, name)}", partial(_schedule, surroundings, name))
    for region in sorted({surroundings.home_region, *surroundings.pools_by_region()}):
        yield Look(f"event rules in {region}", partial(_rules, surroundings, region))


def _queue(surroundings: Surroundings, queue: str) -> Iterator[Verdict]:
    if not is_deployed(surroundings):
        return
    client = surroundings.account.client("sqs", surroundings.home_region)
    with absence() as found:
        found.append(client.get_queue_url(QueueName=name_of(surroundings, queue))["QueueUrl"])
    if not found:
        yield failed("queue-missing", "does not exist, though the deployment does", DEPLOY_AGAIN)
        return
    names = ["ApproximateNumberOfMessages", "RedrivePolicy"]
    told = client.get_queue_attributes(QueueUrl=found[0], AttributeNames=names)["Attributes"]
    waiting = int(told["ApproximateNumberOfMessages"])
    if queue == "dead-letters" and waiting:
        message = f"{waiting} messages were put aside: a function could not read or not handle them"
        mend = "look at them and at the scaler's log, then send them back: functions/scaler/README.md"
        yield failed("dead-letters", message, mend)
        return
    if queue != "dead-letters" and "RedrivePolicy" not in told:
        message = "puts no message aside: one that cannot be handled comes back for days"
        yield warning("queue-without-redrive", message, DEPLOY_AGAIN)
    yield ok(f"is there, with about {waiting} messages")


def _schedule(surroundings: Surroundings, name: str) -> Iterator[Verdict]:
    if not is_deployed(surroundings):
        return
    whole = name_of(surroundings, name)
    with absence() as found:
        client = surroundings.account.client("scheduler", surroundings.home_region)
        found.append(client.get_schedule(Name=whole))
    if not found:
        yield failed("schedule-missing", "does not exist, though the deployment does", DEPLOY_AGAIN)
    elif found[0]["State"] != "ENABLED":
        mend = f"enable it (EventBridge Scheduler, {whole}), or deploy again"
        yield failed("schedule-disabled", "is disabled: nothing happens by itself any more", mend)
    else:
        yield ok(f"is enabled, {found[0]['ScheduleExpression']}")


def _rules(surroundings: Surroundings, region: str) -> Iterator[Verdict]:
    if not is_deployed(surroundings):
        return
    is_home = region == surroundings.home_region
    pools = surroundings.pools() if is_home else surroundings.pools_by_region()[region]
    rules = event_rules(pools, places(surroundings))
    settings = surroundings.environments
    if is_home and settings is not None:
        rules |= environment_rules(settings)
    for name, wanted in rules.items():
        yield from _rule(surroundings, region, name_of(surroundings, name), wanted)


def _rule(surroundings: Surroundings, region: str, name: str, wanted: Pattern) -> Iterator[Verdict]:
    client = surroundings.account.client("events", region)
    with absence() as found:
        found.append(client.describe_rule(Name=name))
    if not found:
        yield failed("rule-missing", f"there is no rule {name}: the scaler hears nothing of it", DEPLOY_AGAIN)
        return
    rule = found[0]
    if rule["State"] == "DISABLED":
        mend = f"aws events enable-rule --region {region} --name {name}"
        yield failed("rule-disabled", f"{name} is disabled: the scaler hears nothing of it", mend)
    elif not client.list_targets_by_rule(Rule=name)["Targets"]:
        yield failed("rule-without-target", f"{name} sends its events nowhere", DEPLOY_AGAIN)
    elif json.loads(rule.get("EventPattern", "{}")) != wanted:
        message = f"{name} does not match the events of this slipway.yaml: it was deployed from another"
        yield warning(
            "rule-of-another-file", message, "deploy this file, or look with the one that is deployed"
        )
    else:
        yield ok(f"{name} is enabled")


CHECK = Check(
    name="wake-ups",
    about="queues, schedules and event rules are there and enabled, and no message was put aside",
    permissions=(
        "lambda:GetFunctionConfiguration",
        "sqs:GetQueueUrl",
        "sqs:GetQueueAttributes",
        "scheduler:GetSchedule",
        "events:DescribeRule",
        "events:ListTargetsByRule",
    ),
    looks=_looks,
)
