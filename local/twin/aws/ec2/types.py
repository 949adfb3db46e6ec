"""What DescribeInstanceTypes tells of the types that the region has [EC2-DESCRIBE-TYPES]."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from local.twin.aws.ec2.shapes import InstanceShape, instance_shape
from local.twin.aws.errors import AwsFault
from local.twin.aws.paging import page

View = dict[str, Any]
_FIELDS: Final[Mapping[str, Callable[[View], list[str]]]] = {
    "bare-metal": lambda v: [str(v["BareMetal"]).lower()],
    "current-generation": lambda v: [str(v["CurrentGeneration"]).lower()],
    "instance-type": lambda v: [v["InstanceType"]],
    "processor-info.supported-architecture": lambda v: v["ProcessorInfo"]["SupportedArchitectures"],
}


class InstanceTypes:
    """The types of a region: none are listed until somebody offers them; launched are those of the naming rule too."""

    def __init__(self) -> None:
        self.offered: dict[str, View] = {}
        self._shapes: dict[str, InstanceShape] = {}

    def offer(self, name: str, **changes: Any) -> None:
        """The region has a type from now on: as its name says [EC2-TYPE-SIZES], but for what is given."""
        self.add(instance_shape(name), **changes)

    def add(self, shape: InstanceShape, **changes: Any) -> None:
        """The region has a type of this shape, whatever its name says."""
        self.offered[shape.instance_type] = {**_view(shape), **changes}
        self._shapes[shape.instance_type] = shape

    def shape(self, name: str) -> InstanceShape:
        """Return what an instance of a type has; InvalidParameterValue where nobody knows."""
        return self._shapes.get(name) or instance_shape(name)

    def withdraw(self, name: str) -> None:
        """The region has it no more."""
        del self.offered[name]

    def describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return one page of the types that every filter lets through."""
        found = list(self.offered.values())
        for wanted in request.get("Filters", []):
            if wanted["Name"] not in _FIELDS:
                raise AwsFault("InvalidParameterValue", f"The filter '{wanted['Name']}' is invalid")
            field, values = _FIELDS[wanted["Name"]], set(wanted["Values"])
            found = [view for view in found if values & set(field(view))]
        return page("InstanceTypes", found, request, "MaxResults", "NextToken")


def _view(shape: InstanceShape) -> View:
    gpus = {"Gpus": [{"Name": "A10G", "Manufacturer": "NVIDIA", "Count": shape.gpus}]}
    return {
        "InstanceType": shape.instance_type,
        "CurrentGeneration": True,
        "BareMetal": False,
        "ProcessorInfo": {"SupportedArchitectures": [shape.architecture]},
        "VCpuInfo": {"DefaultVCpus": shape.vcpu},
        "MemoryInfo": {"SizeInMiB": shape.memory_mib},
        **({"GpuInfo": gpus} if shape.gpus else {}),
    }
