"""Who is calling: the task behind an IAM-signed claim."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ASSUMED_ROLE = re.compile(
    r"arn:aws[a-z-]*:sts::([0-9]{12}):assumed-role/([\w+=,.@-]{1,64})/([0-9a-f]{32})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class TaskIdentity:
    """An ECS task, as IAM proved it: account, role name and task id."""

    account_id: str
    role: str
    task_id: str


def read_task_identity(user_arn: object) -> TaskIdentity | None:
    """Read the authorizer's ARN; ``None`` when it is not that of an ECS task's role.

    The session name of a task role is the task id [IAM-TASK-SESSION-NAME]. Only the authorizer is believed,
    never the body of the request.
    """
    match = _ASSUMED_ROLE.fullmatch(user_arn) if isinstance(user_arn, str) else None
    return TaskIdentity(match[1], match[2], match[3]) if match else None
