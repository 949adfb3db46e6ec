"""Are the alarms there, does any of them ring, and is anybody called?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from local.doctor.deployment import DEPLOY_AGAIN, absence, is_deployed, name_of, places
from local.doctor.findings import Check, Look, Verdict, failed, ok, warning
from local.doctor.networks import Entry
from local.doctor.surroundings import Surroundings
from local.infrastructure.alarms import alarms

TOPIC = "alarms"


def _looks(surroundings: Surroundings) -> Iterator[Look]:
    yield Look(f"alarms {name_of(surroundings, '*')}", partial(_judge, surroundings))
    yield Look(f"topic {name_of(surroundings, TOPIC)}", partial(_called, surroundings))


def _judge(surroundings: Surroundings) -> Iterator[Verdict]:
    if not is_deployed(surroundings):
        return
    client = surroundings.account.client("cloudwatch", surroundings.home_region)
    pages = client.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=name_of(surroundings, ""), AlarmTypes=["MetricAlarm"]
    )
    found = {alarm["AlarmName"]: alarm for page in pages for alarm in page["MetricAlarms"]}
    wanted = {
        name_of(surroundings, name): alarm
        for name, alarm in alarms(
            surroundings.configuration, places(surroundings), surroundings.environments
        ).items()
    }
    if not set(found) & set(wanted):
        yield warning("alarms-off", "there are none: nobody is called when it fails", "deploy with alarms on")
        return
    for name, alarm in wanted.items():
        yield from _one(name, str(alarm["description"]), found)
    yield ok(f"{len(set(found) & set(wanted))} of {len(wanted)} are there")


def _one(name: str, description: str, found: Mapping[str, Entry]) -> Iterator[Verdict]:
    alarm = found.get(name)
    if alarm is None:
        yield warning("alarm-missing", f"there is no alarm {name}", DEPLOY_AGAIN)
        return
    if not alarm.get("ActionsEnabled", True) or not alarm.get("AlarmActions"):
        mend = f"aws cloudwatch enable-alarm-actions --alarm-names {name}, or deploy again"
        yield warning("alarm-calls-nobody", f"{name} calls nobody", mend)
    if alarm.get("StateValue") == "ALARM":
        yield failed("alarm-rings", f"{name} is in alarm: {alarm.get('StateReason', '')}", description)


def _called(surroundings: Surroundings) -> Iterator[Verdict]:
    if not is_deployed(surroundings):
        return
    client = surroundings.account.client("sns", surroundings.home_region)
    arn = places(surroundings).arn("sns", name_of(surroundings, TOPIC))
    with absence() as found:
        pages = client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=arn)
        found.append([one for page in pages for one in page["Subscriptions"]])
    if not found:
        return  # without alarms there is no topic either, which was told
    # One that waits for its confirmation has no ARN yet [SNS-PENDING].
    if any(one["SubscriptionArn"].startswith("arn:") for one in found[0]):
        yield ok(f"calls {len(found[0])}")
    else:
        message = "nobody has subscribed to it, or confirmed that they did: alarms are heard by nobody"
        yield warning(
            "nobody-is-called", message, "deploy with alarm_email, and confirm AWS's mail; or subscribe"
        )


CHECK = Check(
    name="alarms",
    about="every alarm is there, none of them rings, and somebody is called",
    permissions=(
        "lambda:GetFunctionConfiguration",
        "cloudwatch:DescribeAlarms",
        "sns:ListSubscriptionsByTopic",
    ),
    looks=_looks,
)
