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
    matches = [_filter(spec, fields) for spec in filters or ()]
    return [view for view in views if all(match(view) for match in matches)]


def _filter(spec: View, fields: Fields) -> Callable[[View], bool]:
    """One `{"Name", "Values"}`; values may hold the wildcards * and ?."""
    name, values = spec["Name"], spec.get("Values", [])
    if name not in fields and not name.startswith("tag:") and name != "tag-key":
        raise AwsFault("InvalidParameterValue", f"The filter '{name}' is invalid")
    field, key = fields.get(name), name.removeprefix("tag:")
    patterns = [value for value in values if any(sign in value for sign in "*?[")]

    def found(view: View) -> list[str | None]:
        if field is not None:
            return [field(view)]
        if name == "tag-key":
            return [tag["Key"] for tag in view["Tags"]]
        return [tag["Value"] for tag in view["Tags"] if tag["Key"] == key]

    def is_like(one: str | None) -> bool:
        return one is not None and (one in values or any(fnmatch.fnmatchcase(one, p) for p in patterns))

    return lambda view: any(map(is_like, found(view)))
