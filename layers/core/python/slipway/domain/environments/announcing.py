"""What a pull request is told of its environment: one comment, and the status of a deployment."""

from __future__ import annotations

import hashlib
from enum import StrEnum

from slipway.domain.environments.found import Note
from slipway.domain.environments.names import EnvironmentKey, resource_name
from slipway.domain.environments.reasons import REFUSED, Why
from slipway.domain.environments.settings import Environments
from slipway.domain.environments.spec import SHORT_COMMIT, host_of


class DeploymentState(StrEnum):
    """The states of a deployment that are used, in GitHub's words."""

    IN_PROGRESS = "in_progress"
    SUCCESS = "success"
    FAILURE = "failure"
    INACTIVE = "inactive"


_SENTENCES = {
    Why.READY: "Ready at {address}, with commit {commit}.",
    Why.OUTDATED: "{address} still runs an earlier commit: that of {commit} is not there yet, or does not start.",
    Why.DEPLOYING: "Commit {commit} is being started; it will be at {address}.",
    Why.FAILING: "No task of commit {commit} runs. If none does for {unhealthy} minutes, the environment is removed.",
    Why.IMAGE_AWAITED: "Waits for the image of commit {commit}.",
    Why.LIMIT: "Waits: there are as many environments as there may be. Closing one makes room.",
    Why.REPOSITORY_LIMIT: "Waits: this repository has as many environments as it may have. Closing one makes room.",
    Why.RULE_LIMIT: "Waits: the load balancer takes no more rules.",
    Why.HOST_TAKEN: "Waits: something else answers at {address}.",
    Why.CLOSING: "Waits until what was there before is gone.",
    Why.DRAFT: "Removed: drafts have no environment.",
    Why.NO_LABEL: "Removed: the label `{label}` is gone.",
    Why.CLOSED: "Removed: the pull request is closed.",
    Why.EXPIRED: "Removed: its time is over. A new commit brings it back; the label `{keep}` keeps it.",
    Why.UNHEALTHY: "Removed: no task of commit {commit} could be started. A new commit is tried again.",
    Why.NOT_CONFIGURED: "Removed: this repository has no environments any more.",
}
# Nobody of ours is there to hear these.
_UNTOLD = {
    Why.FORK: "Refused: it comes from a fork, and forks get no environment.",
    Why.REPOSITORY_GONE: "Removed: GitHub knows the repository no more, or does not show it to the App.",
}
_STATES = {
    Why.READY: DeploymentState.SUCCESS,
    Why.DEPLOYING: DeploymentState.IN_PROGRESS,
    Why.UNHEALTHY: DeploymentState.FAILURE,
    Why.EXPIRED: DeploymentState.INACTIVE,
    **dict.fromkeys(REFUSED, DeploymentState.INACTIVE),
}


def marker(deployment: str, key: EnvironmentKey) -> str:
    """Return what is hidden in the comment, by which it is found again."""
    return f"<!-- {resource_name(deployment, key)} -->"


def comment_of(note: Note, settings: Environments) -> str | None:
    """Return the comment's text; None where there is nothing to say, or nobody of ours to say it to.

    A fork's author is told nothing: what we would answer to anybody, anybody could make us write.
    """
    if note.why in _UNTOLD or (note.why in REFUSED and note.comment_id is None):
        return None
    return f"{marker(settings.deployment, note.key)}\n**Preview environment.** {sentence_of(note, settings)}"


def sentence_of(note: Note, settings: Environments) -> str:
    """Return how it is with an environment, in one sentence of Markdown."""
    return {**_SENTENCES, **_UNTOLD}[note.why].format(
        address=address_of(note.key, settings),
        commit=f"`{note.commit[:SHORT_COMMIT]}`",
        unhealthy=settings.unhealthy_after_seconds // 60,
        label=settings.label,
        keep=settings.keep_label,
    )


def address_of(key: EnvironmentKey, settings: Environments) -> str:
    """Return the address of an environment, nothing where its repository is configured no longer."""
    return f"https://{host_of(key, settings)}" if key.repository in settings.repositories else ""


def state_of(note: Note) -> DeploymentState | None:
    """Return the state of the deployment of a note's commit; None where it stays as it was told."""
    return _STATES.get(note.why)


def digest(text: str) -> str:
    """Return what is remembered of a text that was told."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
