"""Steps that do not depend on each other, done at once: nearly all of their time is waiting for AWS."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

MAX_THREADS = 8  # as many connections as our botocore clients keep

T = TypeVar("T")


def together(steps: Sequence[Callable[[], T]]) -> list[T]:
    """Do steps at once, at most eight at a time; return their results in the order of the steps.

    Raises:
        Exception: what the first step raised that raised anything, when all are done.
    """
    if len(steps) < 2:
        return [step() for step in steps]
    with ThreadPoolExecutor(min(MAX_THREADS, len(steps))) as threads:
        done = [threads.submit(step) for step in steps]
    return [step.result() for step in done]
