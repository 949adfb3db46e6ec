"""Launch templates and their numbered versions [EC2-LAUNCH-TEMPLATES] [EC2-TEMPLATE-VERSIONS]."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from local.twin.aws.ec2.client_tokens import ClientTokens
from local.twin.aws.ec2.filters import LAUNCH_TEMPLATE_FIELDS, filtered
from local.twin.aws.ec2.records import CREATED_BY, LaunchTemplate
from local.twin.aws.errors import AwsFault
from local.twin.aws.paging import page
from local.twin.aws.service import Context
from local.twin.clock import aware


class LaunchTemplates:
    """All templates of the account; what is written is readable at once."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._templates: list[LaunchTemplate] = []
        self._version_tokens = ClientTokens()

    def create(self, request: Mapping[str, Any]) -> dict[str, Any]:
        name = request["LaunchTemplateName"]
        if any(template.name == name for template in self._templates):
            raise AwsFault("InvalidLaunchTemplateName.AlreadyExistsException", f"{name} is already in use.")
        template = LaunchTemplate(
            template_id=self._context.ids.prefixed("lt"),
            name=name,
            created_at=self._context.now(),
            versions=[copy.deepcopy(request["LaunchTemplateData"])],
            tags=[tag for s in request.get("TagSpecifications", []) for tag in s.get("Tags", [])],
        )
        self._templates.append(template)
        return {"LaunchTemplate": template.view()}

    def create_version(self, request: dict[str, Any]) -> dict[str, Any]:
        return self._version_tokens.once(request, self._add_version)

    def describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Those that are named, all of which must exist; or else all that the filters let through."""
        ids, names = request.get("LaunchTemplateIds") or [], request.get("LaunchTemplateNames") or []
        named = [*(self._by_id(i) for i in ids), *(self._by_name(n) for n in names)]
        asked = {t.template_id: t.view() for t in (named if ids or names else self._templates)}
        views = filtered(asked.values(), request.get("Filters"), LAUNCH_TEMPLATE_FIELDS)
        return page("LaunchTemplates", views, request, "MaxResults", "NextToken", largest=200)

    def describe_versions(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """All versions of one template, the newest first; the twin keeps no time of any but the first."""
        template = self._one(request)
        views = [_version_view(template, number) for number in range(len(template.versions), 0, -1)]
        return page("LaunchTemplateVersions", views, request, "MaxResults", "NextToken", largest=200)

    def version(self, specification: Mapping[str, Any]) -> tuple[LaunchTemplate, int]:
        """The template and the number of the version which a LaunchTemplateSpecification means."""
        template = self._one(specification)
        return template, _number(template, specification.get("Version", "$Default"))

    def _add_version(self, request: dict[str, Any]) -> dict[str, Any]:
        template = self._one(request)
        source = request.get("SourceVersion")
        inherited = {} if source is None else template.versions[_number(template, source) - 1]
        data = copy.deepcopy({**inherited, **request["LaunchTemplateData"]})
        template.versions.append(data)
        version = {
            **_version_view(template, len(template.versions)),
            "CreateTime": aware(self._context.now()),
        }
        if "VersionDescription" in request:
            version["VersionDescription"] = request["VersionDescription"]
        return {"LaunchTemplateVersion": version}

    def _one(self, request: Mapping[str, Any]) -> LaunchTemplate:
        template_id, name = request.get("LaunchTemplateId"), request.get("LaunchTemplateName")
        if template_id is not None and name is not None:
            raise AwsFault(
                "InvalidParameterCombination", "Name the launch template by its id or its name, not by both."
            )
        if template_id is None and name is None:
            raise AwsFault(
                "MissingParameter", "The request must name a launch template by its id or its name."
            )
        return self._by_id(template_id) if template_id is not None else self._by_name(str(name))

    def _by_id(self, template_id: str) -> LaunchTemplate:
        for template in self._templates:
            if template.template_id == template_id:
                return template
        raise AwsFault("InvalidLaunchTemplateId.NotFound", f"Launch template {template_id} does not exist.")

    def _by_name(self, name: str) -> LaunchTemplate:
        for template in self._templates:
            if template.name == name:
                return template
        raise AwsFault(
            "InvalidLaunchTemplateName.NotFoundException", f"Launch template {name} does not exist."
        )


def _version_view(template: LaunchTemplate, number: int) -> dict[str, Any]:
    return {
        "LaunchTemplateId": template.template_id,
        "LaunchTemplateName": template.name,
        "VersionNumber": number,
        "CreateTime": aware(template.created_at),
        "CreatedBy": CREATED_BY,
        "DefaultVersion": number == 1,
        "LaunchTemplateData": template.versions[number - 1],
    }


def _number(template: LaunchTemplate, version: str) -> int:
    latest = len(template.versions)
    number = {"$Latest": latest, "$Default": 1}.get(version) or (int(version) if version.isdecimal() else 0)
    if not 1 <= number <= latest:
        raise AwsFault("InvalidLaunchTemplateId.VersionNotFound", f"Version {version} does not exist.")
    return number
