"""What an instance type has: vCPU and memory by the naming rule of the common families [EC2-TYPE-SIZES].

And the GPUs of four series of the g family, whose sizes follow the same rule [EC2-GPU-SIZES].
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Final

from local.twin.aws.errors import AwsFault

_NAME: Final = re.compile(r"(?P<series>(?P<family>[cmrtg])\d(?P<traits>[a-z-]*))\.(?P<size>[a-z0-9]+)")
_GIB_PER_VCPU: Final = {"c": 2, "m": 4, "r": 8, "g4dn": 4, "g5": 4, "g6": 4, "g6e": 8}
_GPUS: Final = {
    **dict.fromkeys(("xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge"), 1),
    **dict.fromkeys(("12xlarge", "24xlarge"), 4),
    "48xlarge": 8,
}
#: Sizes that other series with GPUs have.
_NOT_MADE: Final = {"g4dn.24xlarge", "g4dn.48xlarge"}
_BURSTABLE: Final = {
    "micro": (2, 1),
    "small": (2, 2),
    "medium": (2, 4),
    "large": (2, 8),
    "xlarge": (4, 16),
    "2xlarge": (8, 32),
}


@dataclass(frozen=True, slots=True)
class InstanceShape:
    """One instance type; `architecture` is ECS's word, x86_64 or arm64. Memory is nominal MiB."""

    instance_type: str
    vcpu: int
    memory_mib: int
    architecture: str
    gpus: int = 0

    def registered_memory(self, reserved_mib: int) -> int:
        """MiB that the ECS agent registers: the kernel and `ECS_RESERVED_MEMORY` take theirs.

        What the kernel takes is our estimate [EC2-REGISTERED-MEMORY].
        """
        return int(self.memory_mib * 0.965) - 120 - reserved_mib


@functools.cache
def instance_shape(instance_type: str) -> InstanceShape:
    """The shape of a type of the c, m, r, t and g families; InvalidParameterValue for any other name."""
    match = _NAME.fullmatch(instance_type)
    sizes = None if match is None else _vcpu_and_gib(match["family"], match["series"], match["size"])
    if match is None or sizes is None or instance_type in _NOT_MADE:
        raise AwsFault("InvalidParameterValue", f"Invalid value '{instance_type}' for InstanceType.")
    architecture = "arm64" if "g" in match["traits"] else "x86_64"
    gpus = _GPUS[match["size"]] if match["family"] == "g" else 0
    return InstanceShape(instance_type, sizes[0], sizes[1] * 1024, architecture, gpus)


def _vcpu_and_gib(family: str, series: str, size: str) -> tuple[int, int] | None:
    if family == "t":
        return _BURSTABLE.get(size)
    if family == "g" and (series not in _GIB_PER_VCPU or size not in _GPUS):
        return None
    fixed = {"medium": 1, "large": 2, "xlarge": 4}
    multiple = re.fullmatch(r"([1-9]\d?)xlarge", size)
    vcpu = 4 * int(multiple[1]) if multiple else fixed.get(size)
    return None if vcpu is None else (vcpu, vcpu * _GIB_PER_VCPU[series if family == "g" else family])
