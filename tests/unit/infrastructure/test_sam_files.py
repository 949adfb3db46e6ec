"""The SAM tree's templates: the hand-written half with what a description adds."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.infrastructure.cloudformation.errors import TemplateError
from local.infrastructure.cloudformation.sam_files import FOLDER, sam_files
from local.infrastructure.cloudformation.template_text import Template, read_template
from tests.support.deployments import ENTERPRISE, ENVIRONMENTS, TWO_REGIONS, description_of

ALARM = {
    "description": "A message could not be read",
    "namespace": "AWS/SQS",
    "metric": "ApproximateNumberOfMessagesVisible",
    "dimensions": {"QueueName": "acme-dead-letters", "Made": "${account_id}-${claim_region}"},
    "statistic": "Maximum",
    "period_seconds": 60,
    "evaluation_periods": 1,
    "threshold": 0,
    "comparison": "GreaterThanThreshold",
    "missing": "notBreaching",
}


def templates(file: Path, home: str | None = None, **changes: Any) -> dict[str, Template]:
    description = {**description_of(file), **changes}
    return {name: read_template(text) for name, text in sam_files(description, home)}


def home_of(file: Path, home: str | None = None, **changes: Any) -> dict[str, Any]:
    resources: dict[str, Any] = templates(file, home, **changes)["template.yaml"]["Resources"]
    return resources


def functions_in(value: Any) -> Iterator[tuple[str, Any]]:
    """Every function of CloudFormation's in a value, with its argument."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key == "Ref" or key.startswith("Fn::"):
                yield key, part
            yield from functions_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from functions_in(part)


def test_the_home_region_has_its_pools_and_every_other_region_a_template_of_its_own() -> None:
    made = templates(TWO_REGIONS, "eu-west-1")
    assert list(made) == ["template.yaml", "region-us-east-1.yaml"]
    home, other = made["template.yaml"]["Resources"], made["region-us-east-1.yaml"]["Resources"]
    assert {"PoolGeneralCluster", "PoolSealedCluster", "ProfileStandardTaskDefinition"} <= home.keys()
    assert not [name for name in home if name.startswith(("PoolGeneralUs", "ProfileInAmerica"))]
    assert [name for name in other if name.startswith(("PoolGeneralUs", "ProfileInAmerica"))]
    assert not [name for name in other if name.startswith(("PoolSealed", "ProfileSealed"))]


def test_the_functions_may_run_in_a_region_without_pools() -> None:
    made = templates(TWO_REGIONS, "eu-central-1")
    assert list(made) == ["template.yaml", "region-eu-west-1.yaml", "region-us-east-1.yaml"]
    assert not [name for name in made["template.yaml"]["Resources"] if name.startswith("Pool")]


def test_pools_of_one_region_need_no_home_region_and_pools_of_several_do() -> None:
    assert list(templates(ENTERPRISE)) == ["template.yaml"]
    with pytest.raises(TemplateError, match=r"eu-west-1, us-east-1.*home region"):
        templates(TWO_REGIONS)


def test_a_template_refuses_every_region_but_its_own() -> None:
    for name, region in (("template.yaml", "eu-west-1"), ("region-us-east-1.yaml", "us-east-1")):
        rule = templates(TWO_REGIONS, "eu-west-1")[name]["Rules"]["OnlyInItsRegion"]
        assert rule["Assertions"][0]["Assert"] == {"Fn::Equals": [{"Ref": "AWS::Region"}, region]}


def test_each_function_s_role_has_the_described_policy_before_the_hand_written_ones() -> None:
    description = description_of(TWO_REGIONS)
    resources = home_of(TWO_REGIONS, "eu-west-1")
    for name, function in description["functions"].items():
        policies = resources[f"{name.capitalize()}Role"]["Properties"]["Policies"]
        assert policies[0]["PolicyName"] == "slipway"
        written = policies[0]["PolicyDocument"]["Statement"]
        assert [one["Sid"] for one in written] == [one["Sid"] for one in function["policy"]["Statement"]]
        assert [one["Action"] for one in written] == [
            one["Action"] for one in function["policy"]["Statement"]
        ]
        assert "key" in json.dumps(policies[1:])


