"""What Terraform would deploy, from its own plan. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from local.infra_check.parity.facts import Facts, Told, alike, gathered, path_of, policy, widgets
from local.infra_check.terraform.planned import Plan, Planned
from local.infra_check.terraform.values import UNKNOWN

Values = Mapping[str, Any]
_API_ARN = re.compile(r"arn:aws:execute-api:[a-z0-9-]+:[0-9]+:[^/]+/")


def facts_of(plan: Plan) -> Facts:
    """Return the facts of a plan of the root module."""
    integrations = {
        resource.values["id"]: resource.values for resource in plan.of_type("aws_apigatewayv2_integration")
    }
    routes = [_route(resource.values, integrations) for resource in plan.of_type("aws_apigatewayv2_route")]
    routes += _methods(plan)
    return gathered(
        [
            *(
                _READERS[resource.type](_known(resource))
                for resource in plan.resources
                if resource.type in _READERS
            ),
            *routes,
        ]
    )


def _known(resource: Planned) -> Values:
    return {name: value for name, value in resource.values.items() if value is not UNKNOWN}


def _block(values: Values, name: str) -> Values:
    blocks = values.get(name) or [{}]
    return dict(blocks[0])


def _function(values: Values) -> Told:
    vpc = _block(values, "vpc_config")
    return (
        "function",
        values["function_name"],
        {
            "handler": values["handler"],
            "runtime": values["runtime"],
            "architectures": values["architectures"],
            "memory": values["memory_size"],
            "timeout": values["timeout"],
            "environment": _block(values, "environment").get("variables", {}),
            "layers": [_plain(arn) for arn in values.get("layers") or []],
            "role": values["role"],
            "package": "/".join(values["filename"].split("/")[-2:]),
            "reserved": values.get("reserved_concurrent_executions"),
            "subnets": list(vpc.get("subnet_ids") or []),
            "security_groups": list(vpc.get("security_group_ids") or []),
            "key": values.get("kms_key_arn"),
        },
    )


def _role_policy(values: Values) -> Told:
    return "role", values["role"], {"statements": policy(values["policy"])}


def _rule(values: Values) -> Told:
    pattern = alike(json.loads(values["event_pattern"]))
    return "rule", f"{values['region']}/{values['name']}", {"pattern": pattern}


def _target(values: Values) -> Told:
    target = [values["arn"], values.get("role_arn")]
    return "rule", f"{values['region']}/{values['rule']}", {"targets": [target]}


def _route(values: Values, integrations: Mapping[str, Values]) -> Told:
    integration = integrations[values["target"].removeprefix("integrations/")]
    return (
        "route",
        f"{values['api_id']} {values['route_key']}",
        {
            "authorizer": values.get("authorization_type") or "NONE",
            "function": integration["integration_uri"],
            "payload": integration["payload_format_version"],
        },
    )


def _methods(plan: Plan) -> Iterator[Told]:
    """Tell the routes of a REST API, which a private claim API is."""
    parents = {
        found.values["id"]: (found.values["parent_id"], found.values["path_part"])
        for found in plan.of_type("aws_api_gateway_resource")
    }
    integrations = {
        found.values["resource_id"]: found.values for found in plan.of_type("aws_api_gateway_integration")
    }
    for method in plan.of_type("aws_api_gateway_method"):
        values = method.values
        integration = integrations[values["resource_id"]]
        path = path_of(values["resource_id"], parents)
        yield (
            "route",
            f"{values['rest_api_id']} {values['http_method']} {path}",
            {
                "authorizer": values["authorization"],
                "function": integration["uri"],
                "type": [integration["type"], integration["integration_http_method"]],
            },
        )


def _rest_api_policy(values: Values) -> Told:
    """CloudFormation's policy cannot name the API that it is part of: it says `execute-api:/` for its ARN."""
    document = _API_ARN.sub("execute-api:/", values["policy"])
    return "api", values["rest_api_id"], {"policy": policy(document)}


def _schedule(values: Values) -> Told:
    target = _block(values, "target")
    return (
        "schedule",
        values["name"],
        {
            "expression": values["schedule_expression"],
            "flexible": alike(values["flexible_time_window"]),
            "target": target["arn"],
            "role": target["role_arn"],
            "input": json.loads(target["input"]),
            "retries": alike(target["retry_policy"]),
        },
    )


