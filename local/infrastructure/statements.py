"""Statements of IAM policies, as functions and environments have them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from local.infrastructure.places import Places

Document = dict[str, Any]
Statements = list[Document]

DEPLOYMENT_TAG = "slipway:deployment"


def allow(sid: str, actions: list[str], resources: list[str], condition: Document | None = None) -> Document:
    """Return a statement that allows actions on resources."""
    statement: Document = {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}
    return {**statement, "Condition": condition} if condition else statement


def passed_to(service: str, places: Places) -> Document:
    """Return the condition that a role is handed to one service of AWS's."""
    return {"StringEquals": {"iam:PassedToService": _names_of(service, places)}}


def via(services: Iterable[str], places: Places) -> Document:
    """Return the condition that a key is used through services of AWS's, of a region each: `ec2.eu-west-1`."""
    names = [name for service in services for name in _names_of(service, places)]
    return {"StringEquals": {"kms:ViaService": names}}


def _names_of(service: str, places: Places) -> list[str]:
    names = [f"{service}.amazonaws.com"]
    if places.partition == "aws-cn":
        names.append(f"{service}.amazonaws.com.cn")  # EC2 is called either there [IAM-PASSED-TO]
    return names
