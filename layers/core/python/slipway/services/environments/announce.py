"""Tell pull requests of their environments, each thing once."""

from __future__ import annotations

from dataclasses import replace

from slipway.domain.environments.announcing import (
    DeploymentState,
    address_of,
    comment_of,
    digest,
    marker,
    state_of,
)
from slipway.domain.environments.found import Note
from slipway.domain.environments.settings import Environments
from slipway.domain.errors import RefusedError, SlipwayError
from slipway.ports.environments import PullRequests

_NO_SUCH = {"404", "410"}


class Announce:
    """Writes a comment and the status of a deployment where they differ from what was told last."""

    def __init__(self, settings: Environments, pulls: PullRequests) -> None:
        self._settings = settings
        self._pulls = pulls

    def __call__(self, note: Note) -> tuple[Note, tuple[SlipwayError, ...]]:
        """Tell a pull request; return what is to be remembered, and what failed: it is tried again."""
        faults: list[SlipwayError] = []
        for tell in (self._comment, self._deployment):
            try:
                note = tell(note)
            except RefusedError as fault:
                # Nobody is left to be told. Anything else is worth an operator's look.
                if fault.code not in _NO_SUCH:
                    faults.append(fault)
            except SlipwayError as fault:
                faults.append(fault)
        return note, tuple(faults)

    def _comment(self, note: Note) -> Note:
        text = comment_of(note, self._settings)
        if text is None or digest(text) == note.told:
            return note
        mark = marker(self._settings.deployment, note.key)
        comment_id = self._pulls.comment(note.key, note.comment_id, mark, text)
        return replace(note, comment_id=comment_id, told=digest(text))

    def _deployment(self, note: Note) -> Note:
        state = state_of(note)
        is_beginning = state in (DeploymentState.IN_PROGRESS, DeploymentState.SUCCESS)
        commit = note.deployed.partition(":")[0]
        if state is None or note.deployed == f"{commit if not is_beginning else note.commit}:{state}":
            return note
        if is_beginning and commit != note.commit:
            note = self._begin(note)
        if note.deployment_id is None:
            return note
        address = address_of(note.key, self._settings) if state is DeploymentState.SUCCESS else ""
        self._pulls.report(note.key, note.deployment_id, state, address)
        return replace(note, deployed=f"{note.deployed.partition(':')[0]}:{state}")

    def _begin(self, note: Note) -> Note:
        """Begin the deployment of another commit; the one before is over."""
        if note.deployment_id is not None:
            self._pulls.report(note.key, note.deployment_id, DeploymentState.INACTIVE, "")
        made = self._pulls.deployment(note.key, note.commit, f"pr-{note.key.number}")
        return replace(note, deployment_id=made, deployed=f"{note.commit}:")
