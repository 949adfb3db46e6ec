"""What DescribeInstanceTypes tells of the types that the region has [EC2-DESCRIBE-TYPES]."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from local.twin.aws.ec2.shapes import instance_shape
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
    """The types of a region; none until somebody offers them."""

    def __init__(self) -> None:
        self.offered: dict[str, View] = {}

    def offer(self, name: str, **changes: Any) -> None:
        """The region has a type from now on: as its name says [EC2-TYPE-SIZES], but for what is given."""
        self.offered[name] = {**_view(name), **changes}

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


def _view(name: str) -> View:
    shape = instance_shape(name)
    gpus = {"Gpus": [{"Name": "A10G", "Manufacturer": "NVIDIA", "Count": shape.gpus}]}
    return {
        "InstanceType": name,
        "CurrentGeneration": True,
        "BareMetal": False,
        "ProcessorInfo": {"SupportedArchitectures": [shape.architecture]},
        "VCpuInfo": {"DefaultVCpus": shape.vcpu},
        "MemoryInfo": {"SizeInMiB": shape.memory_mib},
        **({"GpuInfo": gpus} if shape.gpus else {}),
    }
