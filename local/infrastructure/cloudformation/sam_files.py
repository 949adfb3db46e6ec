"""The templates that are deployed: infra/sam's hand-written ones with what a description adds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from local.infrastructure.cloudformation.claims import deploy_claims_anew
from local.infrastructure.cloudformation.conditions import decided
from local.infrastructure.cloudformation.environments import environments_cluster
from local.infrastructure.cloudformation.errors import TemplateError
from local.infrastructure.cloudformation.home_resources import (
    alarms,
    dashboard,
    event_rules,
    secrets,
)
from local.infrastructure.cloudformation.placeholders import filled_in
from local.infrastructure.cloudformation.pools import (
    Resources,
    pool_resources,
    task_definition_resource,
)
from local.infrastructure.cloudformation.template_text import (
    Template,
    read_template,
    template_text,
)

FOLDER = Path(__file__).parents[3] / "infra" / "sam"
MAX_RESOURCES, MAX_TEMPLATE_BYTES, MAX_DYNAMIC_REFERENCES = 500, 1_000_000, 60  # [CFN-LIMITS]

_COMMENT = "Made by slipway from infra/sam/{core} and slipway.yaml (sha256 {sha256}): edit those instead."
_HOME = {"Ref": "AWS::Region"}
_ACCOUNT = {"Ref": "AWS::AccountId"}
_ROLES = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role"


def sam_files(
    description: Mapping[str, Any], home_region: str | None = None, folder: Path = FOLDER
) -> Iterator[tuple[str, str]]:
    """Yield path and text of ``template.yaml``, and of ``region-REGION.yaml`` for each further region of pools.

    Args:
        description: a deployment, as ``describe`` gives it with its placeholders.
        home_region: where the functions run, and so this template is deployed; the pools' own region by default.
        folder: the hand-written templates.

    Raises:
        TemplateError: no home region is named and pools are in several; or a limit of AWS's is passed.
    """
    home = home_region or _only_region(description)
    yield "template.yaml", _text(_home_template(description, home, folder), "template.yaml", description)
    for region in sorted(_regions_of(description) - {home}):
        template = _region_template(description, home, region, folder)
        yield f"region-{region}.yaml", _text(template, "region.yaml", description)


def _regions_of(description: Mapping[str, Any]) -> set[str]:
    return {str(pool["region"]) for pool in [*description["pools"].values(), *_environments_of(description)]}


def _environments_of(description: Mapping[str, Any], region: str | None = None) -> list[Mapping[str, Any]]:
    """Return what environments have of their own in a region, or anywhere: of one deployment one, or nothing."""
    found = description.get("environments")
    return [found] if found and region in (None, found["region"]) else []


def _only_region(description: Mapping[str, Any]) -> str:
    regions = sorted(_regions_of(description))
    if len(regions) != 1:
        raise TemplateError(
            f"pools are in {', '.join(regions)}: say which is the home region, where functions run"
        )
    return regions[0]


def _home_template(description: Mapping[str, Any], home: str, folder: Path) -> Template:
    template = _of_region("template.yaml", home, folder)
    template = decided(template, "HasEnvironments", holds=bool(_environments_of(description)))
    del template["Mappings"]["Rendered"]["Environments"]
    deployment = description["deployment"]
    template["Parameters"]["Deployment"] |= {"Default": deployment, "AllowedValues": [deployment]}
    values = {
        "account_id": _ACCOUNT,
        "claim_region": _HOME,
        "claim_url": template["Outputs"]["ClaimUrl"]["Value"],
        "claim_api_id": template["Outputs"]["ClaimApiId"]["Value"],
        "webhook_api_id": {"Ref": "WebhookApi"},
    }
    _say(template, "Redelivery", "Deployed", "redelivery" in description["functions"])
    has_other_pools = any(pool["region"] != home for pool in description["pools"].values())
    _say(template, "OtherRegions", "HavePools", has_other_pools)
    _let_rules_send(template, "Events", deployment, description["event_rules"])
    _let_task_roles_claim(template, [pool["roles"]["task"]["name"] for pool in description["pools"].values()])
    deploy_claims_anew(template)
    for name, function in description["functions"].items():
        _give_policy(template, name, filled_in(function["policy"], values))
    queue = {"Id": "events", "Arn": {"Fn::GetAtt": ["EventsQueue", "Arn"]}}
    added = {
        **event_rules(description["event_rules"], deployment, queue),
        **secrets(description["secrets"], deployment),
        **_pools_of(description, home),
        **alarms(description["alarms"], deployment),
        **dashboard(description["dashboard"], deployment),
    }
    for own in _environments_of(description):
        _let_rules_send(template, "Environments", deployment, own["event_rules"])
        waking = {"Id": "environments", "Arn": {"Fn::GetAtt": ["EnvironmentsQueue", "Arn"]}}
        added |= event_rules(own["event_rules"], deployment, waking)
    return _with(template, filled_in(added, values))


def _region_template(description: Mapping[str, Any], home: str, region: str, folder: Path) -> Template:
    template = _of_region("region.yaml", region, folder)
    template["Parameters"]["HomeRegion"] |= {"Default": home, "AllowedValues": [home]}
    pools = _in(region, description["pools"]).values()
    # Nobody is asked what nothing uses.
    if not any(pool["needs_data_volume"] for pool in pools):
        del template["Parameters"]["DataVolumeGib"]
    if not pools:  # but the cluster of environments
        template["Parameters"] = {"ContainerInsights": template["Parameters"]["ContainerInsights"]}
        del template["Conditions"]
    values = {
        "account_id": _ACCOUNT,
        "claim_region": {"Ref": "HomeRegion"},
        "claim_url": {"Ref": "ClaimUrl"},
        "claim_api_id": {"Ref": "ClaimApiId"},
    }
    home_bus = "arn:${AWS::Partition}:events:${HomeRegion}:${AWS::AccountId}:event-bus/default"
    role = f"{_ROLES}/{description['deployment']}-events-${{HomeRegion}}"
    target = {"Id": "home", "Arn": {"Fn::Sub": home_bus}, "RoleArn": {"Fn::Sub": role}}
    rules = description["regional_event_rules"].get(region, {})
    added = {**event_rules(rules, description["deployment"], target), **_pools_of(description, region)}
    return _with(template, filled_in(added, values))


def _of_region(core: str, region: str, folder: Path) -> Template:
    """Return a hand-written template, bound to one region."""
    template = read_template((folder / core).read_text("utf-8"))
    # Names, ARNs and pools were made for this region; elsewhere they would deploy, and not work [CFN-RULES].
    assertion = {
        "Assert": {"Fn::Equals": [{"Ref": "AWS::Region"}, region]},
        "AssertDescription": f"This template was made for {region}",
    }
    template.setdefault("Rules", {})["OnlyInItsRegion"] = {"Assertions": [assertion]}
    return template


def _say(template: Template, what: str, question: str, answer: bool) -> None:
    """Answer a question that the hand-written template's conditions ask."""
    template["Mappings"]["Rendered"][what][question] = str(answer).lower()


