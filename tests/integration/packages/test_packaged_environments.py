"""The package of environments at work: under AWS's runtime client, with its own models, against moto over HTTP."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from local.configuration.check import check_file
from local.demo.lambda_host import FunctionSpec, LambdaFunction
from local.packages.build import Order, build
from local.packages.unpacked import Interpreter, Unpacked, unpack
from local.packages.vendor import this_machine
from local.twin.clock import VirtualClock
from local.twin.github.keys import app_keys
from local.twin.github.twin import GitHubTwin
from local.twin.http.github import GitHubServer
from tests.integration.functions.stage import records
from tests.integration.packages.conftest import ROOT

REGION = "ap-northeast-1"
PERMISSIONS = {"metadata": "read", "pull_requests": "write", "deployments": "write"}
CLUSTER = "slipway-environments"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
NAME = re.compile(r"slipway-pr[0-9a-f]{9}")


@dataclass(frozen=True, slots=True)
class Packaged:
    """A deployment on moto with GitHub's twin, and its packages, unpacked."""

    code: Unpacked
    github: GitHubTwin
    environment: dict[str, str]
    aws: Any

    def spec(self) -> FunctionSpec:
        root = self.code.task_root("environments")
        handler = "functions.environments.handler.lambda_handler"
        return FunctionSpec("environments", handler, self.environment, 1, 120.0, self.code.program, root)


@pytest.fixture
def aws() -> Iterator[tuple[str, Any]]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    httpx.post(f"{url}/moto-api/reset").raise_for_status()  # what a server holds is the process's
    session = boto3.Session("AKIDEXAMPLE", "made-up", region_name=REGION)
    yield url, lambda name: session.client(name, endpoint_url=url)
    server.stop()


def network_of(client: Any) -> dict[str, str]:
    """Make a network, a load balancer and its listener; return them as ``slipway.yaml`` names them."""
    vpc = client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        client("ec2").create_subnet(
            VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"{REGION}{zone}"
        )["Subnet"]["SubnetId"]
        for n, zone in enumerate("ac")
    ]
    (balancer,) = client("elbv2").create_load_balancer(Name="previews", Subnets=subnets)["LoadBalancers"]
    action = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    (listener,) = client("elbv2").create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=[action]
    )["Listeners"]
    group = client("ec2").create_security_group(GroupName="apps", Description="apps", VpcId=vpc)["GroupId"]
    return {
        r"listener: \S+": f"listener: {listener['ListenerArn']}",
        r"vpc: \S+": f"vpc: {vpc}",
        r"subnets: \[\S+, \S+\]": f"subnets: [{', '.join(subnets)}]",
        r"security_groups: \[sg-0a1b2c3d4e5f60719\]": f"security_groups: [{group}]",
    }


def configuration(folder: Path, github_url: str, network: Mapping[str, str]) -> Path:
    text = (ROOT / "docs/examples/environments.yaml").read_text("utf-8")
    changes = {
        **network,
        r"github:\n": f"github:\n  url: {github_url}\n",
        r"111122223333(\.dkr\.\S+/web:)": r"123456789012\1",  # moto's account
    }
    for pattern, wanted in changes.items():
        text, count = re.subn(pattern, wanted, text)
        assert count, pattern
    path = folder / "slipway.yaml"
    path.write_text(text, "utf-8")
    return path


def deploy(client: Any, key: str, app_id: int) -> dict[str, str]:
    """Make what the trees would, as far as the function touches it; return the addresses that it is told."""
    sqs = client("sqs")
    queues = {
        name: sqs.create_queue(QueueName=f"slipway-{name}")["QueueUrl"]
        for name in ("environments", "dead-letters")
    }
    client("dynamodb").create_table(
        TableName="slipway",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
    )
    app = json.dumps({"app_id": str(app_id), "private_key": key})
    client("secretsmanager").create_secret(Name="slipway/app", SecretString=app)
    client("ecs").create_cluster(clusterName=CLUSTER)
    client("ecr").create_repository(repositoryName="web")
    return {
        "SLIPWAY_TABLE": "slipway",
        "SLIPWAY_ENVIRONMENTS_QUEUE_URL": queues["environments"],
        "SLIPWAY_DEAD_LETTERS_QUEUE_URL": queues["dead-letters"],
        "SLIPWAY_LEASE_SECONDS": "120",
    }


