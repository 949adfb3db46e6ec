"""The operations of ECS that concern services and the task definitions of services."""

from __future__ import annotations

import copy
from typing import Any

from local.twin.aws.ecs.services import EcsService, ServiceScheduler
from local.twin.aws.ecs.state import EcsState
from local.twin.aws.errors import AwsFault
from local.twin.aws.paging import page
from local.twin.aws.service import Response, Service, operation

_MOST_DESCRIBED = 10


class ServiceCalls(Service):
    """What ``Ecs`` has of services; ``services`` is how they truly are."""

    _state: EcsState
    services: ServiceScheduler

    @operation
    def create_service(self, **request: Any) -> Response:
        cluster = self._state.cluster(request.get("cluster"))
        return {"service": self.services.create(cluster, copy.deepcopy(request)).view()}

    @operation
    def update_service(self, **request: Any) -> Response:
        cluster = self._state.cluster(request.get("cluster"))
        return {"service": self.services.update(cluster, copy.deepcopy(request)).view()}

    @operation
    def delete_service(self, **request: Any) -> Response:
        cluster = self._state.cluster(request.get("cluster"))
        found = self.services.delete(cluster, request["service"], force=request.get("force", False))
        return {"service": found.view()}

    @operation
    def list_services(self, **request: Any) -> Response:
        cluster = self._state.cluster(request.get("cluster"))
        asked = {"maxResults": 10, **request}  # as many as by default
        return page("serviceArns", self.services.shown(cluster), asked, "maxResults", "nextToken")

    @operation
    def describe_services(self, **request: Any) -> Response:
        """At most ten [ECS-DESCRIBE-SERVICES]; what is INACTIVE is still described."""
        cluster = self._state.cluster(request.get("cluster"))
        references = request["services"]
        if not 0 < len(references) <= _MOST_DESCRIBED:
            raise AwsFault(
                "InvalidParameterException", "Services can have at most 10 items and at least one."
            )
        found, failures = [], []
        for reference in references:
            view = _read(self.services.of(cluster, reference))
            if view is None:
                arn = self._state.arn(f"service/{cluster.name}/{reference.rsplit('/', 1)[-1]}")
                failures.append({"arn": arn, "reason": "MISSING"})
            else:
                found.append(view if "TAGS" in request.get("include", []) else {**view, "tags": []})
        return {"services": found, "failures": failures}

    @operation
    def deregister_task_definition(self, **request: Any) -> Response:
        definition = self._state.definition(request["taskDefinition"])
        if definition is None or ":" not in request["taskDefinition"].rsplit("/", 1)[-1]:
            raise AwsFault("ClientException", "Unable to describe task definition.")
        definition.status = "INACTIVE"  # [ECS-DEREGISTER]
        return {"taskDefinition": definition.view()}

    @operation
    def list_task_definitions(self, **request: Any) -> Response:
        family, status = request.get("familyPrefix"), request.get("status", "ACTIVE")
        arns = [
            definition.arn
            for name, revisions in sorted(self._state.definitions.items())
            for definition in revisions
            if family in (None, name) and definition.status == status
        ]
        return page("taskDefinitionArns", arns, request, "maxResults", "nextToken")

    @operation
    def list_task_definition_families(self, **request: Any) -> Response:
        prefix, status = request.get("familyPrefix", ""), request.get("status", "ALL")
        names = [
            name
            for name, revisions in sorted(self._state.definitions.items())
            if name.startswith(prefix)
            and (status == "ALL" or any(one.status == "ACTIVE" for one in revisions) == (status == "ACTIVE"))
        ]
        return page("families", names, request, "maxResults", "nextToken")


def _read(service: EcsService | None) -> dict[str, Any] | None:
    return service.history.read() if service is not None else None