def _launch_template(values: Values) -> Told:
    profile = _block(values, "iam_instance_profile")
    return (
        "launch template",
        f"{values['region']}/{values['name']}",
        {
            "image": str(values["image_id"]).partition("(")[2].rstrip(")"),
            "instance_profile": profile["name"],
            "security_groups": alike(values["vpc_security_group_ids"]),
            "shutdown": values["instance_initiated_shutdown_behavior"],
            "metadata": alike(values["metadata_options"]),
            "monitoring": alike(values["monitoring"]),
            "disks": alike(values["block_device_mappings"]),
            "user_data": values["user_data"],
            "tags": alike(values.get("tags")),
        },
    )


def _task_definition(values: Values) -> Told:
    return (
        "task definition",
        f"{values['region']}/{values['family']}",
        {
            "containers": alike(json.loads(values["container_definitions"])),
            "size": [values["cpu"], values["memory"]],
            "network": values["network_mode"],
            "placement": alike(values["placement_constraints"]),
            "volumes": alike([_volume(volume) for volume in values.get("volume") or []]),
            "task_role": values["task_role_arn"],
            "execution_role": values["execution_role_arn"],
            "compatibilities": values["requires_compatibilities"],
        },
    )


def _volume(volume: Values) -> dict[str, Any]:
    """Terraform says `host_path` where ECS says `host: {sourcePath}`."""
    host = {"host": {"source_path": volume["host_path"]}} if volume.get("host_path") else {}
    return {**{name: value for name, value in volume.items() if name != "host_path"}, **host}


def _alarm(values: Values) -> Told:
    return (
        "alarm",
        values["alarm_name"],
        {
            "description": values["alarm_description"],
            "metric": [values["namespace"], values["metric_name"], values["statistic"]],
            "dimensions": alike(values["dimensions"]),
            "when": [values["comparison_operator"], float(values["threshold"]), values["treat_missing_data"]],
            "periods": [values["period"], values["evaluation_periods"]],
            "tells": values["alarm_actions"],
        },
    )


def _table(values: Values) -> Told:
    return (
        "table",
        values["name"],
        {
            "keys": [values["hash_key"], values["range_key"]],
            "attributes": alike(values["attribute"]),
            "billing": values["billing_mode"],
            "ttl": alike(values["ttl"]),
            "recovery": alike(_block(values, "point_in_time_recovery").get("enabled")),
            "protected": alike(values["deletion_protection_enabled"]),
            "key": _block(values, "server_side_encryption").get("kms_key_arn"),
        },
    )


def _queue(values: Values) -> Told:
    redrive = json.loads(values.get("redrive_policy") or "{}")
    return (
        "queue",
        values["name"],
        {
            "visibility_seconds": values.get("visibility_timeout_seconds"),
            "retention_seconds": values["message_retention_seconds"],
            "encrypted": alike(values.get("sqs_managed_sse_enabled")),
            "key": values.get("kms_master_key_id"),
            "dead_letters": redrive.get("deadLetterTargetArn"),
            "tries": redrive.get("maxReceiveCount"),
        },
    )


def _mapping(values: Values) -> Told:
    return (
        "event source mapping",
        f"{_plain(values['event_source_arn'])} to {_plain(values['function_name'])}",
        {
            "batch": values["batch_size"],
            "window_seconds": values["maximum_batching_window_in_seconds"],
            "responses": values["function_response_types"],
            "concurrency": _block(values, "scaling_config")["maximum_concurrency"],
        },
    )


def _plain(arn: str) -> str:
    """Return an ARN without the version of a layer; of others the name alone."""
    parts = arn.split(":")
    return parts[6] if len(parts) > 6 else parts[-1]


def _queue_name(url: str) -> str:
    return url.rpartition("/")[2]


