"""How far a run has come, on stderr: a bar on a terminal, a line for each tenth elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def progress_of(policy: str, total: int, stream: TextIO | None = None) -> Iterator[Callable[[int], None]]:
    """Give a function that is told how many of the jobs have ended."""
    shown_on = stream or sys.stderr
    if shown_on.isatty():
        with _bar(policy, total, shown_on) as told:
            yield told
    else:
        yield _lines(policy, total, shown_on)


def _lines(policy: str, total: int, stream: TextIO) -> Callable[[int], None]:
    shown = 0

    def told(done: int) -> None:
        nonlocal shown
        tenths = 10 * done // max(1, total)
        if tenths > shown:
            shown = tenths
            print(f"{policy}: {10 * tenths} % of {total} jobs", file=stream, flush=True)

    return told


@contextmanager
def _bar(policy: str, total: int, stream: TextIO) -> Iterator[Callable[[int], None]]:
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.progress import Progress  # noqa: PLC0415

    every = max(1, total // 200)  # drawing is dearer than simulating a job
    with Progress(console=Console(file=stream), transient=True) as bar:
        task = bar.add_task(policy, total=total)

        shown = 0

        def told(done: int) -> None:
            nonlocal shown
            if done >= shown + every or done == total:
                shown = done
                bar.update(task, completed=done)

        yield told
