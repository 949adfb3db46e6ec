"""What runs at GitHub: the shared listing of runners, and how long it takes their version."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from slipway.adapters.github.credentials import Credentials, shown
from slipway.adapters.github.http import GitHubApi
from slipway.adapters.github.registrations import registration, scope_path
from slipway.adapters.github.runner_groups import RunnerGroups
from slipway.adapters.github.times import seconds
from slipway.domain.configuration import GitHubTarget
from slipway.domain.errors import RefusedError, SlipwayError, UnavailableError
from slipway.domain.group_facts import GroupFacts
from slipway.domain.runner_versions import Deprecation
from slipway.domain.runners import Registration
from slipway.ports.github import Listing


class GitHubRunnerCensus:
    """Implements ``ports.github.RunnerCensus`` and ``GroupCensus``."""

    def __init__(
        self,
        api: GitHubApi,
        github: GitHubTarget,
        credentials: Credentials,
        groups: RunnerGroups,
    ) -> None:
        self._api = api
        self._github = github
        self._credentials = credentials
        self._groups = groups

    def registrations(self, places: Iterable[str]) -> Listing:
        """List the registrations of each place, one after the other; a place that fails hides no other."""
        found: list[Registration] = []
        strangers: list[Registration] = []
        failures: list[SlipwayError] = []
        whole: set[str] = set()
        for place in places:
            try:
                listed = self._list(place)
                whole.add(place)
                found += [item for item in listed if item.task_id]
                strangers += self._in_our_groups([item for item in listed if not item.task_id])
            except SlipwayError as fault:
                failures.append(fault)
        return Listing(tuple(found), tuple(failures), tuple(strangers), frozenset(whole))

    def deprecation(self, version: str, place: str) -> Deprecation | None:
        """Return until when GitHub takes a runner version; a GHES has no such call [GH-RUNNER-DEPRECATIONS]."""
        if self._github.api_url.endswith("/api/v3"):  # [GH-API-ROOT]
            return None
        path = f"{scope_path(self._github, place)}/actions/runners/deprecations/{version}"
        with self._asking(place) as token:
            try:
                reply = self._api.call("GET", path, token)
            except RefusedError as fault:
                if fault.code == "404":
                    return None
                raise
        ends = (reply.get("registration_deprecates_at"), reply.get("runtime_deprecates_at"))
        return Deprecation(version, *(seconds(end) for end in ends))

    def groups(self, place: str) -> list[GroupFacts]:
        """Return the groups of ours at a place, as GitHub has them now."""
        with self._asking(place) as token:
            return self._groups.facts(place, token)

    def _list(self, place: str) -> list[Registration]:
        path = f"{scope_path(self._github, place)}/actions/runners"
        own = self._github.deployment
        with self._asking(place) as token:
            pages = self._api.pages(path, token)
            return [registration(item, place, own) for page in pages for item in page["runners"]]

    def _in_our_groups(self, others: list[Registration]) -> list[Registration]:
        """Return the runners of other names that are in groups of ours; without any, no group is looked for."""
        if not others:
            return []
        place = others[0].reach
        with self._asking(place) as token:
            ours = self._groups.owned(place, token)
        return [item for item in others if item.group_id in ours]

    @contextmanager
    def _asking(self, place: str) -> Iterator[Callable[[], str]]:
        """Give the token of a place; whoever is refused an answer has none."""
        try:
            with shown(self._credentials, place) as token:
                yield token
        except RefusedError as fault:
            raise UnavailableError(str(fault)) from fault
