"""The redelivery function's handler: what it passes on, answers and logs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from functions.redelivery import handler
from slipway.domain.errors import UnavailableError
from slipway.services.repair import Repaired


@dataclass
class Invocation:
    """What Lambda tells of an invocation."""

    time_left_ms: int
    function_name: str = "slipway-redelivery"
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:111122223333:function:slipway-redelivery"
    aws_request_id: str = "made-up"

    def get_remaining_time_in_millis(self) -> int:
        return self.time_left_ms


@pytest.mark.parametrize(("time_left_ms", "has_time"), [(60_000, True), (35_001, True), (35_000, False)])
def test_repair_is_told_when_there_is_no_time_for_another_call(
    monkeypatch: pytest.MonkeyPatch, time_left_ms: int, has_time: bool
) -> None:
    told: list[bool] = []

    def repair(time_for_more: Callable[[], bool]) -> Repaired:
        told.append(time_for_more())
        return Repaired()

    monkeypatch.setattr(handler, "repair", lambda: repair)
    handler.lambda_handler({}, Invocation(time_left_ms))  # type: ignore[arg-type]
    assert told == [has_time]


def test_every_fault_of_a_run_is_counted_and_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    faults = [UnavailableError("down"), KeyError("a bug")]
    monkeypatch.setattr(handler, "repair", lambda: lambda _: Repaired(resent=3, errors=list(faults)))
    answer = handler.lambda_handler({}, Invocation(60_000))  # type: ignore[arg-type]
    assert answer == {"resent": 3, "found": 0, "errors": 2}
    logged = [vars(record)["fault"] for record in caplog.records if record.levelname == "ERROR"]
    assert logged == list(map(repr, faults))
