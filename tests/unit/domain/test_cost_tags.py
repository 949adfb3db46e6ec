"""Cost tags: AWS's characters, whatever somebody named a workflow."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from local.twin.aws.ecs.service import _TAG
from slipway.domain.cost_tags import MAX_VALUE, cost_tags, task_arn
from slipway.domain.milestones import JobFacts


def facts(workflow: str = "CI") -> JobFacts:
    return JobFacts(
        job="acme/1-1", run_id=1, organization="acme", repository="acme/web", workflow=workflow, job_name="build",
        profile="medium", pool="general", runner_name="slipway-medium-0",
    )  # fmt: skip


def test_a_job_s_tags_say_whose_it_is() -> None:
    assert cost_tags(facts()) == {
        "slipway:organization": "acme",
        "slipway:repository": "acme/web",
        "slipway:workflow": "CI",
    }
    assert "slipway:workflow" not in cost_tags(facts(""))


@given(st.text(max_size=600))
def test_no_name_makes_a_tag_that_aws_refuses(workflow: str) -> None:
    for key, value in cost_tags(facts(workflow)).items():
        assert _TAG.fullmatch(key + value)
        assert len(value) <= MAX_VALUE


def test_a_task_s_arn_is_that_of_its_host_but_for_kind_and_id() -> None:
    """[ECS-ARN-FORMAT]"""
    host = "arn:aws-cn:ecs:cn-north-1:111122223333:container-instance/slipway-general/0123"
    assert task_arn(host, "slipway-general", "abc") == (
        "arn:aws-cn:ecs:cn-north-1:111122223333:task/slipway-general/abc"
    )
