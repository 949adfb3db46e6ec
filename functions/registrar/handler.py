"""Registrar function: an IAM-signed claim in, a runner's JIT config out, once a task."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from slipway import bootstrap, telemetry
from slipway.domain.identity import TaskIdentity, read_task_identity
from slipway.services.claim import Answer

logger = Logger(service="registrar")
metrics = Metrics(namespace=telemetry.NAMESPACE)
runner_api = functools.cache(bootstrap.runner_api)  # built on first use, kept while warm
bootstrap.import_early("registrar")


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a claim or a release. The caller is whom the authorizer names; the body is never read."""
    request = event.get("requestContext") or {}
    path = str(event.get("rawPath") or event.get("path") or "")
    caller = read_task_identity(_user_arn(request))
    claim, release = runner_api()
    services: dict[str, Callable[[TaskIdentity | None], Answer]] = {"claim": claim, "release": release}
    service = services.get(path.rpartition("/v1/")[2])
    answer = service(caller) if service else Answer(404, {"reason": "no such route"})
    logger.info(
        "answered",
        path=path,
        task=caller.task_id if caller else None,
        status=answer.status,
        reason=answer.body.get("reason"),
        fault=answer.fault or None,
        calls_left=dict(answer.calls_left) or None,
    )
    values: dict[telemetry.Metric, float] = {telemetry.RUNNERS_REFUSED: answer.is_refusal}
    if answer.calls_left:
        values[telemetry.GITHUB_CALLS_LEFT] = min(answer.calls_left.values())
    telemetry.write(metrics, context.function_name, values)
    return _encode(answer)


def _user_arn(request_context: Mapping[str, Any]) -> object:
    """Return the caller's ARN as an HTTP API (payload 2.0) or a private REST API (1.0) gives it."""
    authorizer = request_context.get("authorizer") or {}
    iam = authorizer.get("iam") or request_context.get("identity") or {}
    return iam.get("userArn")


def _encode(answer: Answer) -> dict[str, Any]:
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    if answer.retry_after_seconds is not None:
        headers["retry-after"] = str(answer.retry_after_seconds)
    body = "" if answer.status == 204 else json.dumps(dict(answer.body))
    return {"statusCode": answer.status, "headers": headers, "body": body}
