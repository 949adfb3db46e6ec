"""What Lambda would refuse is refused before anything is uploaded."""

from __future__ import annotations

import pytest

from local.packages.faults import BuildError
from local.packages.limits import MAX_UNPACKED_BYTES, MAX_ZIP_BYTES, check_limits

SIZES = {
    "functions/webhook.zip": (40_000, 90_000),
    "functions/scaler.zip": (3_000, 7_000),
    "layers/core.zip": (200_000, 600_000),
    "layers/vendor.zip": (8_000_000, 24_000_000),
}


def test_what_is_within_the_limits_passes() -> None:
    check_limits(SIZES)
    check_limits({**SIZES, "layers/vendor.zip": (MAX_ZIP_BYTES, 24_000_000)})


def test_every_package_that_is_too_big_is_named_with_its_size_and_the_limit() -> None:
    big = {"layers/vendor.zip": (MAX_ZIP_BYTES + 1, 1), "functions/webhook.zip": (MAX_ZIP_BYTES + 2, 1)}
    with pytest.raises(BuildError) as caught:
        check_limits({**SIZES, **big})
    assert str(caught.value).splitlines() == [
        "functions/webhook.zip has 52,428,802 bytes, and Lambda takes 52,428,800 directly",
        "layers/vendor.zip has 52,428,801 bytes, and Lambda takes 52,428,800 directly",
    ]


def test_a_function_is_counted_with_its_layers_and_the_webhook_has_none() -> None:
    with pytest.raises(BuildError) as caught:
        check_limits({**SIZES, "layers/vendor.zip": (1, MAX_UNPACKED_BYTES)})
    assert str(caught.value) == (
        "functions/scaler.zip and its layers have 262,751,000 bytes unpacked, and Lambda takes 262,144,000"
    )
