"""``slipway catalogue refresh`` as it is typed, against AWS's twin over the wire."""

from __future__ import annotations

import shlex
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from local.catalogue.file import catalogue_text, read_catalogue
from local.configuration.check import check_file
from local.twin.aws.account import AwsTwin
from tests.integration.catalogue.stage import OREGON, TOKYO, configure, prices, refresh, reprice, told
from tests.support.catalogues import an_entry


def test_the_first_one_makes_a_configuration_valid_whose_catalogue_was_missing(
    aws: AwsTwin, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_file(Path("slipway.yaml")).file is None
    today = datetime.now(UTC).date()
    status, out, err = refresh(capsys)
    days = (today, datetime.now(UTC).date())  # midnight may have passed
    assert (status, out.splitlines()) in [
        (
            0,
            [
                f"catalogue.csv: 4 types of {TOKYO}, as of {day}",
                "  new (4): g5.xlarge, m7i.large, m8g.2xlarge, m8g.4xlarge",
            ],
        )
        for day in days
    ]
    assert err.splitlines() == [
        f"{TOKYO}: asking for its list prices",
        f"{TOKYO}: asking for its instance types",
    ]
    assert check_file(Path("slipway.yaml")).faults == ()
    assert [path.name for path in sorted(folder.iterdir())] == ["catalogue.csv", "slipway.yaml"]
    entries = read_catalogue(Path("catalogue.csv")).lists[TOKYO].entries
    assert entries["m8g.4xlarge"] == an_entry(
        "m8g.4xlarge",
        vcpu=16,
        memory_mib=65_536,
        architecture="arm64",
        on_demand_usd_per_hour=0.9277,
        as_of=entries["m7i.large"].as_of,
    )
    assert (entries["g5.xlarge"].gpus, entries["m7i.large"].architecture) == (1, "x64")
    assert aws.calls == {"pricing.GetProducts": 1, "ec2.DescribeInstanceTypes": 1}


def test_the_regions_are_those_of_the_pools_and_the_file_is_beside_the_configuration(
    aws: AwsTwin, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(arm=TOKYO, more=TOKYO, oregon=OREGON)
    monkeypatch.chdir(folder.parent)
    answer = told(capsys, "--config", f"{folder.name}/slipway.yaml")
    assert answer["file"] == f"{folder.name}/catalogue.csv"
    assert [region["region"] for region in answer["regions"]] == [TOKYO, OREGON]
    assert prices(answer["file"], OREGON)["m7i.large"] == 0.1008


def test_rows_of_regions_that_were_not_asked_for_stay_as_they_are(
    aws: AwsTwin, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = an_entry(region="eu-west-1", as_of="2025-01-01")
    (folder / "prices.csv").write_text(catalogue_text([old]), "utf-8")
    told(capsys, "--region", OREGON, "--region", TOKYO, "--region", OREGON, "--out", "prices.csv")
    read = read_catalogue(Path("prices.csv"))
    assert list(read.lists) == [TOKYO, "eu-west-1", OREGON]
    assert list(read.lists["eu-west-1"].entries.values()) == [old]
    text = (folder / "prices.csv").read_text("utf-8")
    assert text == catalogue_text(read.entries())


def test_what_is_new_gone_and_dearer_is_told_and_a_price_that_hardly_moved_is_not(
    aws: AwsTwin, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys)
    aws.ec2.types.withdraw("g5.xlarge")
    aws.ec2.types.offer("m9g.large")
    aws.pricing.sell(TOKYO, "m9g.large", "0.1000000000")
    reprice(aws, "m7i.large", "0.1432200000")
    reprice(aws, "m8g.2xlarge", "0.4650000000")
    status, out, _ = refresh(capsys)
    assert (status, out.splitlines()[1:]) == (
        0,
        [
            "  new (1): m9g.large",
            "  gone (1): g5.xlarge",
            "  another price (1): m7i.large 0.1302 → 0.14322 (+10.0 %)",
        ],
    )
    assert prices() == {"m7i.large": 0.14322, "m8g.2xlarge": 0.465, "m8g.4xlarge": 0.9277, "m9g.large": 0.1}
    reprice(aws, "m7i.large", "0.1302000000")
    (region,) = told(capsys)["regions"]
    assert region == {
        "region": TOKYO,
        "types": 4,
        "new": [],
        "gone": [],
        "changed": [{"name": "m7i.large", "before": 0.14322, "after": 0.1302}],
        "left_out": [],
    }


def test_a_type_without_one_price_is_left_out_and_told(
    aws: AwsTwin, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.ec2.types.offer("m9g.large")  # no price at all
    reprice(aws, "g5.xlarge", "0.0000000000")
    aws.pricing.sell(TOKYO, "m7i.large", "0.5000000000")  # two prices
    status, out, _ = refresh(capsys)
    assert (status, out.splitlines()[-1]) == (
        0,
        "  left out, without one price (3): g5.xlarge, m7i.large, m9g.large",
    )
    assert set(prices()) == {"m8g.2xlarge", "m8g.4xlarge"}


def test_only_linux_on_shared_hardware_counts_and_neither_metal_nor_macs_nor_parts_of_gpus(
    aws: AwsTwin, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """[EC2-PRICE-LIST] [EC2-GPU-INFO]"""
    for attributes in (
        {"operatingSystem": "Windows"},
        {"tenancy": "Dedicated"},
        {"preInstalledSw": "SQL Web"},
        {"capacitystatus": "UnusedCapacityReservation"},
        {"marketoption": "CapacityBlock"},
    ):
        aws.pricing.sell(TOKYO, "m7i.large", "9.0", **attributes)
    aws.ec2.types.offer("m7i.4xlarge", InstanceType="m7i.metal-24xl", BareMetal=True)
    mac = {"SupportedArchitectures": ["arm64_mac"]}
    aws.ec2.types.offer("m7g.xlarge", InstanceType="mac9.xlarge", ProcessorInfo=mac)
    part = {"Name": "L4", "Manufacturer": "NVIDIA", "Count": 1, "GpuPartitionSize": 0.125}
    aws.ec2.types.offer("m7i.xlarge", InstanceType="g6f.large", GpuInfo={"Gpus": [part]})
    other = {"Name": "Radeon", "Manufacturer": "AMD", "Count": 1}
    aws.ec2.types.offer("m7a.xlarge", InstanceType="g4ad.xlarge", GpuInfo={"Gpus": [other]})
    untold = {"Name": "H9", "Manufacturer": "NVIDIA"}  # no count: every field of the answer is optional
    aws.ec2.types.offer("m7a.2xlarge", InstanceType="p9.xlarge", GpuInfo={"Gpus": [untold]})
    old = {"SupportedArchitectures": ["i386", "x86_64"]}
    aws.ec2.types.offer("t3.micro", InstanceType="t2.micro", ProcessorInfo=old, CurrentGeneration=False)
    for name in ("m7i.metal-24xl", "mac9.xlarge", "g6f.large", "g4ad.xlarge", "p9.xlarge", "t2.micro"):
        aws.pricing.sell(TOKYO, name, "0.2500000000")
    told(capsys)
    entries = read_catalogue(Path("catalogue.csv")).lists[TOKYO].entries
    assert entries["m7i.large"].on_demand_usd_per_hour == 0.1302
    assert not {"m7i.metal-24xl", "mac9.xlarge"} & set(entries)
    assert [entries[name].gpus for name in ("g6f.large", "g4ad.xlarge", "p9.xlarge")] == [0, 0, 0]
    assert entries["t2.micro"].architecture == "x64"


def test_more_than_a_page_of_types_and_prices_is_read_to_its_end(
    aws: AwsTwin, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(1, 100):
        aws.ec2.types.offer(f"r9g.{number}xlarge")
        aws.pricing.sell(TOKYO, f"r9g.{number}xlarge", f"{number}.5")
    (region,) = told(capsys)["regions"]
    assert (region["types"], len(prices())) == (103, 103)
    assert aws.calls == {"pricing.GetProducts": 2, "ec2.DescribeInstanceTypes": 2}
    _, out, _ = refresh(capsys, "--out", "other.csv")
    assert out.splitlines()[1].endswith("r9g.15xlarge and 93 more")


def test_a_file_keeps_its_permissions_and_a_link_to_one_stays_a_link(
    aws: AwsTwin, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shared = folder / "shared"
    shared.mkdir()
    (shared / "list.csv").write_text(catalogue_text([an_entry()]), "utf-8")
    (shared / "list.csv").chmod(0o660)
    (folder / "catalogue.csv").symlink_to("shared/list.csv")
    told(capsys)
    assert (folder / "catalogue.csv").readlink() == Path("shared/list.csv")
    assert len(prices("shared/list.csv")) == 4
    assert stat.S_IMODE((shared / "list.csv").stat().st_mode) == 0o660
    assert [path.name for path in shared.iterdir()] == ["list.csv"]
    told(capsys, "--out", "new.csv")
    assert stat.S_IMODE((folder / "new.csv").stat().st_mode) == 0o644


def test_the_command_that_a_check_names_does_what_it_says_from_any_folder(
    aws: AwsTwin, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told(capsys)
    configure(catalogue="catalogue.csv", arm=TOKYO, oregon=OREGON)
    monkeypatch.chdir(folder.parent)
    (fault,) = check_file(Path(folder.name) / "slipway.yaml").faults
    _, _, command = fault.message.removesuffix(" adds them").partition("slipway catalogue refresh ")
    told(capsys, *shlex.split(command))
    assert check_file(Path(folder.name) / "slipway.yaml").faults == ()


def test_a_file_that_the_configuration_does_not_name_yet_is_told_to_count_for_nothing(
    aws: AwsTwin, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "slipway.yaml names no catalogue, so what ships counts: add the key `catalogue: catalogue.csv`"
    assert said not in refresh(capsys)[2]
    configure(arm=TOKYO)
    for more in ((), ("--json",)):
        status, _, err = refresh(capsys, *more)
        assert (status, err.splitlines()[-1]) == (0, said)
    assert said not in refresh(capsys, "--out", "other.csv")[2]