def _let_rules_send(template: Template, queue: str, deployment: str, rules: Iterable[str]) -> None:
    place = f"arn:${{AWS::Partition}}:events:${{AWS::Region}}:${{AWS::AccountId}}:rule/{deployment}"
    sending = _statement(
        template["Resources"][f"{queue}QueuePolicy"]["Properties"]["PolicyDocument"], "RulesSend"
    )
    sending["Condition"]["ArnEquals"]["aws:SourceArn"] = [{"Fn::Sub": f"{place}-{rule}"} for rule in rules]


def _let_task_roles_claim(template: Template, roles: Iterable[str]) -> None:
    claiming = _statement(template["Resources"]["ClaimApiPrivate"]["Properties"]["Policy"], "TaskRolesClaim")
    claiming["Condition"]["ArnEquals"]["aws:PrincipalArn"] = [
        {"Fn::Sub": f"{_ROLES}/{role}"} for role in roles
    ]


def _statement(document: Template, sid: str) -> dict[str, Any]:
    (found,) = [statement for statement in document["Statement"] if statement["Sid"] == sid]
    statement: dict[str, Any] = found
    return statement


def _give_policy(template: Template, function: str, policy: Mapping[str, Any]) -> None:
    properties = template["Resources"][f"{function.capitalize()}Role"]["Properties"]
    # A new list: of the roles' own policies the hand-written template has one for all.
    described = {"PolicyName": "slipway", "PolicyDocument": policy}
    properties["Policies"] = [described, *properties["Policies"]]


def _pools_of(description: Mapping[str, Any], region: str) -> Resources:
    resources: Resources = {}
    for name, pool in _in(region, description["pools"]).items():
        resources |= pool_resources(name, pool)
    for name, definition in _in(region, description["task_definitions"]).items():
        resources |= task_definition_resource(name, definition)
    for own in _environments_of(description, region):
        resources |= environments_cluster(own)
    return resources


def _in(region: str, parts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in parts.items() if part["region"] == region}


def _with(template: Template, added: Resources) -> Template:
    if twice := sorted(template["Resources"].keys() & added.keys()):
        raise TemplateError(f"the hand-written template has {', '.join(twice)} already")
    template["Resources"] |= added
    return template


def _text(template: Template, core: str, description: Mapping[str, Any]) -> str:
    comment = _COMMENT.format(core=core, sha256=description["configuration_sha256"])
    text = template_text(template, comment)
    found = {
        "resources": (len(template["Resources"]), MAX_RESOURCES),
        "bytes": (len(text.encode()), MAX_TEMPLATE_BYTES),
        "dynamic references": (text.count("{{resolve:"), MAX_DYNAMIC_REFERENCES),
    }
    for what, (count, most) in found.items():
        if count > most:
            raise TemplateError(
                f"the template has {count:,} {what}, and CloudFormation takes {most:,}: serve fewer pools in one"
                " deployment"
            )
    return text
