"""What an App asks and tells of pull requests [GH-PULLS], [GH-COMMENTS], [GH-DEPLOYMENTS]."""

from __future__ import annotations

from typing import Any

from local.twin.github.credentials import RefusedError, authorize_installation
from local.twin.github.model import Repository
from local.twin.github.payloads import Payloads, node_id
from local.twin.github.pull_payloads import PullPayloads
from local.twin.github.pulls import Comment, Deployment, Pulls
from local.twin.github.rest.operations import Call, Handler
from local.twin.github.rest.paging import page_of
from local.twin.github.state import World, timestamp
from local.twin.github.wire import Response, json_response


class PullCalls:
    """Pull requests, comments, deployments of a repository."""

    def __init__(self, world: World, pulls: Pulls) -> None:
        self._world = world
        self._pulls = pulls
        self._shown = PullPayloads(world)
        self._payloads = Payloads(world)

    def handlers(self) -> dict[tuple[str, str], Handler]:
        return {
            ("GET", "/pulls"): self.index,
            ("GET", "/issues/{issue_number}/comments"): self.comments,
            ("POST", "/issues/{issue_number}/comments"): self.comment,
            ("PATCH", "/issues/comments/{comment_id}"): self.edit_comment,
            ("GET", "/deployments"): self.deployments,
            ("POST", "/deployments"): self.deploy,
            ("POST", "/deployments/{deployment_id}/statuses"): self.report,
        }

    def index(self, call: Call) -> Response:
        """Open ones only, unless another state is asked for; the newest first."""
        repository = self._repository(call, "pull_requests")
        if call.request.query.get("state", "open") != "open":
            raise RefusedError(422, "the twin lists open pull requests only")
        page, headers = page_of(call, self._pulls.open_of(repository))
        return json_response(200, [self._shown.listed(pull) for pull in page], headers)

    def comments(self, call: Call) -> Response:
        repository = self._repository(call, "pull_requests")
        number = self._number(call, repository)
        found = [c for c in self._pulls.comments if (c.repository_id, c.number) == (repository.id, number)]
        page, headers = page_of(call, found)
        return json_response(200, [self._comment(comment, repository) for comment in page], headers)

    def comment(self, call: Call) -> Response:
        repository = self._repository(call, "pull_requests", write=True)
        number, now = self._number(call, repository), self._world.clock.now()
        author = call.actor.app.slug if call.actor.app else "slipway"
        made = Comment(
            id=self._world.new_id(),
            repository_id=repository.id,
            number=number,
            body=call.content["body"],
            author=f"{author}[bot]",
            is_bot=True,
            created_at=now,
            updated_at=now,
        )
        self._pulls.comments.append(made)
        return json_response(201, self._comment(made, repository))

    def edit_comment(self, call: Call) -> Response:
        repository = self._repository(call, "pull_requests", write=True)
        number = call.number("comment_id")
        found = next(
            (c for c in self._pulls.comments if (c.id, c.repository_id) == (number, repository.id)), None
        )
        if found is None:
            raise RefusedError(404, "Not Found")
        found.body, found.updated_at = call.content["body"], self._world.clock.now()
        return json_response(200, self._comment(found, repository))

    def deployments(self, call: Call) -> Response:
        repository = self._repository(call, "deployments")
        query = call.request.query
        found = [
            one
            for one in reversed(self._pulls.deployments)
            if one.repository_id == repository.id
            and query.get("sha") in (None, one.sha)
            and query.get("environment") in (None, one.environment)
        ]
        page, headers = page_of(call, found)
        return json_response(200, [self._deployment(one, repository) for one in page], headers)

    def deploy(self, call: Call) -> Response:
        repository = self._repository(call, "deployments", write=True)
        if call.content.get("auto_merge", True) or call.content.get("required_contexts") != []:
            raise RefusedError(409, "Conflict: Commit status checks failed for this ref.")
        made = Deployment(
            self._world.new_id(),
            repository.id,
            call.content["ref"],
            call.content.get("environment", "production"),
            self._world.clock.now(),
        )
        self._pulls.deployments.append(made)
        return json_response(201, self._deployment(made, repository))

    def report(self, call: Call) -> Response:
        repository = self._repository(call, "deployments", write=True)
        number = call.number("deployment_id")
        found = next(
            (
                one
                for one in self._pulls.deployments
                if (one.id, one.repository_id) == (number, repository.id)
            ),
            None,
        )
        if found is None:
            raise RefusedError(404, "Not Found")
        found.statuses.append((call.content["state"], call.content.get("environment_url", "")))
        return json_response(201, self._status(call, found, repository))

    def _repository(self, call: Call, permission: str, *, write: bool = False) -> Repository:
        """The repository, if the caller's installation covers it and may do that there [GH-404-HIDDEN]."""
        repository = self._world.repositories[call.runner_scope.name]
        authorize_installation(call.actor, call.runner_scope, permission, write=write)
        if call.actor.installation is None or not call.actor.installation.covers(repository):
            raise RefusedError(404, "Not Found")
        return repository

    def _number(self, call: Call, repository: Repository) -> int:
        text = call.parameters["issue_number"]
        known = {pull.number for pull in self._pulls.by_repository.get(repository.id, [])}
        if not text.isdigit() or int(text) not in known:
            raise RefusedError(404, "Not Found")
        return int(text)

    def _url(self, repository: Repository) -> str:
        return f"{self._world.api_url}/repos/{repository.full_name}"

    def _comment(self, comment: Comment, repository: Repository) -> dict[str, Any]:
        url, page = self._url(repository), f"{self._world.url}/{repository.full_name}/pull/{comment.number}"
        user = self._payloads.owner(repository.organization)
        kind = "Bot" if comment.is_bot else "User"
        return {
            "id": comment.id,
            "node_id": node_id("IC", comment.id),
            "url": f"{url}/issues/comments/{comment.id}",
            "html_url": f"{page}#issuecomment-{comment.id}",
            "issue_url": f"{url}/issues/{comment.number}",
            "body": comment.body,
            "user": {**user, "login": comment.author, "type": kind},
            "created_at": timestamp(comment.created_at),
            "updated_at": timestamp(comment.updated_at),
            "author_association": "NONE",
        }

    def _deployment(self, one: Deployment, repository: Repository) -> dict[str, Any]:
        url = f"{self._url(repository)}/deployments/{one.id}"
        return {
            "id": one.id,
            "node_id": node_id("DE", one.id),
            "url": url,
            "sha": one.sha,
            "ref": one.sha,
            "task": "deploy",
            "payload": {},
            "original_environment": one.environment,
            "environment": one.environment,
            "description": None,
            "creator": None,
            "created_at": timestamp(one.created_at),
            "updated_at": timestamp(one.created_at),
            "statuses_url": f"{url}/statuses",
            "repository_url": self._url(repository),
        }

    def _status(self, call: Call, one: Deployment, repository: Repository) -> dict[str, Any]:
        number, now = len(one.statuses), timestamp(self._world.clock.now())
        url = f"{self._url(repository)}/deployments/{one.id}"
        return {
            "id": number,
            "node_id": node_id("DES", number),
            "url": f"{url}/statuses/{number}",
            "state": call.content["state"],
            "creator": None,
            "description": call.content.get("description", ""),
            "environment": one.environment,
            "environment_url": call.content.get("environment_url", ""),
            "target_url": "",
            "created_at": now,
            "updated_at": now,
            "deployment_url": url,
            "repository_url": self._url(repository),
        }
