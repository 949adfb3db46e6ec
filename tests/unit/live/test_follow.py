"""Following a source: each look a frame, trouble told and survived."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from local.live.follow import Follower
from local.live.frames import Frame, FrameMaker
from local.live.history import History
from local.live.reading import Reading
from slipway.domain.errors import ThrottledError
from tests.builders import NOW, a_configuration, a_snapshot, several_jobs


def following(read: Callable[[], Reading], kept: list[Frame] | None = None) -> tuple[Follower, History]:
    history = History({})
    keep = (kept if kept is not None else []).append
    return Follower(read, FrameMaker(a_configuration()), history, 0.01, keep), history


def a_reading(number: int) -> Reading:
    return Reading(NOW + number, (a_snapshot(now=NOW + number, jobs=several_jobs(number)),))


def test_each_look_that_differs_is_a_frame_and_the_last_is_taken_at_the_end() -> None:
    looks = iter(range(1_000_000))
    kept: list[Frame] = []
    follower, history = following(lambda: a_reading(min(next(looks), 3)), kept)
    with follower:
        seen = 0
        while seen < 4:
            seen, _ = history.wait(seen, 0, 30)
    assert [len(frame["j"]) for frame in kept] == [0, 1, 2, 3]
    assert history.last == 4


def test_a_source_that_cannot_be_read_is_told_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.live.follow.TROUBLE_SECONDS", 0.01)
    is_throttled = threading.Event()
    is_throttled.set()

    def read() -> Reading:
        if is_throttled.is_set():
            raise ThrottledError("too often", retry_after_seconds=1)
        return a_reading(1)

    follower, history = following(read)
    with follower:
        assert history.wait(0, 0, 30) == (0, 1)
        assert history.status["trouble"] == "too often"
        since = history.status["since"]
        assert since > 0
        is_throttled.clear()
        history.wait(0, 1, 30)
        assert history.status == {}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_source_that_breaks_is_told_too() -> None:
    def read() -> Reading:
        raise KeyError("pool")

    follower, history = following(read)
    with follower:
        history.wait(0, 0, 30)
    assert history.status["trouble"] == "KeyError: 'pool'"
