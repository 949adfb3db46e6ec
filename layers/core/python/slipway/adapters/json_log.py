"""Log lines in the formats of Powertools' Logger and Metrics, for the function that must not import it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, TextIO

from slipway.domain.metric import FUNCTION, NAMESPACE, Metric
from slipway.ports.clock import Clock

_DEEPEST_FRAMES = 4


class JsonLog:
    """Writes one JSON object a line: level, location, message, timestamp, service, then what it is given."""

    def __init__(self, service: str, clock: Clock, stream: TextIO | None = None) -> None:
        self._service = service
        self._clock = clock
        self._stream = stream

    def write(
        self, level: str, message: str, facts: Mapping[str, Any], fault: BaseException | None = None
    ) -> None:
        """Write a line, in ASCII: no terminal or viewer is given a character to interpret.

        Of ``fault`` the line tells the class and where it was raised. Its message is left out: an unforeseen
        exception may quote a body or a secret.
        """
        caller = sys._getframe(1)
        line = {
            "level": level,
            "location": f"{caller.f_code.co_name}:{caller.f_lineno}",
            "message": message,
            "timestamp": _timestamp(self._clock.now()),
            "service": self._service,
            **facts,
            **(_whereabouts(fault) if fault else {}),
        }
        self._put(line)

    def count(self, metric: Metric, value: float, function_name: str) -> None:
        """Write a metric's value as a line that CloudWatch reads [LAMBDA-EMF]."""
        told = {"Name": metric.name, "Unit": metric.unit}
        directive = {"Namespace": NAMESPACE, "Dimensions": [[FUNCTION]], "Metrics": [told]}
        about = {"Timestamp": int(self._clock.now() * 1000), "CloudWatchMetrics": [directive]}
        self._put({"_aws": about, FUNCTION: function_name, metric.name: [value]})

    def _put(self, line: Mapping[str, Any]) -> None:
        stream = self._stream or sys.stdout  # looked up late: whoever replaced it wants the lines
        stream.write(json.dumps(line, separators=(",", ":")) + "\n")
        stream.flush()


def _whereabouts(fault: BaseException) -> dict[str, Any]:
    frames: list[str] = []
    step = fault.__traceback__
    while step:
        code = step.tb_frame.f_code
        frames.append(f"{PurePath(code.co_filename).name}:{step.tb_lineno} {code.co_name}")
        step = step.tb_next
    return {"exception_name": type(fault).__name__, "exception_frames": frames[-_DEEPEST_FRAMES:]}


def _timestamp(seconds: float) -> str:
    milliseconds = int(seconds * 1000) % 1000
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(seconds))},{milliseconds:03d}+0000"
