"""What every ``Cluster`` must do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from slipway.domain.configuration import Docker
from slipway.domain.errors import (
    RefusedError,
    SlipwayError,
    ThrottledError,
    UnavailableError,
    UnknownOutcomeError,
)
from slipway.domain.instances import InstanceState
from slipway.domain.matching import Shape
from slipway.domain.resources import Resources
from slipway.ports.cluster import Refusal
from tests.builders import SHAPE, a_launch_intent, a_run_intent, a_task_id
from tests.contract.aws_faces import Face
from tests.contract.capacity_stage import Capacity, build_capacity
from tests.contract.ledger_cases import Case


@pytest.fixture
def stage(aws: Face) -> Capacity:
    return build_capacity(aws)


def test_tasks_start_with_shape_and_intent_and_can_be_found(stage: Capacity) -> None:
    stage.host()
    result = stage.cluster.run(a_run_intent(3, token="intent-1"))
    assert (len(result.tasks), result.refusals) == (3, ())
    for task in result.tasks:
        found = stage.cluster.find_task(task.task_id)
        assert found is not None
        assert (found.shape, found.intent, found.is_stopped) == (SHAPE, "intent-1", False)
        assert found.instance_arn == stage.cluster.instances()[0].arn
        assert found.created_at == stage.aws.account.clock.now()
    assert {task.task_id for task in stage.cluster.tasks()} == {task.task_id for task in result.tasks}


def test_a_size_other_than_the_profile_s_is_run_and_read_back(stage: Capacity) -> None:
    """[ECS-TASK-SIZE]"""
    stage.host()
    wanted = Shape("medium", Resources(4096, 14336))
    (task,) = stage.cluster.run(a_run_intent(1, shape=wanted)).tasks
    assert task.shape == wanted
    assert [one.shape for one in stage.cluster.tasks()] == [wanted]


def test_a_task_is_tagged_for_the_bill_and_one_that_is_gone_is_no_error(stage: Capacity) -> None:
    """[ECS-TAGS] [ECS-ARN-FORMAT]"""
    stage.host()
    (task,) = stage.cluster.run(a_run_intent(1)).tasks
    assert task.instance_arn is not None
    for repository in ("acme/one", "acme/two"):
        stage.cluster.tag(task.task_id, task.instance_arn, {"slipway:repository": repository})
    assert stage.tags_of(task.task_id) == {"slipway:repository": "acme/two"}
    stage.cluster.tag(a_task_id(99), task.instance_arn, {"slipway:repository": "acme/one"})


def test_the_same_intent_again_starts_nothing_and_tells_of_the_same_tasks(stage: Capacity) -> None:
    """[ECS-RUNTASK-TOKEN]"""
    stage.host()
    first = stage.cluster.run(a_run_intent(2))
    again = stage.cluster.run(a_run_intent(2))
    assert {task.task_id for task in again.tasks} == {task.task_id for task in first.tasks}
    assert stage.live_tasks() == 2


def test_a_run_whose_reply_was_lost_is_repeated_for_its_tasks(stage: Capacity) -> None:
    stage.host()
    stage.fail("ecs", "RunTask", "LostReply", after_success=True)
    with pytest.raises(UnknownOutcomeError):
        stage.cluster.run(a_run_intent(2))
    assert len(stage.cluster.run(a_run_intent(2)).tasks) == 2
    assert stage.live_tasks() == 2


def test_one_intent_that_runs_twice_at_once_starts_its_tasks_once(shared_case: Case) -> None:
    stage = build_capacity(shared_case.aws)
    stage.host()
    with ThreadPoolExecutor(4) as functions:
        list(functions.map(lambda _: stage.cluster.run(a_run_intent(2)), range(8)))
    assert stage.live_tasks() == 2


def test_other_parameters_under_one_token_are_refused(stage: Capacity) -> None:
    """[ECS-RUNTASK-TOKEN]"""
    stage.host()
    stage.cluster.run(a_run_intent(1))
    with pytest.raises(RefusedError):
        stage.cluster.run(a_run_intent(2))


def test_what_does_not_fit_is_a_failure_beside_what_was_placed(stage: Capacity) -> None:
    """[ECS-FAILURE-REASONS]"""
    stage.host()
    result = stage.cluster.run(a_run_intent(6))
    assert len(result.tasks) < 6
    assert result.refusals
    assert all(refusal.is_for_room and refusal.instance_arn for refusal in result.refusals)


def test_an_empty_cluster_places_nothing_and_is_no_error(stage: Capacity) -> None:
    """[ECS-EMPTY-CLUSTER]"""
    result = stage.cluster.run(a_run_intent(1))
    assert (result.tasks, result.refusals) == ((), (Refusal("EMPTY_CLUSTER"),))
    assert stage.cluster.instances() == []
    assert stage.cluster.tasks() == []


def test_one_instance_is_found_by_its_arn_or_its_ec2_id_and_no_other_is_read(stage: Capacity) -> None:
    """[ECS-QUERY-LANGUAGE]"""
    stage.host(2)
    first, second = stage.cluster.instances()
    before = stage.aws.account.calls.copy()
    assert stage.cluster.instances(arn=second.arn) == [second]
    assert stage.aws.account.calls - before == {"ecs.DescribeContainerInstances": 1}
    assert stage.cluster.instances(instance_id=first.instance_id) == [first]


def test_an_instance_that_is_not_registered_is_not_found(stage: Capacity) -> None:
    stage.host()
    (known,) = stage.cluster.instances()
    assert known.arn is not None
    assert stage.cluster.instances(arn=known.arn[:-4] + "beef") == []
    assert stage.cluster.instances(instance_id="i-0beefbeefbeefbeef") == []


def test_exclusive_tasks_share_no_instance(stage: Capacity) -> None:
    stage.host(2)
    result = stage.cluster.run(a_run_intent(2, exclusive=True))
    assert len({task.instance_arn for task in result.tasks}) == 2


def test_a_privileged_task_gets_an_interface_of_its_own(aws: Face) -> None:
    """[ECS-AWSVPC]"""
    stage = build_capacity(aws, Docker.PRIVILEGED)
    stage.host()
    (task,) = stage.cluster.run(a_run_intent(1)).tasks
    reply = stage.aws.client("ecs").describe_tasks(cluster=stage.pool.cluster, tasks=[task.task_id])
    assert [one["type"] for one in reply["tasks"][0]["attachments"]] == ["ElasticNetworkInterface"]


def test_tasks_on_a_bridge_have_no_interface_of_their_own(stage: Capacity) -> None:
    stage.host()
    (task,) = stage.cluster.run(a_run_intent(1)).tasks
    reply = stage.aws.client("ecs").describe_tasks(cluster=stage.pool.cluster, tasks=[task.task_id])
    assert reply["tasks"][0]["attachments"] == []


def test_a_stopped_task_is_listed_no_more_and_found_for_a_while(stage: Capacity) -> None:
    """[ECS-STOPPED-VISIBLE]"""
    stage.host()
    (task,) = stage.cluster.run(a_run_intent(1)).tasks
    stage.advance(1)
    for _ in range(2):
        stage.cluster.stop(task.task_id, "idle " * 100)
        stage.advance(200)
    assert stage.cluster.tasks() == []
    found = stage.cluster.find_task(task.task_id)
    assert found is not None
    assert found.is_stopped


def test_a_task_that_never_was_is_not_found_and_stopping_it_is_no_error(stage: Capacity) -> None:
    assert stage.cluster.find_task(a_task_id(1)) is None
    stage.cluster.stop(a_task_id(1), "never was")


def test_tasks_that_we_did_not_start_are_not_ours(stage: Capacity) -> None:
    stage.host()
    ecs = stage.aws.client("ecs")
    for family, started_by in [("somebody-else-s", "someone"), ("slipway-medium", "ecs-svc/1")]:
        ecs.run_task(cluster=stage.pool.cluster, taskDefinition=family, count=1, startedBy=started_by)
    assert stage.live_tasks() == 2
    assert stage.cluster.tasks() == []


def test_more_tasks_than_one_call_describes_are_listed(stage: Capacity) -> None:
    """[ECS-DESCRIBE-LIMIT]"""
    stage.host(40)
    for number in range(12):
        stage.cluster.run(a_run_intent(10, token=f"run-{number}"))
    assert len(stage.cluster.tasks()) == stage.live_tasks() > 100


def test_tasks_of_one_instance_are_listed_and_those_of_one_that_is_gone_are_none(stage: Capacity) -> None:
    stage.host(2)
    first, second = stage.cluster.instances()
    result = stage.cluster.run(a_run_intent(2, exclusive=True))
    assert first.arn is not None
    on_first = [task.task_id for task in result.tasks if task.instance_arn == first.arn]
    assert stage.cluster.task_ids_on(first.arn) == on_first
    assert stage.cluster.task_ids_on(str(second.arn)[:-4] + "0000") == []


def test_a_drained_instance_takes_no_task(stage: Capacity) -> None:
    """[ECS-DRAINING]"""
    stage.host()
    (instance,) = stage.cluster.instances()
    assert (instance.state, instance.connected) == (InstanceState.READY, True)
    for _ in range(2):
        stage.cluster.drain(str(instance.arn))
    (drained,) = stage.cluster.instances()
    assert drained.state is InstanceState.DRAINING
    assert stage.cluster.run(a_run_intent(1)).tasks == ()


def test_an_instance_that_is_gone_can_be_drained_all_the_same(stage: Capacity) -> None:
    hosts = stage.host()
    (instance,) = stage.cluster.instances()
    stage.fleet.terminate(hosts)
    stage.advance(600)
    stage.cluster.drain(str(instance.arn))
    assert stage.cluster.instances() == []


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("ThrottlingException", ThrottledError),
        ("ServerException", UnknownOutcomeError),
        ("ServiceUnavailableException", UnavailableError),
        ("LostReply", UnknownOutcomeError),
        ("AccessDeniedException", RefusedError),
        ("InvalidParameterException", RefusedError),
        ("ClusterNotFoundException", RefusedError),
    ],
)
def test_an_error_of_run_task_becomes_ours(stage: Capacity, code: str, wanted: type[SlipwayError]) -> None:
    stage.host()
    stage.fail("ecs", "RunTask", code)
    with pytest.raises(SlipwayError) as caught:
        stage.cluster.run(a_run_intent(1))
    assert type(caught.value) is wanted
    assert stage.live_tasks() == 0


def test_a_launch_is_no_request_for_tasks(stage: Capacity) -> None:
    with pytest.raises(TypeError, match="RunTasks"):
        stage.cluster.run(a_launch_intent(1))
