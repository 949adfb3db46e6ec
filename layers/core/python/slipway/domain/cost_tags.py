"""Cost tags: what a task is tagged with once it is known whose job it runs, so that AWS's own bill can be split. Pure.

Tags are set late, and not with RunTask: a container starts for no job in particular, and GitHub may give it another
than it was registered for [GH-JIT-NOT-BOUND].
"""

from __future__ import annotations

import re

from slipway.domain.milestones import JobFacts

MAX_VALUE = 256
_NOT_ALLOWED = re.compile(r"[^\w +\-=.:/@]")  # [ECS-TAGS]
_OF_INSTANCE = re.compile(r":container-instance/.*", re.ASCII)


def cost_tags(job: JobFacts) -> dict[str, str]:
    """Return a job's tags: names in AWS's characters, those that are not allowed as ``_``."""
    values = {"organization": job.organization, "repository": job.repository, "workflow": job.workflow}
    return {
        f"slipway:{name}": _NOT_ALLOWED.sub("_", value)[:MAX_VALUE] for name, value in values.items() if value
    }


def task_arn(instance_arn: str, cluster: str, task_id: str) -> str:
    """Return the ARN of a task by that of the container instance under it [ECS-ARN-FORMAT]."""
    return _OF_INSTANCE.sub(f":task/{cluster}/{task_id}", instance_arn)
