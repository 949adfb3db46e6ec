"""What boto3 repeats: our lists are those of the pinned botocore."""

from __future__ import annotations

from typing import Any

from botocore.retries import standard

from local.simulator import retries

THROTTLED: Any = standard.ThrottledRetryableChecker
TRANSIENT: Any = standard.TransientRetryableChecker


def test_the_codes_that_are_repeated_are_botocore_s() -> None:
    assert {
        *THROTTLED._THROTTLED_ERROR_CODES,
        *TRANSIENT._TRANSIENT_ERROR_CODES,
    } == retries._THROTTLES | retries._TRANSIENT
    assert set(TRANSIENT._TRANSIENT_STATUS_CODES) == retries._SERVER_FAULTS
    assert TRANSIENT._TRANSIENT_EXCEPTION_CLS == retries._LOST
