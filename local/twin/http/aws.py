"""The AWS twin behind loopback HTTP, for boto3, curl and hand-signed requests.

Signatures are not checked here: what identifies the service is the credential scope of the
Authorization header, or the X-Amz-Target. Nothing advances the clock: whoever runs the server does,
holding `lock`. A call's caller is the access key id that signed it.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from typing import Any, Final

from botocore.exceptions import ClientError, ParamValidationError, ReadTimeoutError

from local.twin.aws.account import AwsTwin
from local.twin.aws.errors import AwsFault, client_error, service_model
from local.twin.aws.wire_check import validate
from local.twin.http.loopback import LoopbackServer, LostReplyError, Request
from local.twin.http.protocols import aws_json, ec2_query
from local.twin.http.protocols.answer import Answer

_SCOPE: Final = re.compile(r"Credential=([^/]+)/\d{8}/[^/]+/([a-z0-9-]+)/aws4_request")
_CREDENTIALS_PATH: Final = "/v2/credentials/"
_JSON_SERVICES: Final = ("ecs", "sqs", "dynamodb", "secretsmanager", "ssm", "pricing")


class AwsServer:
    """`start()`, `stop()`, `url`; `lock` guards the twin and its clock."""

    def __init__(self, twin: AwsTwin, lock: threading.RLock | None = None) -> None:
        self.twin = twin
        self.lock = lock or threading.RLock()
        self._server = LoopbackServer(self._handle)
        self._request_numbers = itertools.count(1)
        self._targets = {service_model(name).metadata.get("targetPrefix"): name for name in _JSON_SERVICES}

    @property
    def url(self) -> str:
        """Endpoint of every service, and base of `/v2/credentials/TASK_ID`."""
        return self._server.url

    def start(self) -> None:
        """Listen; queue URLs point here from now on."""
        self._server.start()
        self.twin.sqs.url_base = self.url

    def stop(self) -> None:
        self._server.stop()

    def __enter__(self) -> AwsServer:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def _handle(self, request: Request) -> Answer:
        if request.method == "GET":
            return self._credentials(request.path)
        prefix, _, operation = request.headers.get("x-amz-target", "").partition(".")
        scope = _SCOPE.search(request.headers.get("authorization", ""))
        service = self._targets.get(prefix) or (scope[2] if scope else "")
        caller = scope[1] if scope else ""
        if service == "ec2":
            return self._ec2(request.body, caller)
        if service in _JSON_SERVICES and operation:
            return self._json(service, operation, request.body, caller)
        return _unknown(f"no service of the twin is meant by scope {service!r} and target {prefix!r}")

    def _json(self, service: str, operation: str, body: bytes, caller: str) -> Answer:
        try:
            self._check(service, operation)
            response = self._call(service, operation, aws_json.parse(service, operation, body), caller)
            return aws_json.serialize(service, operation, response)
        except ClientError as error:
            return aws_json.serialize_error(service, error)
        except ValueError:
            fault = AwsFault("SerializationException", "The request is not a JSON object of this operation")
            return aws_json.serialize_error(service, _as_client_error(service, operation, fault))

    def _ec2(self, body: bytes, caller: str) -> Answer:
        operation = ec2_query.operation_of(body)
        # Not one of the twin's seeded ids: the same calls must get the same ids over either face.
        request_id = f"00000000-0000-4000-8000-{next(self._request_numbers):012x}"
        try:
            self._check("ec2", operation)
            response = self._call("ec2", operation, ec2_query.parse("ec2", operation, body), caller)
            return ec2_query.serialize("ec2", operation, response, request_id)
        except ClientError as error:
            return ec2_query.serialize_error(error, request_id)
        except ValueError:
            fault = AwsFault("InvalidRequest", "The request is no form of this operation")
            return ec2_query.serialize_error(_as_client_error("ec2", operation, fault), request_id)

    def _check(self, service: str, operation: str) -> None:
        known = getattr(self.twin.client(service), _snake(operation), None)
        if operation not in service_model(service).operation_names or known is None:
            fault = AwsFault("UnknownOperationException", f"The twin has no {service} {operation[:80]}")
            raise _as_client_error(service, operation, fault)

    def _call(self, service: str, operation: str, parameters: dict[str, Any], caller: str) -> dict[str, Any]:
        method = getattr(self.twin.client(service), _snake(operation))
        try:
            # boto3 checks what it sends; a hand-made client may not.
            validate(service, operation, parameters, "input")
            with self.lock, self.twin.called_by(caller):
                answer: dict[str, Any] = method(**parameters)
        except ReadTimeoutError as lost:
            raise LostReplyError from lost
        except ParamValidationError as faulty:
            fault = AwsFault("ValidationException", str(faulty))
            raise _as_client_error(service, operation, fault) from faulty
        return answer

    def _credentials(self, path: str) -> Answer:
        """Task credentials as the agent serves them [IAM-TASK-CREDENTIALS]."""
        task_id = path.removeprefix(_CREDENTIALS_PATH)
        with self.lock:
            credentials = self.twin.ecs.task_credentials(task_id)
        if not path.startswith(_CREDENTIALS_PATH) or credentials is None:
            return _unknown("no credentials under this path")
        return Answer(200, json.dumps(credentials).encode(), "application/json")


def _unknown(message: str) -> Answer:
    return Answer(404, json.dumps({"message": message}).encode(), "application/json")


def _as_client_error(service: str, operation: str, fault: AwsFault) -> ClientError:
    error = client_error(service, operation, fault)
    if not isinstance(error, ClientError):
        raise TypeError(f"{fault.code} is not an answer")
    return error


def _snake(operation: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
