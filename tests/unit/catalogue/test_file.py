"""The file of a catalogue: what is written is read, and what is broken is told by line and column."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.catalogue import CatalogueEntry
from local.catalogue.file import (
    COLUMNS,
    CatalogueError,
    catalogue_text,
    parse_catalogue,
    read_catalogue,
)
from tests.support.catalogues import an_entry

GOOD = "ap-northeast-1,m7i.large,2,8192,x64,0,0.1302,2026-11-20"
HEADER = ",".join(COLUMNS)
ENTRIES = st.builds(
    CatalogueEntry,
    region=st.sampled_from(["us-east-1", "ap-northeast-1", "us-gov-west-1"]),
    name=st.from_regex(r"[a-z][0-9][a-z-]{0,5}\.[0-9]{0,2}x?large", fullmatch=True),
    vcpu=st.integers(1, 1_000),
    memory_mib=st.integers(1, 10**8),
    architecture=st.sampled_from(["x64", "arm64"]),
    gpus=st.integers(0, 16),
    on_demand_usd_per_hour=st.floats(1e-9, 1e5, exclude_min=True),
    as_of=st.dates().map(lambda day: day.isoformat()),
)


def text(*rows: str, header: str = HEADER) -> str:
    return "".join(f"{row}\n" for row in (header, *rows))


@given(st.lists(ENTRIES, min_size=1, max_size=20, unique_by=lambda entry: (entry.region, entry.name)))
def test_what_is_written_is_read_again_in_whatever_order_it_was(entries: list[CatalogueEntry]) -> None:
    written = catalogue_text(entries)
    read = parse_catalogue(written, "catalogue.csv").entries()
    assert read == tuple(sorted(entries, key=lambda entry: (entry.region, entry.name)))
    assert catalogue_text(reversed(read)) == written


def test_a_row_is_written_as_it_is_documented() -> None:
    assert catalogue_text([an_entry()]) == text(GOOD)


def test_a_spreadsheets_line_ends_its_mark_and_its_empty_rows_are_no_fault(tmp_path: Path) -> None:
    (tmp_path / "catalogue.csv").write_bytes(
        b"\xef\xbb\xbf" + text(GOOD, "", ",,,,,,,").replace("\n", "\r\n").encode()
    )
    assert read_catalogue(tmp_path / "catalogue.csv").entries() == (an_entry(),)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("ap-northeast-1", "tokyo", "region: 'tokyo' is not a region such as ap-northeast-1"),
        ("m7i.large", "M7I", "instance_type: 'M7I' is not an instance type such as m7i.4xlarge"),
        (",2,", ",two,", "vcpu: 'two' is not a whole number of vCPU, 1 or more"),
        (",2,", ",0,", "vcpu: '0' is not a whole number of vCPU, 1 or more"),
        ("8192", "8 GiB", "memory_mib: '8 GiB' is not a whole number of MiB, 1 or more"),
        ("x64", "x86_64", "architecture: 'x86_64' is not one of x64, arm64"),
        (",0,", ",0.5,", "gpus: '0.5' is not a whole number of GPUs"),
        ("0.1302", "0.0", "on_demand_usd_per_hour: '0.0' is not a price above 0 such as 0.8064"),
        ("0.1302", "-0.1", "on_demand_usd_per_hour: '-0.1' is not a price above 0 such as 0.8064"),
        ("0.1302", "nan", "on_demand_usd_per_hour: 'nan' is not a price above 0 such as 0.8064"),
        ("0.1302", "", "on_demand_usd_per_hour: '' is not a price above 0 such as 0.8064"),
        ("2026-11-20", "2026-02-30", "as_of: '2026-02-30' is not a day such as 2026-07-20"),
        ("2026-11-20", "20.11.2026", "as_of: '20.11.2026' is not a day such as 2026-07-20"),
        ("2026-11-20", "2026-11-20,x", "has 9 cells, not 8"),
        ("x64", "x" * 60, f"architecture: '{'x' * 38}… is not one of x64, arm64"),
    ],
)
def test_a_fault_of_a_row_names_line_and_column(old: str, new: str, said: str) -> None:
    with pytest.raises(CatalogueError) as fault:
        parse_catalogue(text(GOOD.replace("m7i", "m6i"), GOOD.replace(old, new, 1)), "catalogue.csv")
    assert str(fault.value) == f"catalogue.csv:3: {said}"


@pytest.mark.parametrize(
    ("whole", "said"),
    [
        ("", f"catalogue.csv:1: has no column {', '.join(COLUMNS)}"),
        (text(GOOD, header=HEADER.replace(",vcpu", "")), "catalogue.csv:1: has no column vcpu"),
        (
            text(GOOD, header=f"{HEADER},more"),
            f"catalogue.csv:1: columns are {HEADER}, in this order, and no others",
        ),
        (text(), "catalogue.csv: has no rows"),
        (text(GOOD, GOOD), "catalogue.csv:3: instance_type: m7i.large is there already for ap-northeast-1"),
    ],
    ids=["empty", "no column", "one more column", "no rows", "a type twice"],
)
def test_a_fault_of_the_whole_file_is_told(whole: str, said: str) -> None:
    with pytest.raises(CatalogueError) as fault:
        parse_catalogue(whole, "catalogue.csv")
    assert str(fault.value) == said


def test_a_type_may_be_in_two_regions() -> None:
    read = parse_catalogue(text(GOOD, GOOD.replace("ap-northeast-1", "us-east-1")), "catalogue.csv")
    assert sorted(read.lists) == ["ap-northeast-1", "us-east-1"]


def test_many_faults_are_told_in_part_and_counted() -> None:
    with pytest.raises(CatalogueError) as fault:
        parse_catalogue(text(*[GOOD.replace("x64", "z80")] * 8), "catalogue.csv")
    assert str(fault.value).count("z80") == 5
    assert str(fault.value).endswith("; and 3 more")


def test_what_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "catalogue.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(CatalogueError, match="is not UTF-8 text"):
        read_catalogue(tmp_path / "catalogue.csv")
    with pytest.raises(CatalogueError, match="is not CSV"):
        parse_catalogue(text("\r" + GOOD.replace("m7i", "\0")) + '"' + "x" * 200_000, "catalogue.csv")
