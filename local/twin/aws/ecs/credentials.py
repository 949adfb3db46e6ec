"""Task role credentials: what the agent hands a container, and whose they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from local.twin.aws.ecs.state import EcsState
from local.twin.aws.ecs.tasks import task_role
from local.twin.clock import iso

#: Task credentials live six hours [IAM-TASK-CREDENTIALS-LIFE].
LIFETIME_SECONDS = 6 * 3600.0
_RENEW_BEFORE_SECONDS = 15 * 60.0


@dataclass(frozen=True, slots=True)
class TaskIdentity:
    """Whose key it is; the secret and token stay out of its repr."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    arn: str
    role_arn: str
    task_id: str
    expires_at: float


class TaskCredentials:
    """Issues credentials per task; they outlive the task, as in AWS [IAM-CREDENTIALS-OUTLIVE-TASK]."""

    def __init__(self, state: EcsState) -> None:
        self._state = state
        self._context = state.context
        self._newest: dict[str, TaskIdentity] = {}
        self._by_key: dict[str, TaskIdentity] = {}

    def of_task(self, task_id: str) -> dict[str, Any] | None:
        """The answer of the credentials endpoint, or None where it answers 404.

        Only a task that has started and not stopped gets an answer.
        """
        task = self._state.tasks_by_id.get(task_id)
        role = None if task is None or task.last_status == "STOPPED" else task_role(task)
        if task is None or role is None or "startedAt" not in task.moments:
            return None
        identity = self._newest.get(task_id)
        if identity is None or identity.expires_at - _RENEW_BEFORE_SECONDS <= self._context.now():
            identity = self._issue(task_id, role)
        return {
            "RoleArn": identity.role_arn,
            "AccessKeyId": identity.access_key_id,
            "SecretAccessKey": identity.secret_access_key,
            "Token": identity.session_token,
            "Expiration": iso(identity.expires_at),
        }

    def identity_of(self, access_key_id: str) -> TaskIdentity | None:
        """Whose unexpired key this is; None for a key that IAM would refuse."""
        identity = self._by_key.get(access_key_id)
        if identity is not None and identity.expires_at <= self._context.now():
            del self._by_key[access_key_id]
            return None
        return identity

    def _issue(self, task_id: str, role_arn: str) -> TaskIdentity:
        ids, context = self._context.ids, self._context
        role_name = role_arn.rsplit("/", 1)[-1]
        identity = TaskIdentity(
            access_key_id=ids.access_key_id(),
            secret_access_key=ids.secret(40),
            session_token=ids.secret(200),
            # The session name of a task role is the task id [IAM-TASK-SESSION-NAME].
            arn=f"arn:aws:sts::{context.account_id}:assumed-role/{role_name}/{task_id}",
            role_arn=role_arn,
            task_id=task_id,
            expires_at=context.now() + LIFETIME_SECONDS,
        )
        self._newest[task_id] = self._by_key[identity.access_key_id] = identity
        return identity
