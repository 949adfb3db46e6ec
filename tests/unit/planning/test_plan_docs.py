"""docs/plan.md cannot drift from the form of the file, from what is printed, or from the samples."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.planning.model import SnapshotFile
from local.words import has_words
from slipway.domain.matching import UnservedReason
from slipway.domain.reasons import Why
from tests.support.schema_keys import documented_default, documented_keys, keys_of
from tests.support.snapshot_files import ROOT, SAMPLES, printed

PAGE = (ROOT / "docs" / "plan.md").read_text("utf-8")
BY_NAME = {"hosts": ("INSTANCE", "SHAPE"), "offers": ("SHAPE",), "idle_since": ("INSTANCE",), "waiting": ("CODE",)}  # fmt: skip


def part(heading: str) -> str:
    """The text under a heading, down to the next one of any level."""
    return PAGE.partition(f"{heading}\n")[2].partition("\n#")[0]


INPUT = PAGE.partition("## The file\n")[2].partition("## The output\n")[0]


def test_every_key_of_the_file_is_documented_and_no_other() -> None:
    assert {key for key, _, _ in keys_of(SnapshotFile)} == set(documented_keys(INPUT))


def test_the_documented_defaults_are_the_true_ones() -> None:
    said = documented_keys(INPUT)
    wanted = {
        key: documented_default(value, is_required=needed) for key, value, needed in keys_of(SnapshotFile)
    }
    assert {key: said[key] for key, text in wanted.items() if text is not None and said[key] != text} == {}
    assert {key for key, text in said.items() if text == "-"} == {k for k, t in wanted.items() if t == "-"}


def output_keys(value: Any, prefix: str, names: tuple[str, ...] = ()) -> Iterator[str]:
    """The keys of an output as the page writes them; below an intent only its kind, which has its own table."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if prefix == "intents[]." and key != "kind":
                continue
            shown = names[0] if names else "NAME" if prefix == "reasons[].parameters." else key
            yield from output_keys(inner, f"{prefix}{shown}.", names[1:] if names else BY_NAME.get(key, ()))
    elif isinstance(value, list):
        here = f"{prefix.rstrip('.')}[]"
        if here in ("intents[]", "reasons[]"):
            yield here
        for item in value:
            yield from output_keys(item, f"{here}.")
    else:
        yield prefix.rstrip(".")


def test_the_documented_keys_of_the_output_are_those_of_the_samples(tmp_path: Path) -> None:
    found = {key for sample in SAMPLES for key in output_keys(of(tmp_path, sample), "")}
    assert found == set(re.findall(r"^\| `([\w.\[\]]+)` \|", part("## The output"), re.MULTILINE))


def test_the_documented_keys_of_every_kind_of_intent_are_those_that_are_printed(tmp_path: Path) -> None:
    documented: dict[str, set[str]] = {}
    for kind, key in re.findall(
        r"^\| `(\w+)` \| (?:`(\w+)`)? ?\|", part("### Kinds of intent"), re.MULTILINE
    ):
        documented.setdefault(kind, set()).update({key} - {""})
    found: dict[str, set[str]] = {}
    for sample in SAMPLES:
        for entry in of(tmp_path, sample)["intents"]:
            found.setdefault(entry["kind"], set()).update(set(entry) - {"kind"})
    missing = set(documented) - set(found)
    assert missing <= {"retire", "count_failure", "plan_again"}  # no sample needs one
    assert found == {kind: keys for kind, keys in documented.items() if kind not in missing}


def test_every_reason_has_words() -> None:
    assert {code for code in (*Why, *UnservedReason) if not has_words(code)} == set()


def of(folder: Path, sample: Path) -> dict[str, Any]:
    """The output of a sample, which names its configuration by a path relative to itself."""
    place = folder / "snapshots"
    place.mkdir(exist_ok=True)
    (folder / "slipway.yaml").write_bytes((sample.parent.parent / "slipway.yaml").read_bytes())
    return printed(place, sample.read_text("utf-8"))


def test_there_are_samples() -> None:
    assert {sample.name for sample in SAMPLES} == {"burst.json", "limits.json", "spot-storm.json"}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_a_sample_plans_as_it_is_documented(sample: Path, tmp_path: Path) -> None:
    rows = [
        line for line in PAGE.splitlines() if f"snapshots/{sample.name})" in line and line.startswith("| ")
    ]
    assert len(rows) == 1
    _, _, intents, waiting, _ = rows[0].split("|")
    output = of(tmp_path, sample)
    assert counts(intents) == Counter(entry["kind"] for entry in output["intents"])
    assert counts(waiting) == output["waiting"]


def counts(cell: str) -> dict[str, int]:
    """What a cell such as `launch` 2, `drain` 1 counts."""
    return {word: int(count) for word, count in re.findall(r"`(\w+)` (\d+)", cell)}