def test_no_placeholder_of_the_description_is_left_but_as_a_variable_of_its_substitution() -> None:
    for template in templates(TWO_REGIONS, "eu-west-1").values():
        text = json.dumps(template)
        for placeholder in ("account_id", "claim_region"):
            assert f"${{{placeholder}}}" not in text
        for function, argument in functions_in(template):
            pattern = argument[0] if function == "Fn::Sub" and isinstance(argument, list) else ""
            for placeholder in ("claim_url", "claim_api_id"):
                assert (f"${{{placeholder}}}" in pattern) == (
                    function == "Fn::Sub" and isinstance(argument, list) and placeholder in argument[1]
                )


def test_only_the_deployment_s_own_rules_may_send_events() -> None:
    statements = home_of(ENTERPRISE)["EventsQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    (sending,) = [one for one in statements if one["Effect"] == "Allow"]
    arns = [one["Fn::Sub"] for one in sending["Condition"]["ArnEquals"]["aws:SourceArn"]]
    assert [arn.rpartition("/")[2] for arn in arns] == [
        f"slipway-{name}" for name in description_of(ENTERPRISE)["event_rules"]
    ]


def test_the_conditions_are_told_of_a_redelivery_function_and_of_pools_elsewhere() -> None:
    for file, home, answer in ((ENTERPRISE, None, "false"), (TWO_REGIONS, "eu-west-1", "true")):
        rendered = templates(file, home)["template.yaml"]["Mappings"]["Rendered"]
        assert rendered == {"Redelivery": {"Deployed": answer}, "OtherRegions": {"HavePools": answer}}


def test_only_the_pools_task_roles_may_call_a_private_claim_api() -> None:
    statements = home_of(TWO_REGIONS, "eu-west-1")["ClaimApiPrivate"]["Properties"]["Policy"]["Statement"]
    (allowing,) = [one for one in statements if one["Effect"] == "Allow"]
    arns = [one["Fn::Sub"] for one in allowing["Condition"]["ArnEquals"]["aws:PrincipalArn"]]
    assert [arn.partition("role/")[2] for arn in arns] == [
        pool["roles"]["task"]["name"] for pool in description_of(TWO_REGIONS)["pools"].values()
    ]


def test_a_private_claim_api_that_changes_is_deployed_anew_and_any_other_is_not() -> None:
    def deployment(**changes: Any) -> str:
        made = home_of(TWO_REGIONS, "eu-west-1", **changes)
        (name,) = [name for name, found in made.items() if found["Type"] == "AWS::ApiGateway::Deployment"]
        assert made["ClaimStagePrivate"]["Properties"]["DeploymentId"] == {"Ref": name}
        return name

    before = deployment()
    assert re.fullmatch(r"ClaimDeployment[0-9a-f]{12}", before)
    assert deployment(alarms={}) == before
    pools = copy.deepcopy(description_of(TWO_REGIONS)["pools"])
    pools["general"]["roles"]["task"]["name"] = "acme-another-task"  # which may claim from now on
    assert deployment(pools=pools) != before


def test_a_secret_is_made_empty_and_only_its_readers_may_read_it() -> None:
    resources = home_of(ENTERPRISE, secrets={"acme/app": {"readers": ["registrar", "reaper"]}})
    (name,) = [name for name, one in resources.items() if one["Type"] == "AWS::SecretsManager::Secret"]
    assert not {"SecretString", "GenerateSecretString"} & resources[name]["Properties"].keys()
    policy = resources[f"{name}Policy"]["Properties"]
    assert policy["SecretId"] == {"Ref": name}
    (statement,) = policy["ResourcePolicy"]["Statement"]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    readers = [one["Fn::Sub"] for one in statement["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]]
    assert [arn.partition("role/")[2] for arn in readers] == [
        "slipway-registrar-${AWS::Region}",
        "slipway-reaper-${AWS::Region}",
    ]


def test_what_holds_data_outlives_the_stack_but_not_a_creation_that_failed() -> None:
    resources = home_of(TWO_REGIONS, "eu-west-1", secrets={"acme/app": {"readers": ["reaper"]}})
    kept = {
        one["Type"]
        for one in resources.values()
        if (one.get("DeletionPolicy"), one.get("UpdateReplacePolicy")) == ("RetainExceptOnCreate", "Retain")
    }
    assert kept == {
        "AWS::DynamoDB::Table",
        "AWS::IAM::ServiceLinkedRole",  # the account's
        "AWS::Logs::LogGroup",
        "AWS::SecretsManager::ResourcePolicy",  # a secret without it could be read by more than before
        "AWS::SecretsManager::Secret",
    }
    for name, resource in resources.items():
        if resource["Type"] in kept:
            assert resource.get("DeletionPolicy"), name


def test_alarms_tell_the_topic_and_can_be_switched_off() -> None:
    alarm = home_of(ENTERPRISE, alarms={"dead-letters": ALARM})
    (made,) = [one for one in alarm.values() if one["Type"] == "AWS::CloudWatch::Alarm"]
    assert made["Condition"] == "HasAlarms"
    properties = made["Properties"]
    assert properties["AlarmName"] == "slipway-dead-letters"
    assert properties["AlarmActions"] == [{"Ref": "AlarmTopic"}]
    assert properties["Dimensions"] == [
        {"Name": "QueueName", "Value": "acme-dead-letters"},
        {"Name": "Made", "Value": {"Fn::Sub": "${AWS::AccountId}-${AWS::Region}"}},
    ]
    assert (properties["Period"], properties["Threshold"]) == (60, 0)


def test_the_dashboard_is_a_text_that_names_account_and_region_and_can_be_switched_off() -> None:
    (made,) = [one for one in home_of(ENTERPRISE).values() if one["Type"] == "AWS::CloudWatch::Dashboard"]
    assert made["Condition"] == "HasDashboard"
    assert made["Properties"]["DashboardName"] == "slipway"
    body = made["Properties"]["DashboardBody"]["Fn::Sub"]
    assert "arn:aws:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:slipway-jobs-age" in body
    assert "${!PROP('Dim.pool')}" in body  # for CloudWatch to fill in
    assert json.loads(body)["widgets"]


def test_a_launch_template_guards_its_hosts_and_names_no_image_of_a_day() -> None:
    data = home_of(ENTERPRISE)["PoolGeneralLaunchTemplate"]["Properties"]["LaunchTemplateData"]
    assert data["ImageId"] == (
        "{{resolve:ssm:/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id}}"
    )
    assert data["MetadataOptions"] == {
        "HttpEndpoint": "enabled",
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 1,
        "InstanceMetadataTags": "enabled",
    }
    assert data["InstanceInitiatedShutdownBehavior"] == "stop"
    assert data["UserData"] == description_of(ENTERPRISE)["pools"]["general"]["user_data"]
    assert all(disk["Ebs"]["Encrypted"] for disk in data["BlockDeviceMappings"])


def test_a_disk_for_what_jobs_write_is_where_the_operating_system_wants_it() -> None:
    resources = home_of(TWO_REGIONS, "eu-west-1")

    def disks(pool: str) -> dict[str, Any]:
        data = resources[f"Pool{pool}LaunchTemplate"]["Properties"]["LaunchTemplateData"]
        return {disk["DeviceName"]: disk["Ebs"].get("VolumeSize") for disk in data["BlockDeviceMappings"]}

    assert disks("General") == {"/dev/xvda": {"Ref": "RootVolumeGib"}, "/dev/sdf": {"Ref": "DataVolumeGib"}}
    assert disks("Sealed") == {"/dev/xvda": None, "/dev/xvdb": {"Ref": "RootVolumeGib"}}
    data = home_of(ENTERPRISE)["PoolGeneralLaunchTemplate"]["Properties"]["LaunchTemplateData"]
    assert [disk["DeviceName"] for disk in data["BlockDeviceMappings"]] == ["/dev/xvda"]


def test_a_task_definition_keeps_the_users_own_words_as_they_are() -> None:
    properties = home_of(TWO_REGIONS, "eu-west-1")["ProfileStandardTaskDefinition"]["Properties"]
    (container,) = properties["ContainerDefinitions"]
    assert container["LogConfiguration"]["Options"]["awslogs-stream-prefix"] == "standard"
    (volume,) = [one for one in properties["Volumes"] if one["Name"] == "docker"]
    assert volume["DockerVolumeConfiguration"]["DriverOpts"] == {"size": "50G"}
    assert {"Name": "SLIPWAY_PROFILE", "Value": "standard"} in container["Environment"]


def test_a_pool_s_task_role_gets_the_operators_policy_and_no_other_role_does() -> None:
    resources = home_of(TWO_REGIONS, "eu-west-1")
    having = {
        name: one["Properties"]["ManagedPolicyArns"]
        for name, one in resources.items()
        if name.startswith("Pool") and "ManagedPolicyArns" in one["Properties"]
    }
    assert having == {"PoolGeneralTaskRole": ["arn:aws:iam::111122223333:policy/acme-jobs"]}


def test_events_of_another_region_go_to_the_home_region_s_bus() -> None:
    resources = templates(TWO_REGIONS, "eu-west-1")["region-us-east-1.yaml"]["Resources"]
    rules = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::Events::Rule"]
    assert len(rules) == len(description_of(TWO_REGIONS)["regional_event_rules"]["us-east-1"])
    for rule in rules:
        (target,) = rule["Targets"]
        assert target["Arn"]["Fn::Sub"].endswith(":${HomeRegion}:${AWS::AccountId}:event-bus/default")
        assert target["RoleArn"]["Fn::Sub"].endswith(":role/acme-events-${HomeRegion}")


def test_the_same_description_gives_the_same_text_and_another_deployment_other_names() -> None:
    description = description_of(ENTERPRISE)
    assert dict(sam_files(description)) == dict(sam_files(copy.deepcopy(description)))
    parameter = templates(ENTERPRISE, deployment="other")["template.yaml"]["Parameters"]["Deployment"]
    assert (parameter["Default"], parameter["AllowedValues"]) == ("other", ["other"])


def test_more_pools_than_cloudformation_takes_are_refused_with_the_cure() -> None:
    description = description_of(ENTERPRISE)
    pool = description["pools"]["general"]
    for one, count, what in (
        (pool, 56, r"[0-9,]+ bytes"),
        ({**pool, "user_data": ""}, 61, r"61 dynamic references"),
        ({**pool, "user_data": ""}, 70, r"[0-9,]+ resources"),
    ):
        pools = {f"pool{number}": one for number in range(count)}
        with pytest.raises(TemplateError, match=f"{what}.*serve fewer pools"):
            list(sam_files({**description, "pools": pools, "alarms": {}}))


def test_every_yaml_anchor_of_the_hand_written_half_is_written_out() -> None:
    assert "&" in (FOLDER / "template.yaml").read_text("utf-8")
    for _, text in sam_files(description_of(ENTERPRISE)):
        assert not [line for line in text.splitlines() if ": &" in line or ": *" in line]


OF_ENVIRONMENTS = {
    "EnvironmentsQueue", "EnvironmentsQueuePolicy", "EnvironmentsFunction", "EnvironmentsRole", "EnvironmentsLogs",
    "EnvironmentsSchedule", "EnvironmentsCluster", "ImagesRule",
}  # fmt: skip


def test_without_their_section_no_template_has_a_word_of_environments() -> None:
    for file, home in ((ENTERPRISE, None), (TWO_REGIONS, "eu-west-1")):
        for text in dict(sam_files(description_of(file), home)).values():
            assert "pull request" not in text
            assert not re.search(r"environments|ImagesRule", text.replace("Environment:", ""), re.IGNORECASE)


def test_with_it_the_template_has_them_and_nothing_is_left_to_decide() -> None:
    made = templates(ENVIRONMENTS)["template.yaml"]
    added = {name for name in made["Resources"] if not name.endswith("Alarm")} & OF_ENVIRONMENTS
    assert added == OF_ENVIRONMENTS
    assert "HasEnvironments" not in json.dumps(made)
    assert made["Mappings"]["Rendered"].keys() == {"Redelivery", "OtherRegions"}


def test_whatever_else_a_template_has_environments_change_only_who_wakes_them() -> None:
    described = description_of(ENVIRONMENTS)
    without = copy.deepcopy(described)
    del without["environments"], without["functions"]["environments"]
    with_them, plain = (
        read_template(dict(sam_files(one))["template.yaml"])["Resources"] for one in (described, without)
    )
    changed = {name for name in plain if plain[name] != with_them[name]}
    assert changed == {"DeadLettersQueue", "DeadLettersQueuePolicy", "WebhookFunction", "SchedulesRole"}
