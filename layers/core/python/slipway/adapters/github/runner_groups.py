"""Runner groups: the boundary that says whose jobs a runner may take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slipway.adapters.github.http import GitHubApi
from slipway.adapters.github.registrations import scope_path
from slipway.domain.configuration import GitHubTarget, Registration
from slipway.domain.errors import RefusedError
from slipway.domain.group_facts import GroupFacts
from slipway.domain.snapshot import WaitingJob
from slipway.ports.clock import Clock
from slipway.ports.ledger import CheckedGroups

REPOSITORY_GROUP_ID = 1  # repositories have no groups; the call wants an id all the same [GH-JIT-REPO-GROUP]
_CHECKED_FOR_SECONDS = 900  # how long a group that someone widens by hand can go unnoticed
_LISTED_FOR_SECONDS = 3_600


class RunnerGroups:
    """Finds or creates the group of a job, and refuses one whose settings are not what was asked for.

    Enterprise registration: one group an organization, visible to it alone; GitHub gives a runner to any
    matching job of its group, so a wider group would hand one organization's runner to another.
    """

    def __init__(self, api: GitHubApi, github: GitHubTarget, clock: Clock, shared: CheckedGroups) -> None:
        self._api = api
        self._github = github
        self._clock = clock
        self._shared = shared
        self._checked: dict[str, tuple[int, float]] = {}
        self._listed: dict[str, tuple[frozenset[int], float]] = {}

    def group_id(self, job: WaitingJob, token: Callable[[], str]) -> int:
        """Return the id of the group in which a runner for this job belongs.

        Raises:
            RefusedError: a group of that name exists but lets others in.
        """
        if self._github.registration is Registration.REPOSITORY:
            return REPOSITORY_GROUP_ID
        organization, now = job.organization.lower(), self._clock.now()
        known = _fresh(self._checked.get(organization), now) or _fresh(
            self._shared.checked(organization), now
        )
        if known is None:
            known = (self._resolve(job, token), now)
            self._shared.keep_checked(organization, *known)
        self._checked[organization] = known
        return known[0]

    def forget(self, job: WaitingJob) -> None:
        """Look at the job's group anew at the next claim: it may have been deleted."""
        self._checked.pop(job.organization.lower(), None)
        self._shared.forget_checked(job.organization.lower())

    def owned(self, place: str, token: Callable[[], str]) -> frozenset[int]:
        """Return the ids of the groups at a place that are for our runners alone; repositories have no groups.

        ``place`` is an organization, or anything for the enterprise, which is one place. Asked once an hour: groups
        keep their ids.
        """
        if self._github.registration is Registration.REPOSITORY:
            return frozenset()
        known, now = self._listed.get(place), self._clock.now()
        if known is None or now - known[1] >= _LISTED_FOR_SECONDS:
            ours = (group for group in self._of_ours(place, token) if not group.get("default"))
            known = (frozenset(int(group["id"]) for group in ours), now)
            self._listed[place] = known
        return known[0]

    def facts(self, place: str, token: Callable[[], str]) -> list[GroupFacts]:
        """Return what GitHub has of the groups of ours at a place, the default one too if it bears our name."""
        return [self._facts(group, place, token) for group in self._of_ours(place, token)]

    def _facts(self, group: dict[str, Any], place: str, token: Callable[[], str]) -> GroupFacts:
        path = f"{scope_path(self._github, place)}/actions/runner-groups/{group['id']}/organizations"
        is_closed = group.get("restricted_to_workflows")
        is_selected = group.get("visibility") == "selected"
        organizations = None
        if is_selected and self._github.registration is Registration.ENTERPRISE:
            pages = self._api.pages(path, token)
            organizations = tuple(
                sorted(item["login"].lower() for page in pages for item in page["organizations"])
            )
        return GroupFacts(
            place=place,
            id=int(group["id"]),
            name=group["name"],
            visibility=str(group.get("visibility", "")),
            is_default=bool(group.get("default")),
            allows_public_repositories=bool(group.get("allows_public_repositories")),
            workflows=tuple(sorted(group.get("selected_workflows", ()))) if is_closed else None,
            organizations=organizations,
        )

    def _of_ours(self, place: str, token: Callable[[], str]) -> list[dict[str, Any]]:
        pages = self._api.pages(f"{scope_path(self._github, place)}/actions/runner-groups", token)
        return [
            dict(group) for page in pages for group in page["runner_groups"] if self._is_ours(group["name"])
        ]

    def _is_ours(self, name: str) -> bool:
        if self._github.runner_group is not None:
            return name.lower() == self._github.runner_group.lower()
        at_enterprise = self._github.registration is Registration.ENTERPRISE
        own = self._github.deployment
        return name.lower().startswith(f"{own}-") if at_enterprise else name.lower() == own

    def _resolve(self, job: WaitingJob, token: Callable[[], str]) -> int:
        path, name, shared = self._place(job)
        group = self._find(path, name, token)
        if group is None:
            if shared and self._github.runner_group is not None:
                raise RefusedError(
                    f"runner group {name!r} does not exist; create it or leave the choice to Slipway"
                )
            group = self._create_or_find(path, name, job, token)
        self._check(group, path, name, job, token, shared=shared)
        return int(group["id"])

    def _place(self, job: WaitingJob) -> tuple[str, str, bool]:
        """Return where the group is, its name, and whether several organizations share it."""
        path, own = (
            f"{scope_path(self._github, job.organization)}/actions/runner-groups",
            self._github.deployment,
        )
        if self._github.registration is not Registration.ENTERPRISE:
            return path, self._github.runner_group or own, False
        if self._github.runner_group is not None:
            return path, self._github.runner_group, True
        return path, f"{own}-{job.organization.lower()}", False

    def _find(self, path: str, name: str, token: Callable[[], str]) -> dict[str, Any] | None:
        for page in self._api.pages(path, token):
            for group in page["runner_groups"]:
                if group["name"].lower() == name.lower():
                    return dict(group)
        return None

    def _create_or_find(
        self, path: str, name: str, job: WaitingJob, token: Callable[[], str]
    ) -> dict[str, Any]:
        """Create a group; the first claims of an organization come together, and one of them is first."""
        try:
            return self._create(path, name, job, token)
        except RefusedError as fault:
            group = self._find(path, name, token) if fault.code == "409" else None
            if group is None:
                raise
            return group

    def _create(self, path: str, name: str, job: WaitingJob, token: Callable[[], str]) -> dict[str, Any]:
        public = self._github.allow_public_repositories
        body: dict[str, Any] = {"name": name, "allows_public_repositories": public}
        if self._github.allowed_workflows:
            workflows = list(self._github.allowed_workflows)
            body |= {"restricted_to_workflows": True, "selected_workflows": workflows}
        if self._github.registration is Registration.ENTERPRISE:
            body |= {"visibility": "selected", "selected_organization_ids": [job.organization_id]}
        else:
            body |= {"visibility": "all"}
        return dict(self._api.call("POST", path, token, json=body))

    def _check(
        self,
        group: dict[str, Any],
        path: str,
        name: str,
        job: WaitingJob,
        token: Callable[[], str],
        *,
        shared: bool,
    ) -> None:
        """Refuse a group that someone changed by hand so that it lets in more than was asked for."""
        if group.get("default"):
            raise RefusedError(f"runner group {name!r} is the default group, which everybody may use")
        if group.get("allows_public_repositories") and not self._github.allow_public_repositories:
            raise RefusedError(f"runner group {name!r} allows public repositories; turn that off")
        self._check_workflows(group, name)
        if self._github.registration is not Registration.ENTERPRISE or shared:
            return
        if group.get("visibility") != "selected":
            raise RefusedError(
                f"runner group {name!r} is visible to all organizations; select {job.organization} only"
            )
        pages = self._api.pages(f"{path}/{group['id']}/organizations", token)
        # By login, not by id: the id came with a webhook, and who signs for one organization can send any.
        visible_to = {item["login"].lower() for page in pages for item in page["organizations"]}
        if visible_to != {job.organization.lower()}:
            raise RefusedError(f"runner group {name!r} must be visible to {job.organization} and no other")

    def _check_workflows(self, group: dict[str, Any], name: str) -> None:
        """Refuse a group open to other workflows than was asked for [GH-GROUP-WORKFLOWS].

        One that is closed to some of them is refused too: their jobs would wait for runners that cannot take them.
        """
        wanted = set(self._github.allowed_workflows)
        restricted = bool(group.get("restricted_to_workflows"))
        if restricted != bool(wanted) or (wanted and set(group.get("selected_workflows", [])) != wanted):
            admitted = (
                f"the workflows {', '.join(sorted(wanted))} and no other" if wanted else "every workflow"
            )
            raise RefusedError(f"runner group {name!r} must admit {admitted}, as github.allow.workflows says")


def _fresh(known: tuple[int, float] | None, now: float) -> tuple[int, float] | None:
    """Return what was found in order a short while ago; what is older tells nothing."""
    return known if known is not None and now - known[1] < _CHECKED_FOR_SECONDS else None
