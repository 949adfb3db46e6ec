"""The runner calls of an enterprise, an organization or a repository."""

from __future__ import annotations

import math
from typing import Any

from local.twin.github import jitconfig
from local.twin.github.credentials import RefusedError, authorize_runners
from local.twin.github.model import Runner, RunnerGroup
from local.twin.github.registry import (
    GroupFullError,
    NameTakenError,
    Registration,
    RegistrationLimitError,
    Registry,
    RunnerBusyError,
)
from local.twin.github.rest.operations import Call, Handler
from local.twin.github.rest.paging import page_of
from local.twin.github.state import World, timestamp
from local.twin.github.wire import Response, json_response

_DEFAULT_LABELS = {"self-hosted", "linux", "windows", "macos", "x64", "arm", "arm64"}
TOKEN_SECONDS = 3600.0  # [GH-REGISTRATION-TOKEN-1H]


class RunnerCalls:
    """Registers, lists and removes runners."""

    def __init__(self, world: World, registry: Registry) -> None:
        self._world = world
        self._registry = registry
        self._label_ids: dict[str, int] = {}
        self.deprecations: dict[str, dict[str, str | None]] = {}

    def handlers(self) -> dict[tuple[str, str], Handler]:
        runners = "/actions/runners"
        return {
            ("POST", f"{runners}/generate-jitconfig"): self.generate,
            ("POST", f"{runners}/registration-token"): self.token,
            ("POST", f"{runners}/remove-token"): self.token,
            ("GET", runners): self.index,
            ("GET", f"{runners}/{{runner_id}}"): self.get,
            ("DELETE", f"{runners}/{{runner_id}}"): self.delete,
            ("GET", f"{runners}/{{runner_id}}/labels"): self.labels,
            ("GET", f"{runners}/deprecations/{{version}}"): self.deprecation,
            ("GET", "/actions/runner-groups/{runner_group_id}/runners"): self.list_of_group,
        }

    def generate(self, call: Call) -> Response:
        """Register a runner and return its JIT config [GH-JIT-FRESH]."""
        scope = call.runner_scope
        authorize_runners(call.actor, scope, write=True)
        content = call.content
        group = self._world.groups_of(scope).get(content["runner_group_id"])
        if group is None:
            raise RefusedError(404, "Not Found")
        wanted = Registration(content["name"], tuple(content["labels"]), content.get("work_folder", "_work"))
        runner = self._register(group, wanted)
        encoded = jitconfig.encode(runner, self._world.url)
        return json_response(201, {"runner": self._shown(runner), "encoded_jit_config": encoded})

    def _register(self, group: RunnerGroup, wanted: Registration) -> Runner:
        try:
            return self._registry.register(group.scope, group, wanted)
        except NameTakenError as exc:
            raise RefusedError(
                409, f"Already exists - A runner with the name {wanted.name} already exists."
            ) from exc
        except GroupFullError as exc:
            limit = self._registry.group_limit
            raise RefusedError(
                422, f"Runner group {group.id} has reached max limit of {limit} runners."
            ) from exc
        except RegistrationLimitError as exc:
            wait = {"retry-after": str(math.ceil(exc.retry_after_seconds))}
            raise RefusedError(403, "You have exceeded a secondary rate limit.", headers=wait) from exc

    def token(self, call: Call) -> Response:
        authorize_runners(call.actor, call.runner_scope, write=True)
        expires_at = timestamp(self._world.clock.now() + TOKEN_SECONDS)
        token = "A" + self._world.rng.randbytes(14).hex().upper()
        return json_response(201, {"token": token, "expires_at": expires_at})

    def index(self, call: Call) -> Response:
        """All runners of the scope, or the one called ``?name=`` [GH-RUNNER-LIST]."""
        authorize_runners(call.actor, call.runner_scope, write=False)
        return self._page(call, self._registry.of_scope(call.runner_scope))

    def list_of_group(self, call: Call) -> Response:
        authorize_runners(call.actor, call.runner_scope, write=False)
        group_id = call.number("runner_group_id")
        if group_id not in self._world.groups_of(call.runner_scope):
            raise RefusedError(404, "Not Found")
        runners = self._registry.of_scope(call.runner_scope)
        return self._page(call, [runner for runner in runners if runner.identity.group_id == group_id])

    def get(self, call: Call) -> Response:
        authorize_runners(call.actor, call.runner_scope, write=False)
        return json_response(200, self._shown(self._found(call)))

    def delete(self, call: Call) -> Response:
        """Remove an idle runner; a busy one is refused with 422 [GH-DELETE-422]."""
        authorize_runners(call.actor, call.runner_scope, write=True)
        runner = self._found(call)
        try:
            self._registry.delete(runner)
        except RunnerBusyError as exc:
            raise RefusedError(422, f'Bad request - Runner "{runner.name}" is still running a job"') from exc
        return Response(204)

    def labels(self, call: Call) -> Response:
        authorize_runners(call.actor, call.runner_scope, write=False)
        labels = self._labels(self._found(call))
        return json_response(200, {"total_count": len(labels), "labels": labels})

    def deprecation(self, call: Call) -> Response:
        """When a runner version may no longer register or run [GH-RUNNER-DEPRECATIONS]."""
        authorize_runners(call.actor, call.runner_scope, write=False)
        version = call.parameters["version"]
        never = {"registration_deprecates_at": None, "runtime_deprecates_at": None}
        return json_response(200, {"runner_version": version} | self.deprecations.get(version, never))

    def _found(self, call: Call) -> Runner:
        runner = self._registry.by_id.get(call.number("runner_id"))
        if runner is None or runner.scope != call.runner_scope:
            raise RefusedError(404, "Not Found")
        return runner

    def _page(self, call: Call, runners: list[Runner]) -> Response:
        name = call.request.query.get("name")
        chosen = [runner for runner in runners if name is None or runner.name.lower() == name.lower()]
        page, headers = page_of(call, chosen)
        shown = [self._shown(runner) for runner in page]
        return json_response(200, {"total_count": len(chosen), "runners": shown}, headers)

    def _shown(self, runner: Runner) -> dict[str, Any]:
        """The ``runner`` schema; ``busy`` may lag the truth [GH-RUNNER-BUSY-STALE]."""
        seen_at = self._world.clock.now() - self._world.lags.busy_flag
        return {
            "id": runner.id,
            "name": runner.name,
            "os": runner.os,
            "status": "online" if runner.online else "offline",
            "busy": runner.busy_at(seen_at),
            "labels": self._labels(runner),
            "runner_group_id": runner.identity.group_id,
            "ephemeral": runner.ephemeral,
            "version": runner.version,
        }

    def _labels(self, runner: Runner) -> list[dict[str, Any]]:
        """Exactly the labels of the JIT call: nothing is added [GH-JIT-LABELS]."""
        return [
            {
                "id": self._label_ids.setdefault(label.lower(), len(self._label_ids) + 1),
                "name": label,
                "type": "read-only" if label.lower() in _DEFAULT_LABELS else "custom",
            }
            for label in runner.labels
        ]
