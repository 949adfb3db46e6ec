"""A loopback AWS for what moto lacks, answering what a test put there, over the wire that boto3 speaks.

moto has no quotas but the VPC's, no Lambda account settings, no layer's download address, and would run a function
in Docker, and IAM's simulator and EBS's default key are not in it: so Service Quotas, Lambda, these two and the ECR calls
of one test are served here. A function that is invoked here is the handler itself. What else IAM and EC2 are asked goes
on to moto.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

Answer = tuple[int, dict[str, Any]]
_NOT_ALLOWED = 403, {"x-amzn-ErrorType": "AccessDeniedException"}, b'{"Message":"not allowed"}'
_FUNCTION = re.compile(r"/2015-03-31/functions/(?P<name>[^/]+)/(?P<what>configuration|invocations)")


@dataclass(slots=True)
class FixedAws:
    """What it answers: quotas by code, AWS's default quotas by code, functions by name, ECR's answers by operation.

    ``configurations`` are what is told of functions besides, ``mappings`` the event sources of all. ``denied`` are
    actions that IAM's simulator denies, each with the decision, whether the organization and the boundary admit it.
    ``disk_key`` is the account's default for EBS. ``refused`` are operations that the caller may not make. ``asked`` are the operations so far.
    """

    quotas: dict[str, float] = field(default_factory=dict)
    default_quotas: dict[str, float] = field(default_factory=dict)
    concurrency: tuple[int, int] = (1_000, 1_000)
    functions: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    registry: dict[str, dict[str, Any]] = field(default_factory=dict)
    documents: dict[str, bytes] = field(default_factory=dict)
    configurations: dict[str, dict[str, Any]] = field(default_factory=dict)
    mappings: list[dict[str, Any]] = field(default_factory=list)
    denied: dict[str, tuple[str, bool, bool]] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    disk_key: str = "alias/aws/ebs"
    asked: list[str] = field(default_factory=list)
    url: str = ""
    moto: str = ""

    def forget(self) -> None:
        """Be as at the beginning."""
        new = FixedAws(url=self.url, moto=self.moto)
        for one in fields(self):
            setattr(self, one.name, getattr(new, one.name))

    def by_target(self, target: str, request: dict[str, Any]) -> Answer:
        """Answer a service of AWS JSON."""
        operation = target.partition(".")[2]
        self.asked.append(operation)
        if operation in self.refused:
            return 400, {"__type": "AccessDeniedException", "Message": "not allowed"}
        if operation in self.registry:
            return 200, self.registry[operation]
        quotas = self.quotas if operation == "GetServiceQuota" else self.default_quotas
        if (value := quotas.get(request.get("QuotaCode", ""))) is None:
            return 400, {"__type": "NoSuchResourceException", "Message": "no such quota"}
        return 200, {"Quota": {"QuotaCode": request["QuotaCode"], "Value": value}}

    def by_path(self, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Answer Lambda."""
        path = path.partition("?")[0]
        if path in self.documents:
            return 200, {}, self.documents[path]
        if path == "/2016-08-19/account-settings":
            self.asked.append("GetAccountSettings")
            allowed, unreserved = self.concurrency
            limits = {"ConcurrentExecutions": allowed, "UnreservedConcurrentExecutions": unreserved}
            return 200, {}, json.dumps({"AccountLimit": limits}).encode()
        if path.startswith("/2015-03-31/event-source-mappings"):
            self.asked.append("ListEventSourceMappings")
            if self.asked[-1] in self.refused:
                return _NOT_ALLOWED
            return 200, {}, json.dumps({"EventSourceMappings": self.mappings}).encode()
        asked = _FUNCTION.match(path)
        assert asked, path
        self.asked.append("Invoke" if asked["what"] == "invocations" else "GetFunctionConfiguration")
        function = self.functions.get(asked["name"])
        if self.asked[-1] in self.refused:
            return _NOT_ALLOWED
        if function is None:
            return 404, {"x-amzn-ErrorType": "ResourceNotFoundException"}, b'{"Message":"no such function"}'
        if asked["what"] == "configuration":
            role = f"arn:aws:iam::123456789012:role/{asked['name']}"
            told = {"FunctionName": asked["name"], "Role": role, **self.configurations.get(asked["name"], {})}
            return 200, {}, json.dumps(told).encode()
        try:
            return 200, {}, json.dumps(function(json.loads(body))).encode()
        except ZeroDivisionError as fault:
            failure = {"errorMessage": str(fault), "errorType": type(fault).__name__}
            return 200, {"X-Amz-Function-Error": "Unhandled"}, json.dumps(failure).encode()

    def by_form(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Answer IAM and EC2: the simulator and the key of disks here, all else by moto."""
        form = parse_qs(body.decode())
        if form["Action"] == ["GetEbsDefaultKmsKeyId"]:
            self.asked.append("GetEbsDefaultKmsKeyId")
            return 200, {}, _XML_DISK_KEY.format(key=self.disk_key).encode()
        if form["Action"] != ["SimulatePrincipalPolicy"]:
            asked = urllib.request.Request(self.moto, data=body, headers=headers)
            try:
                with urllib.request.urlopen(asked) as answer:
                    return answer.status, {}, answer.read()
            except urllib.error.HTTPError as fault:
                return fault.code, {}, fault.read()
        self.asked.append("SimulatePrincipalPolicy")
        if "SimulatePrincipalPolicy" in self.refused:
            return 403, {}, _XML_ERROR.encode()
        actions = [
            values[0] for name, values in sorted(form.items()) if name.startswith("ActionNames.member.")
        ]
        results = "".join(self._simulated(action) for action in actions)
        return 200, {}, _XML_RESULTS.format(results=results).encode()

    def _simulated(self, action: str) -> str:
        decision, by_organization, by_boundary = self.denied.get(action, ("allowed", True, True))
        return _XML_RESULT.format(
            action=action,
            decision=decision,
            organization=str(by_organization).lower(),
            boundary=str(by_boundary).lower(),
        )


_XML_RESULT = (
    "<member><EvalActionName>{action}</EvalActionName><EvalResourceName>*</EvalResourceName>"
    "<EvalDecision>{decision}</EvalDecision><MatchedStatements/><MissingContextValues/>"
    "<OrganizationsDecisionDetail><AllowedByOrganizations>{organization}</AllowedByOrganizations>"
    "</OrganizationsDecisionDetail><PermissionsBoundaryDecisionDetail>"
    "<AllowedByPermissionsBoundary>{boundary}</AllowedByPermissionsBoundary></PermissionsBoundaryDecisionDetail></member>"
)
_XML_RESULTS = (
    '<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><SimulatePrincipalPolicyResult>'
    "<IsTruncated>false</IsTruncated><EvaluationResults>{results}</EvaluationResults></SimulatePrincipalPolicyResult>"
    "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></SimulatePrincipalPolicyResponse>"
)
_XML_DISK_KEY = (
    '<GetEbsDefaultKmsKeyIdResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>1</requestId>'
    "<kmsKeyId>{key}</kmsKeyId></GetEbsDefaultKmsKeyIdResponse>"
)
_XML_ERROR = (
    '<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type>'
    "<Code>AccessDenied</Code><Message>not allowed</Message></Error><RequestId>1</RequestId></ErrorResponse>"
)


@contextmanager
def fixed_aws() -> Iterator[FixedAws]:
    """Serve while the block lasts."""
    aws = FixedAws()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if target := self.headers.get("X-Amz-Target"):
                status, answer = aws.by_target(target, json.loads(body or b"{}"))
                self.answer(status, {}, json.dumps(answer).encode())
            elif self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
                kept = {name: self.headers[name] for name in ("Authorization", "Content-Type")}
                self.answer(*aws.by_form(kept, body))
            else:
                self.answer(*aws.by_path(self.path, body))

        def do_GET(self) -> None:
            self.answer(*aws.by_path(self.path, b""))

        def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    aws.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield aws
    finally:
        server.shutdown()
        server.server_close()
