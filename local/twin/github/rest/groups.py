"""The runner-group calls of an enterprise or an organization."""

from __future__ import annotations

from typing import Any

from local.twin.github.credentials import RefusedError, authorize_runners
from local.twin.github.model import RunnerGroup, Scope
from local.twin.github.payloads import Payloads
from local.twin.github.registry import Registry
from local.twin.github.rest.operations import Call, Handler
from local.twin.github.rest.paging import page_of
from local.twin.github.state import World
from local.twin.github.wire import Response, json_response

_PLAIN = ("name", "visibility", "allows_public_repositories", "restricted_to_workflows", "selected_workflows")


class GroupCalls:
    """Creates, shows and changes runner groups and who may use them."""

    def __init__(self, world: World, registry: Registry) -> None:
        self._world = world
        self._registry = registry
        self._payloads = Payloads(world)

    def handlers(self) -> dict[tuple[str, str], Handler]:
        groups = "/actions/runner-groups"
        one = f"{groups}/{{runner_group_id}}"
        return {
            ("GET", groups): self.index,
            ("POST", groups): self.create,
            ("GET", one): self.get,
            ("PATCH", one): self.change,
            ("DELETE", one): self.delete,
            ("GET", f"{one}/organizations"): self.members,
            ("PUT", f"{one}/organizations"): self.set_members,
            ("PUT", f"{one}/organizations/{{org_id}}"): self.add_member,
            ("DELETE", f"{one}/organizations/{{org_id}}"): self.remove_member,
            ("GET", f"{one}/repositories"): self.repositories,
            ("PUT", f"{one}/repositories"): self.set_members,
            ("PUT", f"{one}/repositories/{{repository_id}}"): self.add_member,
            ("DELETE", f"{one}/repositories/{{repository_id}}"): self.remove_member,
        }

    def index(self, call: Call) -> Response:
        """The scope's groups; ``visible_to_organization`` narrows an enterprise's [GH-GROUP-LIST]."""
        authorize_runners(call.actor, call.runner_scope, write=False)
        groups = list(self._world.groups_of(call.runner_scope).values())
        if login := call.request.query.get("visible_to_organization"):
            organization = self._world.organizations.get(login.lower())
            member = organization.id if organization else None
            groups = [g for g in groups if g.visibility == "all" or member in g.selected_ids]
        page, headers = page_of(call, groups)
        shown = [self._shown(group) for group in page]
        return json_response(200, {"total_count": len(groups), "runner_groups": shown}, headers)

    def create(self, call: Call) -> Response:
        """A new group; a name that exists is refused with 409."""
        scope = call.runner_scope
        authorize_runners(call.actor, scope, write=True)
        name = call.content["name"]
        self._refuse_taken(scope, name)
        default = "selected" if scope.kind == "enterprise" else "all"
        group = RunnerGroup(id=self._world.new_id(), scope=scope, name=name, visibility=default)
        self._apply(group, call.content)
        group.selected_ids = set(self._selected(call.content))
        self._world.groups_of(scope)[group.id] = group
        return json_response(201, self._shown(group))

    def get(self, call: Call) -> Response:
        authorize_runners(call.actor, call.runner_scope, write=False)
        return json_response(200, self._shown(self._found(call)))

    def change(self, call: Call) -> Response:
        authorize_runners(call.actor, call.runner_scope, write=True)
        group = self._found(call)
        if call.content.get("name", group.name).lower() != group.name.lower():
            self._refuse_taken(group.scope, call.content["name"])
        self._apply(group, call.content)
        return json_response(200, self._shown(group))

    def delete(self, call: Call) -> Response:
        """Remove a group that is empty and not the default one."""
        authorize_runners(call.actor, call.runner_scope, write=True)
        group = self._found(call)
        if group.default or any(
            r.identity.group_id == group.id for r in self._registry.of_scope(group.scope)
        ):
            raise RefusedError(422, "The group is the default one or still has runners")
        del self._world.groups_of(group.scope)[group.id]
        return Response(204)

    def members(self, call: Call) -> Response:
        authorize_runners(call.actor, call.runner_scope, write=False)
        group = self._found(call)
        known = [self._world.organization_of(member) for member in sorted(group.selected_ids)]
        page, headers = page_of(call, [organization for organization in known if organization])
        shown = [self._payloads.organization(organization) for organization in page]
        return json_response(200, {"total_count": len(known), "organizations": shown}, headers)

    def repositories(self, call: Call) -> Response:
        authorize_runners(call.actor, call.runner_scope, write=False)
        group = self._found(call)
        known = [repo for repo in self._world.repositories.values() if repo.id in group.selected_ids]
        page, headers = page_of(call, known)
        shown = [self._payloads.repository(repository) for repository in page]
        return json_response(200, {"total_count": len(known), "repositories": shown}, headers)

    def set_members(self, call: Call) -> Response:
        authorize_runners(call.actor, call.runner_scope, write=True)
        self._found(call).selected_ids = set(self._selected(call.content))
        return Response(204)

    def add_member(self, call: Call) -> Response:
        authorize_runners(call.actor, call.runner_scope, write=True)
        self._found(call).selected_ids.add(self._member(call))
        return Response(204)

    def remove_member(self, call: Call) -> Response:
        authorize_runners(call.actor, call.runner_scope, write=True)
        self._found(call).selected_ids.discard(self._member(call))
        return Response(204)

    def _member(self, call: Call) -> int:
        """The organization or repository which the path names; one that does not exist is a 404."""
        if call.runner_scope.kind == "enterprise":
            member = call.number("org_id")
            exists = self._world.organization_of(member) is not None
        else:
            member = call.number("repository_id")
            exists = any(repository.id == member for repository in self._world.repositories.values())
        if not exists:
            raise RefusedError(404, "Not Found")
        return member

    def _found(self, call: Call) -> RunnerGroup:
        group = self._world.groups_of(call.runner_scope).get(call.number("runner_group_id"))
        if group is None:
            raise RefusedError(404, "Not Found")
        return group

    def _refuse_taken(self, scope: Scope, name: str) -> None:
        if any(group.name.lower() == name.lower() for group in self._world.groups_of(scope).values()):
            raise RefusedError(409, "Runner group name must be unique")

    @staticmethod
    def _apply(group: RunnerGroup, content: dict[str, Any]) -> None:
        for name in _PLAIN:
            if name in content:
                setattr(group, name, content[name])

    @staticmethod
    def _selected(content: dict[str, Any]) -> list[int]:
        chosen = content.get("selected_organization_ids", content.get("selected_repository_ids", []))
        return list(chosen)

    def _shown(self, group: RunnerGroup) -> dict[str, Any]:
        owner = {"enterprise": "enterprises", "organization": "orgs"}[group.scope.kind]
        url = f"{self._world.api_url}/{owner}/{group.scope.name}/actions/runner-groups/{group.id}"
        shown = {
            "id": group.id,
            "name": group.name,
            "visibility": group.visibility,
            "default": group.default,
            "runners_url": f"{url}/runners",
            "allows_public_repositories": group.allows_public_repositories,
            "restricted_to_workflows": group.restricted_to_workflows,
            "selected_workflows": group.selected_workflows,
            "workflow_restrictions_read_only": False,
        }
        if group.scope.kind == "organization":
            shown["inherited"] = False
        if group.visibility == "selected":
            selected = "organizations" if group.scope.kind == "enterprise" else "repositories"
            shown[f"selected_{selected}_url"] = f"{url}/{selected}"
        return shown
