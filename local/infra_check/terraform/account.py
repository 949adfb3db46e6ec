"""The AWS account that the stub plays: what a plan would only learn by applying it, made up from names. Pure.

With the real provider an ARN is unknown until its resource exists, and so is every policy that names it. Here both are
in the plan, so that they can be read and compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from local.infra_check.terraform.shapes import Attribute, Block
from local.infra_check.terraform.values import UNKNOWN

ACCOUNT_ID = "111122223333"

# By type and attribute; in braces a value of the same resource.
_FORMATS = {
    "aws_api_gateway_rest_api.execution_arn": "arn:aws:execute-api:{region}:{account}:{name}",
    "aws_apigatewayv2_api.api_endpoint": "https://{name}.execute-api.{region}.amazonaws.com",
    "aws_apigatewayv2_api.execution_arn": "arn:aws:execute-api:{region}:{account}:{name}",
    "aws_cloudwatch_event_rule.arn": "arn:aws:events:{region}:{account}:rule/{name}",
    "aws_cloudwatch_log_group.arn": "arn:aws:logs:{region}:{account}:log-group:{name}",
    "aws_dynamodb_table.arn": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "aws_ecr_repository.arn": "arn:aws:ecr:{region}:{account}:repository/{name}",
    "aws_ecs_cluster.arn": "arn:aws:ecs:{region}:{account}:cluster/{name}",
    "aws_ecs_task_definition.arn": "arn:aws:ecs:{region}:{account}:task-definition/{family}:1",
    "aws_iam_instance_profile.arn": "arn:aws:iam::{account}:instance-profile/{name}",
    "aws_iam_policy.arn": "arn:aws:iam::{account}:policy/{name}",
    "aws_iam_role.arn": "arn:aws:iam::{account}:role/{name}",
    "aws_kms_key.arn": "arn:aws:kms:{region}:{account}:key/of-{customer_master_key_spec}",
    "aws_lambda_function.arn": "arn:aws:lambda:{region}:{account}:function:{function_name}",
    "aws_lambda_function.invoke_arn": (
        "arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/"
        "arn:aws:lambda:{region}:{account}:function:{function_name}/invocations"
    ),
    "aws_lambda_layer_version.arn": "arn:aws:lambda:{region}:{account}:layer:{layer_name}:1",
    "aws_s3_bucket.arn": "arn:aws:s3:::{bucket}",
    "aws_secretsmanager_secret.arn": "arn:aws:secretsmanager:{region}:{account}:secret:{name}-AbCdEf",
    "aws_sns_topic.arn": "arn:aws:sns:{region}:{account}:{name}",
    "aws_sqs_queue.arn": "arn:aws:sqs:{region}:{account}:{name}",
    "aws_sqs_queue.id": "https://sqs.{region}.amazonaws.com/{account}/{name}",
    "aws_sqs_queue.url": "https://sqs.{region}.amazonaws.com/{account}/{name}",
    # data sources
    "aws_caller_identity.account_id": "{account}",
    "aws_eks_cluster.arn": "arn:aws:eks:{region}:{account}:cluster/{name}",
    "aws_eks_cluster.endpoint": "https://{name}.gr7.{region}.eks.amazonaws.com",
    "aws_partition.dns_suffix": "amazonaws.com",
    "aws_partition.partition": "aws",
    "aws_region.region": "{region}",
}
_LISTS = {
    "aws_availability_zones.names": ("{region}a", "{region}b", "{region}c", "{region}d"),
    "aws_nat_gateways.ids": ("nat-of-{vpc_id}",),
}
_OBJECTS = {"aws_eks_cluster.vpc_config": {"cluster_security_group_id": "sg-of-{name}"}}
_NAMES = ("name", "function_name", "layer_name", "family", "alarm_name", "service_name")


def filled_in(
    kind: str, shape: Block, values: Mapping[str, Any], region: str, *, is_data: bool = False
) -> dict[str, Any]:
    """Return a new resource's values with those that AWS would give: made up where they follow from a name.

    Others stay unknown: an argument that was left to the provider, numbers, lists. A data source has no unknown values,
    what is not made up is null.

    Args:
        kind: Terraform's type, `aws_sqs_queue`.
        shape: of that type.
        values: as configured; ``UNKNOWN`` in them stays.
        region: where a resource lies that does not name one.
        is_data: whether it is a data source.
    """
    known = {**values, "region": values.get("region") or region, "account": ACCOUNT_ID}
    filled = dict(values)
    for name, attribute in shape.attributes.items():
        if not attribute.computed or not _is_open(values.get(name)):
            continue
        made = _made_up(kind, name, attribute, known)
        filled[name] = None if is_data and made is UNKNOWN else made
    return filled


def _made_up(kind: str, name: str, attribute: Attribute, known: Mapping[str, Any]) -> Any:
    if name == "region":
        return known["region"]
    if name == "tags_all":
        return known.get("tags")
    if form := _FORMATS.get(f"{kind}.{name}"):
        return _format(form, known)
    if forms := _LISTS.get(f"{kind}.{name}"):
        return [_format(form, known) for form in forms]
    if forms_of := _OBJECTS.get(f"{kind}.{name}"):
        listed: Any = attribute.type  # a list of objects; what is not made up of one is null
        members = listed[1][1]
        return [
            {member: _format(forms_of[member], known) if member in forms_of else None for member in members}
        ]
    if attribute.type == "string" and (attribute.is_decided_by_the_provider or name == "id"):
        named = _name_of(known)
        # Of most types the id is the name. A resource without one is told by a digest of all that is known of it.
        return named if name == "id" and named else f"{kind}.{name}({named or _digest(known)})"
    return UNKNOWN


def _format(form: str, known: Mapping[str, Any]) -> Any:
    given = {name: value for name, value in known.items() if isinstance(value, str)}
    try:
        return form.format_map(given)
    except KeyError:
        return UNKNOWN  # a name that follows from something unknown


def _name_of(known: Mapping[str, Any]) -> str | None:
    return next((known[name] for name in _NAMES if isinstance(known.get(name), str)), None)


def _digest(known: Mapping[str, Any]) -> str:
    return hashlib.sha256(repr(sorted(known.items(), key=lambda item: item[0])).encode()).hexdigest()[:8]


def _is_open(value: Any) -> bool:
    return value is None or value is UNKNOWN
