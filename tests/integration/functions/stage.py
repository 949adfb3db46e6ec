"""A deployment whose functions are invoked one event at a time."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from local.demo.deployment import (
    DemoSecrets,
    checkout_environment,
    deployed_environment,
    store_secrets,
    write_configuration,
)
from local.demo.lambda_host import THIS_PYTHON, FunctionSpec, LambdaFunction
from local.demo.scaled_time import ScaledTime
from local.packages.unpacked import Unpacked
from local.twin.aws.account import AwsTwin
from local.twin.clock import VirtualClock
from local.twin.github.twin import GitHubTwin
from local.twin.http.aws import AwsServer
from local.twin.http.github import GitHubServer
from local.twin.latency import LatencyModel
from local.twin_deployment import ACCOUNT, REGION, deploy, deployed_rules
from slipway.domain.jobs import JobEvent, JobState, encode_job_event
from tests.support.emf import values_told

LABELS = ("self-hosted", "linux", "x64", "small")
ROLE = "slipway-general-task-ap-northeast-1"


class Stage:
    """Twins, a deployment and the functions; a context manager. The twins' clock follows the machine's.

    ``packages`` makes and unpacks those of a ``slipway.yaml``; without it the functions are the checkout's.
    """

    def __init__(
        self,
        folder: Path,
        github_latency_seconds: float = 0.0,
        packages: Callable[[Path, Path], Unpacked] | None = None,
    ) -> None:
        self.folder = folder
        self.unpacked: Unpacked | None = None
        self._packages = packages
        self.began_at = time.time()
        self.clock = VirtualClock(self.began_at)
        self.github = GitHubTwin(self.clock)
        self.aws = AwsTwin(self.clock, latency=LatencyModel.none(), seed=1, log_calls=True)
        self.functions: dict[str, LambdaFunction] = {}
        self._numbers = itertools.count(1)
        self._hours = itertools.count(2, 2)
        self._latency_seconds = github_latency_seconds
        self._stack = ExitStack()

    def __enter__(self) -> Stage:
        held = DemoSecrets()
        alpha = self.github.add_organization("alpha")
        self.github.add_repository("alpha/web")
        app = self.github.add_app(held.app_public_key)
        self.github.install(app, alpha)
        self.github.add_hook("integration", app.id, "https://slipway.example/webhook", held.webhook)
        self.secrets = replace(held, personal_token=self.github.add_personal_token(), app_id=app.id)
        aws_server = self._stack.enter_context(AwsServer(self.aws))
        self.lock = aws_server.lock
        server = GitHubServer(self.github, self.lock, latency_seconds=self._latency_seconds)
        github_server = self._stack.enter_context(server)
        places = store_secrets(self.aws, self.secrets, github_server.url, "enterprise")
        self.configuration = write_configuration(self.folder, places, [])
        deploy(self.aws, self.configuration, "https://claims.example")
        self.aws.route_events("events", deployed_rules(self.configuration))
        self._environment = {
            **deployed_environment(aws_server.url, ScaledTime(1)),
            **checkout_environment(self.folder),
        }
        if self._packages:
            self.unpacked = self._packages(self.folder / "slipway.yaml", self.folder)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def invoke(self, name: str, event: Any, *, variant: str = "", **environment: str) -> Any:
        """Run a function on one event; a ``variant`` has a sandbox of its own, with another environment."""
        key = f"{name}{variant}"
        if key not in self.functions:
            function = LambdaFunction(self.spec(name, **environment), self.folder / f"{key}.log")
            self.functions[key] = self._stack.enter_context(function)
        self.keep_time()
        answer = self.functions[key].invoke(event)
        self.keep_time()
        return answer

    def spec(self, name: str, **environment: str) -> FunctionSpec:
        """Return what is needed to run a function: one sandbox, and this more in its environment."""
        code = self.unpacked
        whole = {**self._environment, "AWS_LAMBDA_FUNCTION_NAME": f"slipway-{name}"}
        if code:
            del whole["SLIPWAY_CONFIG"]  # it lies in the package
            whole |= code.environment(name)
        return FunctionSpec(
            name=name,
            handler=f"functions.{name}.handler.lambda_handler",
            environment={**whole, **environment},
            sandboxes=1,
            timeout_seconds=60.0,
            program=code.program if code else THIS_PYTHON,
            folder=code.task_root(name) if code else None,
        )

    def keep_time(self) -> None:
        """Let happen what is due in the twins by now, also where a test has moved their clock ahead of the machine's."""
        with self.lock:
            self.clock.advance_to(max(time.time(), self.clock.now()))

    def later(self) -> str:
        """Return a function's clock two hours ahead of the last one asked for: notes in the ledger are never of a time to come."""
        return f"0,{1 + next(self._hours) * 3_600 / time.time()!r}"

    def log(self, name: str) -> list[dict[str, Any]]:
        """What a function logged, as JSON lines."""
        lines = (self.folder / f"{name}.log").read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def metrics(self, name: str) -> dict[str, list[float]]:
        """The values of each metric that a function wrote to its log [LAMBDA-EMF]."""
        return values_told(self.log(name))

    def everything_logged(self) -> str:
        return "".join(path.read_text("utf-8") for path in self.folder.glob("*.log"))

    def items(self) -> list[dict[str, Any]]:
        """The whole ledger."""
        with self.lock:
            return sorted(
                self.aws.dynamodb.items("slipway"), key=lambda item: (item["pk"]["S"], item["sk"]["S"])
            )

    def job(self, **changes: Any) -> str:
        """Return the body of a message that tells of a new queued job."""
        now, number = time.time(), next(self._numbers)
        facts: dict[str, Any] = {
            "action": JobState.QUEUED, "job_id": number, "run_id": 100 + number, "run_attempt": 1,
            "organization": "alpha", "organization_id": self.github.world.organizations["alpha"].id,
            "repository": "alpha/web", "repository_id": 7, "public": False, "labels": LABELS,
            "received_at": now, "created_at": now,
        }  # fmt: skip
        return encode_job_event(JobEvent(**{**facts, **changes}))

    def messages(self, queue: str) -> list[str]:
        """Take what is on a queue now."""
        url = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{queue}"
        bodies: list[str] = []
        with self.lock:
            while found := self.aws.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
                for message in found:
                    self.aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                    bodies.append(message["Body"])
        return bodies

    def start_tasks(self, count: int) -> list[str]:
        """Queue jobs and fold what AWS reports until that many new tasks run for them; return their ids."""
        before = self._running()
        self.invoke("scaler", records(*(self.job() for _ in range(count))))
        for _ in range(20):
            self.fold_events()
            started = self._running() - before
            if len(started) >= count:
                return sorted(started)
        raise AssertionError("the tasks never ran; see the scaler's log")

    def fold_events(self, **scaler: str) -> list[str]:
        """Let the scaler fold all that is on the queue of events, or a tick; return it."""
        bodies = self.messages("events") or ['{"slipway":"tick"}']
        for start in range(0, len(bodies), 10):
            self.invoke("scaler", records(*bodies[start : start + 10], queue="events"), **scaler)
        return bodies

    def _running(self) -> set[str]:
        with self.lock:
            return {task.task_id for task in self.aws.ecs.live_tasks() if task.last_status == "RUNNING"}


