"""Environments in AWS, by the real adapter: on the twin, on the twin with its calls checked against AWS's models, on moto."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.twin.aws.account import AwsTwin
from local.twin.clock import VirtualClock
from local.twin.latency import LatencyModel
from slipway.adapters.environments.host import AwsEnvironments
from slipway.adapters.environments.images import EcrImages
from slipway.domain.environments.found import Found
from slipway.domain.environments.plan import Make
from slipway.domain.environments.settings import Environments
from slipway.domain.environments.spec import Spec, spec_of
from slipway.domain.errors import RefusedError, UnknownOutcomeError
from tests.contract.aws_faces import REGION
from tests.support.environments import NOW, REGISTRY, a_pull, settings

Client = Callable[[str], Any]


class Stage:
    """A load balancer, a cluster, and the adapter on them."""

    def __init__(self, client: Client, made: Environments, twin: AwsTwin | None) -> None:
        self.client = client
        self.twin = twin
        self.settings = made
        self.host = AwsEnvironments(
            client("ecs"), client("elbv2"), client("logs"), made, lambda steps: [step() for step in steps]
        )
        self.spec = spec_of(a_pull(1), made)

    def found(self, spec: Spec | None = None) -> Found:
        """What a survey shows of an environment."""
        if self.twin is not None:
            self.twin.clock.advance(120)
        name = (spec or self.spec).name
        return self.host.survey().found.get(name, Found(name))

    def families(self, found: Found) -> frozenset[str]:
        """Return those with an active definition: moto lists all families, whatever status is asked for."""
        return found.families if self.twin is not None else self._active(found.families)

    def _active(self, families: frozenset[str]) -> frozenset[str]:
        definitions = self.client("ecs").list_task_definitions
        return frozenset(one for one in families if definitions(familyPrefix=one)["taskDefinitionArns"])

    def make(self, spec: Spec | None = None, priority: int | None = 7) -> Found:
        """Make one from what is there."""
        wanted = spec or self.spec
        found = self.found(wanted)
        needs_rule = not any(rule.host == wanted.host for rule in found.rules)
        is_current = found.service is not None and found.service.family == wanted.family
        self.host.make(Make(wanted, found, not is_current, priority if needs_rule else None))
        return self.found(wanted)


def _twin(*, check_wire: bool) -> Iterator[Stage]:
    twin = AwsTwin(
        VirtualClock(NOW), latency=LatencyModel.modelled(), seed=1, region=REGION, check_wire=check_wire
    )
    twin.ecs.create_cluster(clusterName="slipway-environments")
    for number in (1, 2):
        twin.ecr.push("web", a_pull(number).commit)
    yield Stage(twin.client, settings(listener=twin.elbv2.add_listener()), twin)


def _moto() -> Iterator[Stage]:
    with mock_aws():
        clients: dict[str, Any] = {}
        session: Any = boto3.Session("AKIDEXAMPLE", "made-up")

        def client(service: str) -> Any:
            if service not in clients:
                clients[service] = session.client(service, region_name=REGION)
            return clients[service]

        vpc = client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            client("ec2").create_subnet(
                VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"{REGION}{zone}"
            )
            for n, zone in enumerate("ac")
        ]
        ids = tuple(subnet["Subnet"]["SubnetId"] for subnet in subnets)
        group = client("ec2").create_security_group(GroupName="previews", Description="x", VpcId=vpc)[
            "GroupId"
        ]
        balancer = client("elbv2").create_load_balancer(Name="previews", Subnets=list(ids))["LoadBalancers"][
            0
        ]
        listener = client("elbv2").create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
        )["Listeners"][0]
        client("ecs").create_cluster(clusterName="slipway-environments")
        yield Stage(
            client,
            settings(listener=listener["ListenerArn"], vpc=vpc, subnets=ids, security_groups=(group,)),
            None,
        )


def with_port(made: Environments, port: int) -> Environments:
    """Return the settings with templates of another port."""
    return replace(
        made, repositories={name: replace(one, port=port) for name, one in made.repositories.items()}
    )


FACES: dict[str, Callable[[], Iterator[Stage]]] = {
    "twin": lambda: _twin(check_wire=False),
    "checked twin": lambda: _twin(check_wire=True),
    "moto": _moto,
}


@pytest.fixture(params=sorted(FACES))
def stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "made-up")
    yield from FACES[request.param]()


@pytest.fixture
def twin() -> Iterator[Stage]:
    yield from _twin(check_wire=True)


def test_what_is_made_is_found_and_what_is_removed_is_gone(stage: Stage) -> None:
    found = stage.make()
    assert found.service is not None
    assert (found.service.family, stage.families(found)) == (
        stage.spec.family,
        frozenset({stage.spec.family}),
    )
    assert [(rule.host, rule.priority) for rule in found.rules] == [(stage.spec.host, 7)]
    assert found.target_group is not None
    assert found.target_group.health_path == "/"
    assert (found.log_group, found.has_retention, found.key) == (stage.spec.log_group, True, stage.spec.key)
    stage.host.remove(found)
    after = stage.found()
    assert after.service is None or not after.is_served
    assert (after.rules, after.target_group, after.log_group, stage.families(after)) == (
        (),
        None,
        None,
        frozenset(),
    )


def test_a_second_make_changes_nothing_and_a_newer_spec_moves_the_service(stage: Stage) -> None:
    before = stage.make()
    assert stage.make() == before
    newer = replace(spec_of(a_pull(1, commit="b" * 40), stage.settings), health_path="/health")
    stage.make(newer)
    found = stage.make(newer)
    assert found.service is not None
    assert (found.service.family, stage.families(found)) == (newer.family, frozenset({newer.family}))
    assert found.target_group is not None
    assert found.target_group.health_path == "/health"


def test_a_spec_with_another_port_moves_the_service_and_what_balances_it(stage: Stage) -> None:
    """[ECS-SERVICE-PORT]"""
    stage.make()
    newer = spec_of(a_pull(1), with_port(stage.settings, 9_090))
    found = stage.make(newer)
    assert found.service is not None
    assert found.service.family == newer.family
    (service,) = stage.client("ecs").describe_services(cluster=stage.settings.cluster, services=[newer.name])[
        "services"
    ]
    assert [balancer["containerPort"] for balancer in service["loadBalancers"]] == [9_090]


def test_an_update_that_leaves_the_old_port_is_refused(twin: Stage) -> None:
    """[ECS-SERVICE-PORT]"""
    twin.make()
    newer = spec_of(a_pull(1), with_port(twin.settings, 9_090))
    twin.make(newer)
    with pytest.raises(ClientError, match="did not have a container port 9090 defined"):
        twin.client("ecs").update_service(
            cluster=twin.settings.cluster, service=newer.name, taskDefinition=twin.spec.family
        )


def test_two_environments_are_two_and_a_rule_of_somebody_else_is_foreign(stage: Stage) -> None:
    stage.make()
    other = spec_of(a_pull(2), stage.settings)
    stage.make(other, priority=8)
    stage.client("elbv2").create_rule(
        ListenerArn=stage.settings.listener,
        Priority=45_000,
        Conditions=[{"Field": "host-header", "HostHeaderConfig": {"Values": ["*.pr-env.example.com"]}}],
        Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
    )
    survey = stage.host.survey()
    assert len(survey.found) == 2
    assert [(rule.hosts, rule.priority) for rule in survey.foreign] == [(("*.pr-env.example.com",), 45_000)]


def test_removing_twice_removes_once(stage: Stage) -> None:
    found = stage.make()
    stage.host.remove(found)
    stage.host.remove(replace(found, service=None, families=frozenset()))


def test_a_priority_that_is_used_is_refused_and_the_next_try_may_take_another(stage: Stage) -> None:
    stage.make()
    other = spec_of(a_pull(2), stage.settings)
    with pytest.raises(RefusedError):
        stage.make(other, priority=7)
    found = stage.make(other, priority=9)
    assert [rule.priority for rule in found.rules] == [9]


def test_a_service_cannot_be_made_on_a_target_group_that_no_rule_names(twin: Stage) -> None:
    with pytest.raises(RefusedError, match="associated load balancer"):
        twin.host.make(Make(twin.spec, twin.found(), True, None))


def test_a_load_balancer_that_is_full_leaves_nothing_of_what_was_begun(twin: Stage) -> None:
    assert twin.twin is not None
    twin.twin.elbv2.most_rules = 0
    with pytest.raises(RefusedError) as caught:
        twin.make()
    assert caught.value.code == "TooManyRules"
    assert twin.found().target_group is None
    assert twin.found().log_group is None


def test_a_service_that_was_made_twice_or_still_drains_is_refused(twin: Stage) -> None:
    found = twin.make()
    with pytest.raises(RefusedError, match="not idempotent"):
        twin.host.make(Make(twin.spec, replace(found, service=None), True))
    twin.host.remove(found)
    with pytest.raises(RefusedError, match="Draining"):
        twin.host.make(Make(twin.spec, Found(twin.spec.name), True, 7))


def test_a_lost_answer_is_an_unknown_outcome(twin: Stage) -> None:
    assert twin.twin is not None
    twin.twin.faults.next_error("ecs", "CreateService", "LostReply", after_success=True)
    with pytest.raises(UnknownOutcomeError):
        twin.make()
    assert twin.found().is_served


def test_more_than_a_page_of_everything_is_found(twin: Stage) -> None:
    for number in range(1, 61):
        twin.make(spec_of(a_pull(number), twin.settings), priority=number)
    survey = twin.host.survey()
    assert len(survey.found) == 60
    assert all(found.service and found.rules and found.log_group for found in survey.found.values())


def test_images_are_found_by_tag_and_a_repository_that_is_not_there_has_none(twin: Stage) -> None:
    images = EcrImages(lambda _region: twin.client("ecr"))
    there, tag, place = (
        f"{REGISTRY}/web:{a_pull(1).commit}", f"{REGISTRY}/web:none", f"{REGISTRY}/nowhere:1",
    )  # fmt: skip
    assert images.that_exist([there, tag, place, "nginx:latest"]) == {there}
