"""The history: what is kept, in which steps, and what a page that comes back gets."""

from __future__ import annotations

import json
import threading
from typing import Any

from local.live.deltas import applied
from local.live.frames import KINDS, Frame
from local.live.history import FRAMES_IN_A_CHAPTER, LINE_POINTS, History


def a_frame(number: int, jobs: int | None = None) -> Frame:
    waiting = number if jobs is None else jobs
    frame: Frame = {"t": float(number), "s": [waiting, 0, 0, None], **{kind: {} for kind in KINDS}}
    frame["j"] = {f"acme/{n}-1": ["general", "medium", 2048, 7168, "acme/one", n, "", "x"] for n in (number,)}
    return frame


def a_history(count: int, **settings: Any) -> History:
    history = History({}, **settings)
    for number in range(1, count + 1):
        history.keep(a_frame(number))
    return history


def replayed(whole: Frame, changes: list[tuple[int, bytes]]) -> Frame:
    for number, change in changes:
        body = json.loads(change)
        assert body["n"] == number
        whole = applied(whole, body)
    return whole


def test_whoever_comes_back_gets_each_change_since_also_across_chapters() -> None:
    history = a_history(3 * FRAMES_IN_A_CHAPTER + 5)
    for seen in (1, FRAMES_IN_A_CHAPTER - 1, FRAMES_IN_A_CHAPTER, FRAMES_IN_A_CHAPTER + 1, history.last - 1):
        changes = history.after(seen)
        assert changes is not None
        assert [number for number, _ in changes] == list(range(seen + 1, history.last + 1))
        assert replayed(a_frame(seen), changes) == a_frame(history.last)


def test_whoever_has_the_last_gets_nothing_and_a_number_that_never_was_is_not_known() -> None:
    history = a_history(5)
    assert history.after(5) == []
    assert history.after(6) is None
    assert history.after(0) is None


def test_a_frame_that_differs_in_its_time_alone_is_not_kept() -> None:
    history = a_history(3)
    assert history.keep({**a_frame(3), "t": 9.0}) is False
    assert history.last == 3


def test_every_moment_that_is_kept_can_be_looked_at_and_read_on_from() -> None:
    history = a_history(2 * FRAMES_IN_A_CHAPTER + 9)
    for moment in (1, 60, FRAMES_IN_A_CHAPTER, FRAMES_IN_A_CHAPTER + 1, history.last):
        found = history.at(moment + 0.4, 3)
        assert found is not None
        shown = found["whole"]
        assert shown["n"] == moment
        assert {key: value for key, value in shown.items() if key != "n"} == a_frame(moment)
        for step in found["next"]:
            shown = applied(shown, step)
            assert shown["j"] == a_frame(step["n"])["j"]
        assert len(found["next"]) == min(3, history.last - moment)


def test_a_moment_before_the_first_shows_the_first() -> None:
    found = a_history(5).at(-100, 1)
    assert found is not None
    assert (found["whole"]["n"], [step["n"] for step in found["next"]]) == (1, [2])
    assert History({}).at(0, 1) is None


def test_past_its_bound_the_old_is_kept_in_coarse_steps_and_then_not_at_all() -> None:
    history = a_history(40 * FRAMES_IN_A_CHAPTER, kept_bytes=20_000)
    assert history._bytes <= 20_000
    assert history._bytes == sum(chapter.size for chapter in history._chapters)
    first = history.at(0, 2)
    assert first is not None
    assert first["whole"]["n"] > 1, "the oldest are forgotten"
    steps = [step["n"] - first["whole"]["n"] for step in first["next"]]
    assert steps == [FRAMES_IN_A_CHAPTER, 2 * FRAMES_IN_A_CHAPTER], "then one of each chapter"
    assert history.after(first["whole"]["n"]) is None, "who was there last gets everything anew"
    assert history.after(history.last - 10) is not None, "the newest are kept each"
    whole = history.whole()
    assert whole is not None
    assert json.loads(whole[1])["j"] == a_frame(history.last)["j"]


def test_the_time_line_stays_short_and_loses_no_peak() -> None:
    history = History({})
    for number in range(1, 5 * LINE_POINTS):
        history.keep(a_frame(number, jobs=900 if number == 4_321 else 1))
    line = history.line()
    assert len(line) <= LINE_POINTS + 1
    assert max(point[1] for point in line) == 900
    assert [point[0] for point in line] == sorted(point[0] for point in line)


def test_a_word_of_the_source_wakes_whoever_waits() -> None:
    history = a_history(2)
    woken = threading.Event()

    def wait() -> None:
        history.wait(2, 0, 30)
        woken.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    history.say(over=True)
    assert woken.wait(10)
    waiting.join()
    assert history.wait(2, 0, 30) == (2, 1)