def records(*bodies: str, queue: str = "jobs") -> dict[str, Any]:
    """Return the event of an SQS mapping; messages are called m0, m1 and so on."""
    return {
        "Records": [
            {
                "messageId": f"m{number}",
                "receiptHandle": f"r{number}",
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}",
                "awsRegion": REGION,
            }
            for number, body in enumerate(bodies)
        ]
    }


def role_arn(task_id: str, role: str = ROLE, account: str = ACCOUNT) -> str:
    """Return the ARN that the authorizer gives for a task."""
    return f"arn:aws:sts::{account}:assumed-role/{role}/{task_id}"


def claim_event(arn: str | None, path: str = "/v1/claim", body: str = "{}") -> dict[str, Any]:
    """Return the event of an HTTP API (payload 2.0) with an IAM authorizer."""
    context: dict[str, Any] = {"http": {"method": "POST", "path": path, "sourceIp": "10.0.0.1"}}
    if arn is not None:
        context["authorizer"] = {"iam": {"userArn": arn}}
    return {
        "version": "2.0", "routeKey": f"POST {path}", "rawPath": path, "rawQueryString": "", "headers": {},
        "requestContext": context, "body": body, "isBase64Encoded": False,
    }  # fmt: skip


def private_claim_event(arn: str | None, path: str = "/v1/claim", body: str = "{}") -> dict[str, Any]:
    """Return the event of a private REST API (payload 1.0) with IAM authorization."""
    return {
        "resource": path, "path": path, "httpMethod": "POST", "headers": {}, "queryStringParameters": None,
        "requestContext": {"identity": {"userArn": arn, "sourceIp": "10.0.0.1"}, "path": path},
        "body": body, "isBase64Encoded": False,
    }  # fmt: skip
