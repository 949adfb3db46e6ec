"""A whole deployment in the stage's account, with a GitHub twin behind its reaper: all is well."""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import asdict
from typing import Any

from boto3.session import Session

from local.infrastructure.alarms import alarms
from local.infrastructure.event_rules import event_rules
from local.infrastructure.places import QUEUES, Places, log_group
from slipway.adapters.ledger import dynamo_ledger
from slipway.domain.configuration import Registration
from slipway.domain.tokens import TokenFacts
from slipway.services.diagnose import Diagnose
from tests.contract.aws_faces import create_table
from tests.contract.github_faces import Case, github_case
from tests.integration.doctor.stage import REGION, Stage

ACCOUNT = "123456789012"
DAY = 86_400
FUNCTIONS = ("webhook", "scaler", "registrar", "reaper", "redelivery")
_NUMBERS = itertools.count(1)


class Deployed:
    """Everything of a deployment, under a name of its own; tests take parts away or break them."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.name = f"slipway{next(_NUMBERS)}"
        session: Any = Session("AKIDEXAMPLE", "made-up", region_name=REGION)
        self._made: dict[str, Any] = {}
        self._session = session
        self._configure()
        self.configuration = stage.configuration()
        self.pool = self.configuration.pools["general"]
        self.places = Places(account_id=ACCOUNT, claim_region=REGION)
        self._queues()
        self._functions()
        self._schedules_and_rules()
        self._table()
        self._logs()
        self._hosts()
        self._alarms()
        self.case = self._github()

    def client(self, service: str) -> Any:
        """Return what arranges a service of the account."""
        if service not in self._made:
            self._made[service] = self._session.client(service, endpoint_url=self.stage.moto)
        return self._made[service]

    def named(self, what: str) -> str:
        """Return the whole name of a part."""
        return f"{self.name}-{what}"

    def _configure(self) -> None:
        self.stage.yaml["deployment"] = self.name
        github = self.stage.yaml["github"]
        github |= {"registration": "enterprise", "enterprise": "acme", "sweep_calls_per_hour": 600}
        self.token = f"{self.name}/token"
        self.stage.put_secret(self.token, "a token")
        github["secrets"]["runner_tokens"] = [self.token]

    def _queues(self) -> None:
        sqs = self.client("sqs")
        self.queues = {queue: sqs.create_queue(QueueName=self.named(queue))["QueueUrl"] for queue in QUEUES}
        redrive = {
            "deadLetterTargetArn": self.places.arn("sqs", self.named("dead-letters")),
            "maxReceiveCount": 5,
        }
        for queue in ("jobs", "events"):
            sqs.set_queue_attributes(
                QueueUrl=self.queues[queue], Attributes={"RedrivePolicy": json.dumps(redrive)}
            )

    def _functions(self) -> None:
        fixed = self.stage.fixed
        for function in FUNCTIONS:
            fixed.functions[self.named(function)] = lambda _event: {}
            fixed.configurations[self.named(function)] = {
                "Runtime": "python3.13",
                "State": "Active",
                "LastUpdateStatus": "Successful",
                "LastModified": time.strftime("%Y-%m-%dT%H:%M:%S.000+0000", time.gmtime(time.time() - DAY)),
                "CodeSha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            }
        fixed.functions[self.named("reaper")] = self._diagnosed
        fixed.mappings = [
            {
                "UUID": f"00000000-0000-0000-0000-00000000000{number}",
                "EventSourceArn": self.places.arn("sqs", self.named(queue)),
                "State": "Enabled",
            }
            for number, queue in enumerate(("jobs", "events"))
        ]

    def _diagnosed(self, event: Any) -> Any:
        """What the reaper answers, by its own service and adapter."""
        assert event == {"diagnose": True}
        github = self.configuration.github
        diagnose = Diagnose(github, self.ledger.housekeeping, self.census, self.case.acme.clock)
        return json.loads(json.dumps(asdict(diagnose())))

    def _schedules_and_rules(self) -> None:
        for schedule in ("tick", "reaper", "redelivery"):
            self.client("scheduler").create_schedule(
                Name=self.named(schedule),
                ScheduleExpression="rate(1 minute)",
                FlexibleTimeWindow={"Mode": "OFF"},
                Target={
                    "Arn": self.places.arn("sqs", self.named("events")),
                    "RoleArn": self.places.role_arn("s"),
                },
            )
        events = self.client("events")
        for rule, pattern in event_rules(self.configuration.pools.values(), self.places).items():
            events.put_rule(Name=self.named(rule), EventPattern=json.dumps(pattern))
            target = {"Id": "events", "Arn": self.places.arn("sqs", self.named("events"))}
            events.put_targets(Rule=self.named(rule), Targets=[target])

    def _table(self) -> None:
        dynamodb = self.client("dynamodb")
        create_table(dynamodb, self.name)
        dynamodb.update_time_to_live(
            TableName=self.name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"}
        )
        self.ledger = dynamo_ledger(dynamodb, self.name)
        now = time.time()
        for cursor in ("registrations", "host-images", "redelivery/app"):
            self.ledger.housekeeping.move_cursor(cursor, now - 60)
        self.keep_token()

    def forget(self) -> None:
        """Empty the ledger."""
        table = self.client("dynamodb")
        for item in table.scan(TableName=self.name)["Items"]:
            table.delete_item(TableName=self.name, Key={"pk": item["pk"], "sk": item["sk"]})

    def keep_token(self, **changes: Any) -> None:
        """Let the reaper have found something out about the token."""
        facts = {
            "fingerprint": "f",
            "owner": "slipway-bot",
            "checked_at": time.time() - 60,
            "scopes": ("manage_runners:enterprise",),
            "expires_at": time.time() + 60 * DAY,
        }
        self.ledger.tokens.keep(self.token, TokenFacts(**{**facts, **changes}))

    def _logs(self) -> None:
        logs = self.client("logs")
        for group in (*(f"/aws/lambda/{self.named(name)}" for name in FUNCTIONS), log_group(self.pool)):
            logs.create_log_group(logGroupName=group)
            logs.put_retention_policy(logGroupName=group, retentionInDays=30)

    def _hosts(self) -> None:
        self.client("ecs").create_cluster(clusterName=self.pool.cluster)
        ec2 = self.stage.ec2
        image = ec2.register_image(Name=f"{self.name}-hosts", Architecture="x86_64")["ImageId"]
        ec2.create_launch_template(
            LaunchTemplateName=self.pool.launch_template, LaunchTemplateData={"ImageId": image}
        )
        self.host_image: str = image

    def _alarms(self) -> None:
        sns = self.client("sns")
        topic = sns.create_topic(Name=self.named("alarms"))["TopicArn"]
        self.subscription = sns.subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=self.places.arn("sqs", self.named("events"))
        )["SubscriptionArn"]
        for name, alarm in alarms(self.configuration, self.places).items():
            self.client("cloudwatch").put_metric_alarm(
                AlarmName=self.named(name),
                AlarmDescription=alarm["description"],
                AlarmActions=[topic],
                Namespace=alarm["namespace"],
                MetricName=alarm["metric"],
                Statistic=alarm["statistic"],
                Period=alarm["period_seconds"],
                EvaluationPeriods=alarm["evaluation_periods"],
                Threshold=alarm["threshold"],
                ComparisonOperator=alarm["comparison"],
            )

    def _github(self) -> Case:
        case = github_case("ghec", Registration.ENTERPRISE, lambda: (_ for _ in ()).throw(AssertionError))
        world = case.twin.world
        world.groups_of(world.enterprise_scope).clear()
        self.group = case.twin.add_enterprise_group(f"{self.name}-alpha", [case.acme.alpha])
        self.census = case.new_census(deployment=self.name)
        return case