@pytest.fixture
def packaged(aws: tuple[str, Any], tmp_path: Path) -> Iterator[Packaged]:
    aws_url, client = aws
    github = GitHubTwin(VirtualClock(time.time()))
    private, public = app_keys()
    app = github.add_app(public)
    github.install(app, github.add_organization("acme"), PERMISSIONS)
    for name in ("acme/web", "acme/api"):
        github.add_repository(name)
    with GitHubServer(github, threading.RLock()) as server:
        path = configuration(tmp_path, server.url, network_of(client))
        file = check_file(path).file
        assert file
        python = Path(sys.executable)
        build(Order(path, file, this_machine(python)), tmp_path / "deployment")
        code = unpack(tmp_path / "deployment", tmp_path / "unpacked", Interpreter.of(python))
        environment = {
            "PATH": os.environ["PATH"], "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "made-up", "AWS_ENDPOINT_URL": aws_url, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_NAME": "slipway-environments",
            **deploy(client, private, app.id), **code.environment("environments"),
        }  # fmt: skip
        yield Packaged(code, github, environment, client)


def parts(client: Any) -> dict[str, set[str]]:
    """What there is of environments, by kind."""
    (balancer,) = client("elbv2").describe_load_balancers()["LoadBalancers"]
    (listener,) = client("elbv2").describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    rules = client("elbv2").describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
    listed = client("ecs").list_services(cluster=CLUSTER)["serviceArns"]
    services = client("ecs").describe_services(cluster=CLUSTER, services=listed)["services"] if listed else []
    return {
        # moto lists those that were deleted too.
        "services": {one["serviceName"] for one in services if one["status"] == "ACTIVE"},
        "target groups": {one["TargetGroupName"] for one in client("elbv2").describe_target_groups()["TargetGroups"]},
        "hosts": {host for rule in rules for one in rule["Conditions"] for host in one["HostHeaderConfig"]["Values"]},
        "log groups": {one["logGroupName"] for one in client("logs").describe_log_groups()["logGroups"]},
    }  # fmt: skip


def test_a_sweep_makes_an_environment_and_another_takes_it_away(packaged: Packaged, tmp_path: Path) -> None:
    """Its package and the vendor layer are all that it needs: it brings all of ours along."""
    (packaged.code.folder / "opt/python/slipway").rename(tmp_path / "core")
    pull = packaged.github.pulls.open("acme/web", labels=("preview",))
    manifest = json.dumps({"schemaVersion": 2, "config": {"digest": "sha256:" + "0" * 64}, "layers": []})
    packaged.aws("ecr").put_image(
        repositoryName="web", imageManifest=manifest, imageTag=pull.head_sha, imageManifestMediaType=MANIFEST
    )
    sweep = records('{"slipway":"sweep"}', queue="environments")
    with LambdaFunction(packaged.spec(), tmp_path / "log") as function:
        assert function.invoke(sweep) == {"batchItemFailures": []}
        made = parts(packaged.aws)
        (name,) = made["services"]
        assert NAME.fullmatch(name)
        assert made["target groups"] == {name}
        assert made["hosts"] == {"pr1.pr-env.example.com"}
        assert made["log groups"] == {"/slipway/slipway/environments/acme/web/1"}
        packaged.github.pulls.close(pull)
        for _ in range(2):  # the service is gone in the second round at the latest
            assert function.invoke(sweep) == {"batchItemFailures": []}
        assert parts(packaged.aws) == {kind: set() for kind in made}
    lines = [
        json.loads(line)
        for line in (tmp_path / "log").read_text("utf-8").splitlines()
        if line.startswith("{")
    ]
    told = [line for line in lines if line.get("message") == "reconciled"]
    assert [(line["made"], line["errors"]) for line in told] == [(1, 0), (0, 0), (0, 0)]


def test_without_its_models_it_would_not_run(packaged: Packaged, tmp_path: Path) -> None:
    (packaged.code.task_root("environments") / "botocore_models").rename(tmp_path / "models")
    with (
        LambdaFunction(packaged.spec(), tmp_path / "log") as function,
        pytest.raises(Exception, match="elbv2"),
    ):
        function.invoke(records('{"slipway":"sweep"}', queue="environments"))
