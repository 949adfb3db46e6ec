"""What a description adds to the home region besides pools: event rules, secrets, alarms, the dashboard. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from local.infrastructure.cloudformation.logical_ids import logical_id
from local.infrastructure.cloudformation.pools import KEPT, KMS_KEY, Resource, Resources

_ROLE_ARN = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role"


def event_rules(rules: Mapping[str, Any], deployment: str, target: Mapping[str, Any]) -> Resources:
    """Return the rules of a region's default event bus, each with one target."""
    return {
        logical_id("", name, "Rule"): {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "Name": f"{deployment}-{name}",
                "EventPattern": pattern,
                "State": "ENABLED",
                "Targets": [target],
            },
        }
        for name, pattern in rules.items()
    }


def secrets(wanted: Mapping[str, Any], deployment: str) -> Resources:
    """Return secrets without a value [CFN-EMPTY-SECRET], each with a policy that lets nobody but its readers read it.

    Both outlive the stack: a secret without its policy could be read by more than before.
    """
    resources: Resources = {}
    for name, secret in wanted.items():
        made = logical_id("Secret", name)
        resources[made] = {
            "Type": "AWS::SecretsManager::Secret",
            **KEPT,
            "Properties": {
                "Name": name,
                "Description": f"Of {deployment}; read by {', '.join(secret['readers'])}",
                "KmsKeyId": KMS_KEY,
            },
        }
        resources[f"{made}Policy"] = {
            "Type": "AWS::SecretsManager::ResourcePolicy",
            **KEPT,
            "Properties": {
                "SecretId": {"Ref": made},
                "BlockPublicPolicy": True,
                "ResourcePolicy": _only_readers(secret["readers"], deployment),
            },
        }
    return resources


def _only_readers(readers: Iterable[str], deployment: str) -> Resource:
    roles = [{"Fn::Sub": f"{_ROLE_ARN}/{deployment}-{reader}-${{AWS::Region}}"} for reader in readers]
    statement = {
        "Sid": "OnlyTheseRead",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "*",
        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": roles}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def alarms(wanted: Mapping[str, Any], deployment: str) -> Resources:
    """Return the alarms, which tell the topic of infra/sam/template.yaml."""
    return {
        logical_id("", name, "Alarm"): {
            "Type": "AWS::CloudWatch::Alarm",
            "Condition": "HasAlarms",
            "Properties": {
                "AlarmName": f"{deployment}-{name}",
                "AlarmDescription": alarm["description"],
                "Namespace": alarm["namespace"],
                "MetricName": alarm["metric"],
                "Dimensions": [
                    {"Name": dimension, "Value": value} for dimension, value in alarm["dimensions"].items()
                ],
                "Statistic": alarm["statistic"],
                "Period": alarm["period_seconds"],
                "EvaluationPeriods": alarm["evaluation_periods"],
                "Threshold": alarm["threshold"],
                "ComparisonOperator": alarm["comparison"],
                "TreatMissingData": alarm["missing"],
                "AlarmActions": [{"Ref": "AlarmTopic"}],
            },
        }
        for name, alarm in wanted.items()
    }


def dashboard(body: Mapping[str, Any], deployment: str) -> Resources:
    """Return the dashboard; its body is a text [CFN-DASHBOARD]."""
    return {
        "OperatorDashboard": {
            "Type": "AWS::CloudWatch::Dashboard",
            "Condition": "HasDashboard",
            "Properties": {
                "DashboardName": deployment,
                "DashboardBody": json.dumps(body, separators=(",", ":")),
            },
        }
    }
