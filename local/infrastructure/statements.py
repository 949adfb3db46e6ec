"""Statements of IAM policies, as functions and environments have them. Pure."""

from __future__ import annotations

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
    services = [f"{service}.amazonaws.com"]
    if places.partition == "aws-cn":
        services.append(f"{service}.amazonaws.com.cn")  # EC2 is called either there [IAM-PASSED-TO]
    return {"StringEquals": {"iam:PassedToService": services}}
