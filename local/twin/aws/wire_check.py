"""Holds the twin's requests and answers against botocore's service models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ParamValidationError
from botocore.validate import ParamValidator

from local.twin.aws.errors import service_model

_VALIDATOR = ParamValidator()


def validate(service: str, operation: str, parameters: Mapping[str, Any], direction: str) -> None:
    """Raise ParamValidationError when `parameters` is not what the model says.

    `direction` is "input" or "output". An input fault is the caller's, as with boto3; an output fault
    is the twin's. Unknown members are faults in both.
    """
    model = service_model(service).operation_model(operation)
    shape = model.input_shape if direction == "input" else model.output_shape
    members = {k: v for k, v in parameters.items() if k != "ResponseMetadata"}
    if shape is None:
        if members:
            raise ParamValidationError(
                report=f"{service}.{operation} has no {direction}, got {sorted(members)}"
            )
        return
    report = _VALIDATOR.validate(members, shape)
    if report.has_errors():
        raise ParamValidationError(report=f"{service}.{operation} {direction}: {report.generate_report()}")
