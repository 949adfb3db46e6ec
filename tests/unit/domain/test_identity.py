"""Who calls: only the role of an ECS task is a caller."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.domain.identity import TaskIdentity, read_task_identity

TASK_ID = "0123456789abcdef0123456789abcdef"
ARN = f"arn:aws:sts::111122223333:assumed-role/slipway-general-task/{TASK_ID}"


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov", "aws-cn", "aws-iso-b"])
def test_a_tasks_role_is_read(partition: str) -> None:
    caller = read_task_identity(ARN.replace("arn:aws:", f"arn:{partition}:"))
    assert caller == TaskIdentity("111122223333", "slipway-general-task", TASK_ID)


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::111122223333:user/mallory",
        f"arn:aws:iam::111122223333:user/{TASK_ID}",
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::111122223333:role/slipway-general-task",
        f"arn:aws:sts::111122223333:federated-user/{TASK_ID}",
        "arn:aws:sts::111122223333:assumed-role/slipway-general-task/i-0123456789abcdef0",
        "arn:aws:sts::111122223333:assumed-role/slipway-general-task/mallory@example.com",
        "arn:aws:sts::111122223333:assumed-role/slipway-general-task",
        f"arn:aws:sts::111122223333:assumed-role//{TASK_ID}",
        f"arn:aws:sts::111122223333:assumed-role/path/slipway-general-task/{TASK_ID}",
        f"arn:aws:sts::11112222333:assumed-role/slipway-general-task/{TASK_ID}",
        ARN.upper(),
        ARN[:-1],
        f"{ARN}0",
        f"{ARN}/more",
        f"{ARN}\n",
        f" {ARN}",
        ARN.replace("111122223333", "１１１１22223333"),
        ARN.replace("aws:sts", "evil:sts"),
        "",
        None,
        7,
        ["arn"],
        {"userArn": ARN},
    ],
    ids=repr,
)
def test_whatever_is_not_the_role_of_an_ecs_task_is_nobody(arn: object) -> None:
    assert read_task_identity(arn) is None


@given(st.none() | st.integers() | st.text() | st.text().map(lambda text: ARN + text))
def test_anything_else_is_nobody(value: object) -> None:
    caller = read_task_identity(value)
    assert (caller is not None) == (value == ARN)


@given(st.text(alphabet="0123456789abcdef", min_size=32, max_size=32))
def test_the_session_is_the_task_id(task_id: str) -> None:
    caller = read_task_identity(ARN.replace(TASK_ID, task_id))
    assert caller is not None
    assert caller.task_id == task_id