_READERS: Mapping[str, Callable[[Values], Told]] = {
    "aws_lambda_function": _function,
    "aws_lambda_function_event_invoke_config": lambda v: (
        "function",
        v["function_name"],
        {"invocations": [v["maximum_retry_attempts"], v["maximum_event_age_in_seconds"]]},
    ),
    "aws_lambda_layer_version": lambda v: (
        "layer",
        v["layer_name"],
        {"runtimes": v["compatible_runtimes"], "architectures": v["compatible_architectures"]},
    ),
    "aws_lambda_permission": lambda v: (
        "permission",
        f"{v['principal']} to {v['function_name']}",
        {"sources": [v["source_arn"]]},
    ),
    "aws_lambda_event_source_mapping": _mapping,
    "aws_iam_role": lambda v: (
        "role",
        v["name"],
        {"trust": policy(v["assume_role_policy"]), "boundary": v.get("permissions_boundary")},
    ),
    "aws_iam_role_policy": _role_policy,
    "aws_iam_role_policy_attachment": lambda v: ("role", v["role"], {"attached": [v["policy_arn"]]}),
    "aws_iam_service_linked_role": lambda v: ("service-linked role", v["aws_service_name"], {}),
    "aws_iam_instance_profile": lambda v: ("instance profile", v["name"], {"roles": [v["role"]]}),
    "aws_cloudwatch_log_group": lambda v: (
        "log group",
        f"{v['region']}/{v['name']}",
        {"days": v["retention_in_days"], "key": v.get("kms_key_id")},
    ),
    "aws_sqs_queue": _queue,
    "aws_sqs_queue_policy": lambda v: ("queue", _queue_name(v["queue_url"]), {"policy": policy(v["policy"])}),
    "aws_sqs_queue_redrive_allow_policy": lambda v: (
        "queue",
        _queue_name(v["queue_url"]),
        {"takes_from": alike(json.loads(v["redrive_allow_policy"]))},
    ),
    "aws_dynamodb_table": _table,
    "aws_apigatewayv2_api": lambda v: ("api", v["name"], {"protocol": v["protocol_type"]}),
    "aws_apigatewayv2_stage": lambda v: (
        "api",
        v["api_id"],
        {"stage": v["name"], "throttle": alike(v["default_route_settings"])},
    ),
    "aws_api_gateway_rest_api": lambda v: (
        "api",
        v["name"],
        {"protocol": "REST", "endpoint": alike(v["endpoint_configuration"])},
    ),
    "aws_api_gateway_rest_api_policy": _rest_api_policy,
    "aws_api_gateway_stage": lambda v: ("api", v["rest_api_id"], {"stage": v["stage_name"]}),
    "aws_api_gateway_method_settings": lambda v: (
        "api",
        v["rest_api_id"],
        {"throttle": alike(v["settings"]), "throttled": v["method_path"]},
    ),
    "aws_cloudwatch_event_rule": _rule,
    "aws_cloudwatch_event_target": _target,
    "aws_scheduler_schedule": _schedule,
    "aws_secretsmanager_secret": lambda v: ("secret", v["name"], {"key": v.get("kms_key_id")}),
    "aws_secretsmanager_secret_policy": lambda v: (
        "secret",
        v["secret_arn"].partition(":secret:")[2][:-7],
        {"policy": policy(v["policy"])},
    ),
    "aws_sns_topic": lambda v: ("topic", v["name"], {"key": v.get("kms_master_key_id")}),
    "aws_sns_topic_policy": lambda v: ("topic", _plain(v["arn"]), {"policy": policy(v["policy"])}),
    "aws_cloudwatch_metric_alarm": _alarm,
    "aws_cloudwatch_dashboard": lambda v: ("dashboard", v["dashboard_name"], widgets(v["dashboard_body"])),
    "aws_ecs_cluster": lambda v: (
        "cluster",
        f"{v['region']}/{v['name']}",
        {"settings": alike(v["setting"]), "tags": alike(v.get("tags"))},
    ),
    "aws_launch_template": _launch_template,
    "aws_ecs_task_definition": _task_definition,
}

# Routes are put together from several resources.
COMPARED = _READERS.keys() | {
    "aws_apigatewayv2_route",
    "aws_apigatewayv2_integration",
    "aws_api_gateway_method",
    "aws_api_gateway_integration",
    "aws_api_gateway_resource",
}
NOT_COMPARED = {
    "aws_api_gateway_deployment": "made anew of what a changed API serves: by its logical id, by a trigger",
    "aws_sns_topic_subscription": "made on request only",
}
