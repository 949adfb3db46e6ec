"""Lambda's limits on packages."""

from __future__ import annotations

from collections.abc import Mapping

from local.packages.contents import LAYERLESS
from local.packages.faults import BuildError

MIB = 1024 * 1024
MAX_ZIP_BYTES = 50 * MIB  # of what is uploaded directly and not by way of S3 [LAMBDA-PACKAGE-LIMITS]
MAX_UNPACKED_BYTES = 250 * MIB  # of a function with all its layers [LAMBDA-PACKAGE-LIMITS]


def check_limits(sizes: Mapping[str, tuple[int, int]]) -> None:
    """Check packages by path, each with its bytes zipped and unpacked.

    Raises:
        BuildError: every package that Lambda would refuse.
    """
    faults = [
        f"{path} has {zipped:,} bytes, and Lambda takes {MAX_ZIP_BYTES:,} directly"
        for path, (zipped, _) in sizes.items()
        if zipped > MAX_ZIP_BYTES
    ]
    layers = sum(unpacked for path, (_, unpacked) in sizes.items() if path.startswith("layers/"))
    for path, (_, unpacked) in sizes.items():
        name = path.removeprefix("functions/").removesuffix(".zip")
        whole = unpacked + (0 if name in LAYERLESS else layers)
        if path.startswith("functions/") and whole > MAX_UNPACKED_BYTES:
            faults.append(
                f"{path} and its layers have {whole:,} bytes unpacked, and Lambda takes {MAX_UNPACKED_BYTES:,}"
            )
    if faults:
        raise BuildError("\n".join(faults))
