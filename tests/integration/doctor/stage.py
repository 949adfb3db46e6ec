"""The account, the GitHub and the slipway.yaml that a doctor's test begins with: all is well."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from contextlib import suppress
from email.utils import formatdate
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from boto3.session import Session

from local.configuration.check import check_file
from local.configuration.compilation import compiled_body
from local.slipway_cli.main import main
from slipway.config import decode_configuration
from slipway.domain.configuration import Configuration
from tests.integration.doctor.fixed_aws import FixedAws
from tests.support.certificates import self_signed, serving

REGION = "eu-west-1"
Finding = dict[str, str]
INDEX = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.index.v1+json",
    "manifests": [
        {"platform": {"os": "linux", "architecture": "amd64"}},
        {"platform": {"os": "linux", "architecture": "arm64"}},
        {"platform": {"os": "unknown", "architecture": "unknown"}},
    ],
}


@cache
def clients(moto: str) -> tuple[Any, Any, Any, Any]:
    """Return what arranges the account: clients of EC2, ECR, IAM and Secrets Manager."""
    session: Any = Session("AKIDEXAMPLE", "made-up", region_name=REGION)

    def made(service: str) -> Any:
        return session.client(service, endpoint_url=moto)

    return made("ec2"), made("ecr"), made("iam"), made("secretsmanager")


class Stage:
    """One account with a network, secrets, an image and roles; one GitHub with a certificate of its own."""

    def __init__(self, moto: str, fixed: FixedAws, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.moto = moto
        self.fixed = fixed
        self.folder = folder
        self._capsys = capsys
        self.ec2, self.ecr, self.iam, self.secrets = clients(moto)
        self.github = Ghes(folder)
        fixed.quotas = {"L-1216C47A": 640.0, "L-34B43A08": 640.0}
        fixed.default_quotas = {"L-DF5E4CA3": 5_000.0}
        self.vpc = self._network()
        # What tests take away is put back: to empty the whole of moto before each would take a second.
        for role in ("AWSServiceRoleForEC2Spot", "AWSServiceRoleForECS"):
            with suppress(self.iam.exceptions.EntityAlreadyExistsException):
                self.iam.create_role(RoleName=role, AssumeRolePolicyDocument="{}", Path="/aws-service-role/")
        with suppress(self.ecr.exceptions.RepositoryAlreadyExistsException):
            self.ecr.create_repository(repositoryName="slipway/runner")
        self.image = self.push(INDEX)
        self.app = self.put_secret("slipway/app", "an app key")
        self.put_secret("slipway/webhook", "a hook's secret")
        self.yaml: dict[str, Any] = self._configuration()

    def __enter__(self) -> Stage:
        self.github.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.github.stop()

    def _network(self) -> str:
        vpc: str = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [
            self.ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"{REGION}{zone}")[
                "Subnet"
            ]["SubnetId"]
            for n, zone in enumerate("ab")
        ]
        self.table = self.ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        for subnet in self.subnets:
            self.ec2.associate_route_table(RouteTableId=self.table, SubnetId=subnet)
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        self.nat = self.ec2.create_nat_gateway(SubnetId=self.subnets[0], AllocationId=address)["NatGateway"][
            "NatGatewayId"
        ]
        self.route(NatGatewayId=self.nat)
        self.group = self.ec2.create_security_group(GroupName="hosts", Description="hosts", VpcId=vpc)[
            "GroupId"
        ]
        return vpc

    def route(self, **target: str) -> None:
        """Let the subnets' way out be another; none: take it away."""
        if self._has_route():
            self.ec2.delete_route(RouteTableId=self.table, DestinationCidrBlock="0.0.0.0/0")
        if target:
            self.ec2.create_route(RouteTableId=self.table, DestinationCidrBlock="0.0.0.0/0", **target)

    def _has_route(self) -> bool:
        (table,) = self.ec2.describe_route_tables(RouteTableIds=[self.table])["RouteTables"]
        return any(route.get("DestinationCidrBlock") == "0.0.0.0/0" for route in table["Routes"])

    def internet_gateway(self) -> str:
        """Return an internet gateway of the VPC."""
        gateway: str = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        return gateway

    def endpoint(self, service: str, *, has_private_dns: bool = True) -> None:
        """Give the VPC an endpoint: a gateway in its route table for s3, an interface for all others."""
        name = f"com.amazonaws.{REGION}.{service}"
        if service == "s3":
            self.ec2.create_vpc_endpoint(
                VpcId=self.vpc, ServiceName=name, VpcEndpointType="Gateway", RouteTableIds=[self.table]
            )
        else:
            self.ec2.create_vpc_endpoint(
                VpcId=self.vpc,
                ServiceName=name,
                VpcEndpointType="Interface",
                SubnetIds=self.subnets,
                PrivateDnsEnabled=has_private_dns,
            )

    def push(self, manifest: dict[str, Any]) -> str:
        """Put an image into the repository; return its digest."""
        text = json.dumps(manifest)
        digest = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
        with suppress(self.ecr.exceptions.ImageAlreadyExistsException):
            self.ecr.put_image(
                repositoryName="slipway/runner", imageManifest=text, imageTag=digest[7:19], imageDigest=digest
            )
        return digest

    def put_secret(self, name: str, value: str) -> str:
        """Make a secret, or make it again; return its ARN."""
        self.secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        arn: str = self.secrets.create_secret(Name=name, SecretString=value)["ARN"]
        return arn

    def image_name(self, digest: str) -> str:
        """Return the image as slipway.yaml names it."""
        return f"123456789012.dkr.ecr.{REGION}.amazonaws.com/slipway/runner@{digest}"

    def _configuration(self) -> dict[str, Any]:
        return {
            "github": {
                "url": self.github.url,
                "ca_bundle": self.github.certificate.name,
                "registration": "organization",
                "secrets": {"webhook": ["slipway/webhook"], "app": self.app},
            },
            "profiles": {
                "medium": {
                    "labels": ["self-hosted", "medium"],
                    "cpu": 2,
                    "memory": "7GiB",
                    "image": self.image_name(self.image),
                    "pool": "general",
                }
            },
            "pools": {
                "general": {
                    "region": REGION,
                    "subnets": list(self.subnets),
                    "security_groups": [self.group],
                    "instance_types": ["m7i.4xlarge", "m7i.2xlarge"],
                    "max_instances": 20,
                }
            },
        }

    @property
    def pool(self) -> dict[str, Any]:
        """Return the pool of the configuration, to change it."""
        pool: dict[str, Any] = self.yaml["pools"]["general"]
        return pool

    def be_alone(self, docker: str = "none") -> None:
        """Let the pool's jobs be alone on their instances."""
        self.yaml["profiles"]["medium"] |= {"isolation": "instance", "docker": docker}

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run the command; return its status and what it printed."""
        file = self.folder / "slipway.yaml"
        file.write_text(yaml.safe_dump(self.yaml, sort_keys=False), "utf-8")
        self._capsys.readouterr()
        status = main(["doctor", str(file), *arguments])
        return status, self._capsys.readouterr().out

    def configuration(self) -> Configuration:
        """Return the configuration as it is compiled."""
        file = self.folder / "slipway.yaml"
        file.write_text(yaml.safe_dump(self.yaml, sort_keys=False), "utf-8")
        checked = check_file(file).file
        assert checked is not None, check_file(file).faults
        return decode_configuration(compiled_body(checked))

    def findings(self, *arguments: str) -> tuple[int, list[Finding]]:
        """Run the command with --json; return its status and findings."""
        status, printed = self.run(*arguments, "--json")
        report = json.loads(printed)
        assert report["passed"] == (status == 0)
        return status, report["findings"]

    def troubles(self, *arguments: str) -> list[tuple[str, str, str]]:
        """Return what is not ok: check, status, message."""
        _, findings = self.findings(*arguments)
        assert all(finding["mend"] for finding in findings if finding["status"] != "ok")
        return [(one["check"], one["status"], one["message"]) for one in findings if one["status"] != "ok"]

    def session(self) -> Session:
        """Return a session of the operator's, to listen to; it shares no client with another."""
        return Session()


class Ghes:
    """A GitHub Enterprise Server as far as /meta goes, over TLS with a certificate that nobody else trusts."""

    def __init__(self, folder: Path) -> None:
        self.certificate, self._key = self_signed(folder, valid_days=90)
        self.seconds_ahead = 0.0
        self.status = 200
        self.headers = {"X-GitHub-Request-Id": "1", "X-GitHub-Enterprise-Version": "3.19.2"}
        self._server = HTTPServer(("127.0.0.1", 0), self._handler())
        self._server.socket = serving(self.certificate, self._key).wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.url = f"https://127.0.0.1:{self._server.server_port}"
        self.paths: list[str] = []

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        ghes = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                ghes.paths.append(self.path)
                self.answer()

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                ghes.paths.append(self.path)
                self.answer()

            def answer(self) -> None:
                self.send_response_only(ghes.status)
                self.send_header("Date", formatdate(ghes.now(), usegmt=True))
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "2")
                for name, value in ghes.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler

    def now(self) -> float:
        """Return what its clock says."""
        return time.time() + self.seconds_ahead
