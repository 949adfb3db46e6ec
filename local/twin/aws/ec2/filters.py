"""The `Filters` of EC2's Describe calls, over the views that those calls answer."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from local.twin.aws.errors import AwsFault

View = Mapping[str, Any]
Fields = Mapping[str, Callable[[View], str | None]]

INSTANCE_FIELDS: Final[Fields] = {
    "availability-zone": lambda v: v["Placement"]["AvailabilityZone"],
    "client-token": lambda v: v.get("ClientToken"),
    "image-id": lambda v: v["ImageId"],
    "instance-id": lambda v: v["InstanceId"],
    "instance-lifecycle": lambda v: v.get("InstanceLifecycle"),
    "instance-state-name": lambda v: v["State"]["Name"],
    "instance-type": lambda v: v["InstanceType"],
    "subnet-id": lambda v: v["SubnetId"],
}
LAUNCH_TEMPLATE_FIELDS: Final[Fields] = {"launch-template-name": lambda v: v["LaunchTemplateName"]}


def filtered(
    views: Iterable[dict[str, Any]], filters: Sequence[View] | None, fields: Fields
) -> list[dict[str, Any]]:
    """The views that every filter lets through: by field, `tag:KEY` or `tag-key`."""
    found = list(views)
    # All must hold, whatever their order: those by tag are the dear ones, and come last.
    for matches in [_filter(spec, fields) for spec in sorted(filters or (), key=_is_of_tag)]:
        found = [view for view in found if matches(view)]
    return found


def _is_of_tag(spec: View) -> bool:
    return str(spec["Name"]).startswith("tag")


def _filter(spec: View, fields: Fields) -> Callable[[View], bool]:
    """One `{"Name", "Values"}`; values may hold the wildcards * and ?."""
    name, is_like = spec["Name"], _like(spec.get("Values", []))
    field = fields.get(name)
    if field is not None:
        return lambda view: is_like(field(view))
    if name == "tag-key":
        return lambda view: any(is_like(tag["Key"]) for tag in view["Tags"])
    if not name.startswith("tag:"):
        raise AwsFault("InvalidParameterValue", f"The filter '{name}' is invalid")
    key = name.removeprefix("tag:")

    def has_tag(view: View) -> bool:
        for tag in view["Tags"]:  # noqa: SIM110 - every listing looks at every instance: any() costs twice as much
            if tag["Key"] == key and is_like(tag["Value"]):
                return True
        return False

    return has_tag


def _like(values: Sequence[str]) -> Callable[[str | None], bool]:
    patterns = [value for value in values if any(sign in value for sign in "*?[")]
    if not patterns:
        return frozenset(values).__contains__
    return lambda one: (
        one is not None and (one in values or any(fnmatch.fnmatchcase(one, pattern) for pattern in patterns))
    )
