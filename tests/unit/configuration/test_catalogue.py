"""The catalogue that ships with Slipway, and one of your own that a configuration names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from local.catalogue import CatalogueEntry, nominal_memory_mib, registered_memory_mib
from local.catalogue.file import catalogue_text, shipped
from local.configuration.check import Verdict, check_file
from local.configuration.compilation import compile_file
from tests.support.catalogues import an_entry
from tests.support.repository import ROOT

EXAMPLE = ROOT / "docs/examples/organizations.yaml"


def test_every_type_has_a_size_a_price_and_a_known_architecture() -> None:
    entries = shipped().entries()
    assert len(entries) == 198
    for entry in entries:
        assert entry.architecture in ("x64", "arm64"), entry
        assert entry.registered.cpu_units == entry.vcpu * 1024
        assert 0 < entry.registered.memory_mib < entry.memory_mib
        assert entry.on_demand_usd_per_hour > 0


def test_registered_memory_is_estimated_below_nominal_so_that_8_gib_does_not_fit_8_times_in_64() -> None:
    """[EC2-REGISTERED-MEMORY]"""
    registered = registered_memory_mib(64 * 1024)
    assert (registered // (7 * 1024), registered // (8 * 1024)) == (8, 7)


def test_the_estimate_never_goes_below_nothing() -> None:
    assert registered_memory_mib(128) == 0


@given(st.integers(1, 10**8))
def test_nominal_memory_that_is_worked_out_is_registered_as_it_was(nominal_mib: int) -> None:
    registered = registered_memory_mib(max(nominal_mib, 1_024))
    assert registered_memory_mib(nominal_memory_mib(registered)) == registered


def test_what_ships_stands_in_for_every_region_and_says_whose_it_is() -> None:
    assert shipped().of("ap-northeast-1") is shipped().of("us-east-1")
    told = shipped().told(["ap-northeast-1", "eu-west-1"])
    assert told == "list prices of us-east-1, as of 2026-07-20"


def of(region: str, price: float, name: str = "m8g.4xlarge", **changes: object) -> CatalogueEntry:
    sizes = {"vcpu": 16, "memory_mib": 65_536, "architecture": "arm64"}
    return an_entry(name, region=region, on_demand_usd_per_hour=price, **(sizes | changes))


TOKYO, OREGON = of("ap-northeast-1", 0.9), of("us-west-2", 0.7)


def checked(
    folder: Path, *entries: CatalogueEntry, catalogue: object = "prices.csv", **pools: str
) -> Verdict:
    """Check organizations.yaml with a catalogue of these rows and pools in these regions."""
    document = yaml.safe_load(EXAMPLE.read_text("utf-8"))
    usual = {**document["pools"]["arm"], "instance_types": ["m8g.4xlarge"]}
    regions = pools or {"arm": "ap-northeast-1"}
    document["catalogue"] = catalogue
    document["pools"] = {name: {**usual, "region": region} for name, region in regions.items()}
    if entries:
        (folder / "prices.csv").write_text(catalogue_text(entries), "utf-8")
    (folder / "slipway.yaml").write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
    return check_file(folder / "slipway.yaml")


def test_each_pool_has_the_types_and_prices_of_its_own_region(tmp_path: Path) -> None:
    file = checked(tmp_path, TOKYO, OREGON, arm="ap-northeast-1", oregon="us-west-2").file
    assert file is not None
    pools = json.loads(compile_file(file))["pools"]
    size = [16_384, registered_memory_mib(65_536), 0]
    assert pools["arm"]["instance_types"] == [
        ["m8g.4xlarge", size, 0.9, pools["arm"]["instance_types"][0][3]]
    ]
    assert [kind[2] for kind in pools["oregon"]["instance_types"]] == [0.7]
    assert file.catalogue.told(["us-west-2", "ap-northeast-1"]) == (
        "list prices of ap-northeast-1, as of 2026-11-20 and of us-west-2, as of 2026-11-20"
    )


def test_a_catalogue_makes_no_difference_but_in_what_it_says(tmp_path: Path) -> None:
    same = [entry for entry in shipped().entries() if entry.name == "m8g.4xlarge"]
    own = checked(tmp_path, *same, arm="us-east-1").file
    without = checked(tmp_path, catalogue=None, arm="us-east-1").file
    assert own is not None
    assert without is not None
    assert compile_file(own) == compile_file(without)


def faults(verdict: Verdict) -> list[tuple[str, str, str | None]]:
    return [(fault.path, fault.message, fault.nearest) for fault in verdict.faults]


def test_a_region_that_the_file_lacks_names_the_command_that_adds_it(tmp_path: Path) -> None:
    found = faults(checked(tmp_path, TOKYO, arm="ap-northeast-1", oregon="us-west-2"))
    file = f"{tmp_path}/prices.csv"
    said = f"{file} has no types of us-west-2: slipway catalogue refresh --region us-west-2 --out {file} adds them"
    assert found == [("pools.oregon.region", said, None)]


def test_a_type_that_the_region_lacks_is_not_taken_from_another_or_from_what_ships(tmp_path: Path) -> None:
    rows = of("ap-northeast-1", 0.9, "m8g.2xlarge"), OREGON
    assert faults(checked(tmp_path, *rows)) == [
        (
            "pools.arm.instance_types[0]",
            "'m8g.4xlarge' is not in the catalogue's types of ap-northeast-1",
            "m8g.2xlarge",
        )
    ]


def test_architecture_and_size_are_those_of_the_file(tmp_path: Path) -> None:
    row = of("ap-northeast-1", 0.9, architecture="x64", memory_mib=4_096)
    found = faults(checked(tmp_path, row))
    assert [path for path, _, _ in found] == ["profiles.standard.memory", "pools.arm.instance_types[0]"]
    assert "does not fit m8g.4xlarge" in found[0][1]
    assert "is x64, the pool's architecture is arm64" in found[1][1]


@pytest.mark.parametrize(
    ("catalogue", "said"),
    [
        (
            "prices.csv",
            "prices.csv: cannot be read: No such file or directory; slipway catalogue refresh writes it",
        ),
        (".", "cannot be read: Is a directory"),
        (7, "7 is not the name of a file such as catalogue.csv"),
        ("", "'' is not the name of a file such as catalogue.csv"),
    ],
)
def test_a_catalogue_that_is_not_there_is_one_fault_and_hides_no_other(
    catalogue: object, said: str, tmp_path: Path
) -> None:
    verdict = checked(tmp_path, catalogue=catalogue, arm="nowhere")
    messages = {fault.path: fault.message for fault in verdict.faults}
    assert set(messages) == {"catalogue", "pools.arm.region"}
    assert messages["catalogue"].endswith(said)


def test_what_is_wrong_with_a_row_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text(catalogue_text([TOKYO]).replace(",0.9,", ",-1,"), "utf-8")
    (fault,) = checked(tmp_path).faults
    assert fault.sentence("slipway.yaml").startswith("slipway.yaml:")
    assert f"{tmp_path}/prices.csv:2: on_demand_usd_per_hour: '-1' is not a price above 0" in fault.message
