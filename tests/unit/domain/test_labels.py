"""The label grammar of threats.md 13 and of sized labels."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.domain.labels import (
    SizedLabel,
    UnreadableLabelsError,
    canonical,
    label_set_key,
    sized_label,
)

PRINTABLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)
PIECES = st.sampled_from(
    ["slipway/", "Slipway/", "medium", "/", "=", "cpu=", "memory=", "run=", "4", "4_0", "１６", "14GiB", "512mib",
     "1-1", "-", "+", " ", "0x10", "1e3", "٣", "ß", "\x00", "\u202e", "9" * 5000, "NaN", "inf", "../", "%2f"]
)  # fmt: skip


@pytest.mark.parametrize(
    ("label", "wanted"),
    [
        ("slipway/medium", SizedLabel("medium")),
        ("SLIPWAY/Medium/CPU=4", SizedLabel("medium", cpu_units=4096)),
        ("slipway/medium/cpu=4/memory=14GiB", SizedLabel("medium", 4096, 14336)),
        ("slipway/medium/memory=512MiB/cpu=1", SizedLabel("medium", 1024, 512)),
        ("slipway/medium/run=7-2", SizedLabel("medium", run=(7, 2))),
        ("slipway/medium/cpu=0004", SizedLabel("medium", cpu_units=4096)),
        ("slipway/medium/cpu=9999", SizedLabel("medium", cpu_units=9999 * 1024)),
    ],
)
def test_a_sized_label_says_profile_size_and_run(label: str, wanted: SizedLabel) -> None:
    assert sized_label([label]) == wanted


@pytest.mark.parametrize(
    "label",
    [
        "slipway/", "slipway//cpu=4", "slipway/medium/", "slipway/medium/cpu", "slipway/medium/cpu=",
        "slipway/medium/cpu=4_0", "slipway/medium/cpu=１６", "slipway/medium/cpu=٣", "slipway/medium/cpu=+4",
        "slipway/medium/cpu=-4", "slipway/medium/cpu=0", "slipway/medium/cpu=0000", "slipway/medium/cpu=10000",
        "slipway/medium/cpu=" + "9" * 5000, "slipway/medium/cpu=4.0", "slipway/medium/cpu=1e3",
        "slipway/medium/cpu=0x10", "slipway/medium/cpu=NaN", "slipway/medium/cpu=inf", "slipway/medium/cpu= 4",
        "slipway/medium/cpu=4\n", "slipway/medium/memory=14", "slipway/medium/memory=14GB",
        "slipway/medium/memory=1.5GiB", "slipway/medium/memory=0GiB", "slipway/medium/memory=1_4GiB",
        "slipway/medium/cpu=4/cpu=8", "slipway/medium/cpu=4/CPU=4", "slipway/medium/run=7-1/run=7-1",
        "slipway/medium/disk=4", "slipway/medium/run=7", "slipway/medium/run=7-", "slipway/medium/run=-1-1",
        "slipway/medium/run=7_0-1", "slipway/medium/run=" + "7" * 21 + "-1", "slipway/medium/cpu=4/../large",
        "slipway/mediumß", "slipway/ＭＥＤＩＵＭ", "slipway/medium\u202e", "slipway/" + "m" * 21,
    ],
)  # fmt: skip
def test_what_breaks_the_grammar_is_refused(label: str) -> None:
    with pytest.raises(UnreadableLabelsError):
        sized_label([label])


@pytest.mark.parametrize("label", ["", " ", "a b", "straße", "STRASSE\u0000", "\u202eabc", "a" * 257, "１６"])
def test_a_label_that_is_not_printable_ascii_is_refused(label: str) -> None:
    with pytest.raises(UnreadableLabelsError):
        canonical(["self-hosted", label])


def test_lowering_merges_no_two_labels_that_github_tells_apart() -> None:
    # "straße".casefold() == "strasse": a job that asked for one would be matched to the other.
    assert canonical(["STRASSE"]) == ("strasse",)
    with pytest.raises(UnreadableLabelsError):
        canonical(["straße"])


def test_a_hundred_labels_are_read_and_one_more_is_not() -> None:
    assert len(canonical([f"l{number}" for number in range(100)])) == 100
    with pytest.raises(UnreadableLabelsError):
        canonical([f"l{number}" for number in range(101)])


def test_a_sized_label_takes_no_company() -> None:
    with pytest.raises(UnreadableLabelsError):
        sized_label(["slipway/medium", "self-hosted"])
    assert sized_label(["slipway/medium", "SLIPWAY/medium"]) == SizedLabel("medium")


def test_ordinary_labels_are_no_sized_label() -> None:
    assert sized_label(["self-hosted", "slipway"]) is None
    assert sized_label([]) is None


@given(st.lists(PRINTABLE, max_size=20), st.randoms(use_true_random=False))
def test_the_key_of_a_label_set_ignores_case_order_and_repetition(
    labels: list[str], chance: random.Random
) -> None:
    shuffled = [label.upper() if chance.random() < 0.5 else label.lower() for label in labels + labels[:3]]
    chance.shuffle(shuffled)
    assert label_set_key(shuffled) == label_set_key(labels)


@given(
    st.frozensets(PRINTABLE.map(str.lower), max_size=5), st.frozensets(PRINTABLE.map(str.lower), max_size=5)
)
def test_other_label_sets_have_other_keys(one: frozenset[str], other: frozenset[str]) -> None:
    assert (label_set_key(sorted(one)) == label_set_key(sorted(other))) == (one == other)


def test_the_key_cannot_be_forged_by_a_label_that_looks_like_two() -> None:
    assert label_set_key(['a","b']) != label_set_key(["a", "b"])


@settings(max_examples=400, deadline=None)
@given(st.lists(st.lists(PIECES, max_size=9).map("".join) | st.text(max_size=60), max_size=4))
def test_label_grammar_fuzz(labels: list[str]) -> None:
    try:
        found = sized_label(labels)
    except UnreadableLabelsError:
        return
    if found is None:
        assert not any(label.lower().startswith("slipway/") for label in labels)
        return
    # Whatever was accepted is ASCII and says again exactly what was read.
    assert all(re.fullmatch(r"[!-~]{1,256}", label) for label in labels)
    assert re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,19}", found.profile)
    assert sized_label([_written(found)]) == found


def _written(label: SizedLabel) -> str:
    parts = ["slipway", label.profile]
    if label.cpu_units is not None:
        assert 1024 <= label.cpu_units <= 9999 * 1024
        parts.append(f"cpu={label.cpu_units // 1024}")
    if label.memory_mib is not None:
        mib = label.memory_mib
        parts.append(f"memory={mib}MiB" if mib <= 9999 else f"memory={mib // 1024}GiB")
    if label.run is not None:
        parts.append(f"run={label.run[0]}-{label.run[1]}")
    return "/".join(parts)
