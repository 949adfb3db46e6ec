"""What AWS tells of a region: EC2 of its types, the price list of what they cost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from local.catalogue import CatalogueEntry
from local.catalogue.file import CatalogueError, catalogue_text, parse_catalogue

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

Given = TypeVar("Given")
Made = TypeVar("Made")
PRICING_REGION = "us-east-1"  # one of three that answer for all regions [EC2-PRICE-ENDPOINTS]
PAGE = 100  # the most of both calls
_ARCHITECTURES = {"x86_64": "x64", "arm64": "arm64"}
_TYPES = [
    {"Name": "bare-metal", "Values": ["false"]},
    {"Name": "processor-info.supported-architecture", "Values": list(_ARCHITECTURES)},
]
#: What an On-Demand instance of Linux alone costs, on hardware that others use too [EC2-PRICE-LIST].
_PRICED = {
    "operatingSystem": "Linux",
    "tenancy": "Shared",
    "preInstalledSw": "NA",
    "capacitystatus": "Used",
    "marketoption": "OnDemand",
}


class AnswerError(Exception):
    """AWS's answer is of no use; the message says which, and what to do."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What AWS tells of one region, and of which types it has no one price."""

    region: str
    entries: tuple[CatalogueEntry, ...]
    left_out: tuple[str, ...]


def ask(region: str, ec2: EC2Client, pricing: Any, day: str, told: Callable[[str], None]) -> Listing:
    """Ask for the types of a region and their prices; ``day`` is today, ``told`` hears what is asked.

    Raises:
        AnswerError: an answer cannot be read, or no type has a price.
        BotoCoreError, ClientError: AWS cannot be reached, or refuses.
    """
    told(f"{region}: asking for its list prices")
    prices = prices_of(pricing, region)
    if not prices:  # first of all: an unknown region is told from a network that is down
        raise AnswerError(
            f"AWS's price list has no instance of {region} in USD: see that it is the name of a region"
        )
    told(f"{region}: asking for its instance types")
    entries, left_out = [], []
    for kind in _pages(ec2.get_paginator("describe_instance_types"), "InstanceTypes", Filters=_TYPES):
        found = prices.get(kind.get("InstanceType", ""), set())
        if len(found) == 1:
            entries.append(_read("EC2", (region, kind, min(found), day), _entry))
        else:
            left_out.append(str(kind.get("InstanceType")))
    if not entries:
        raise AnswerError(f"EC2 in {region} has no instance type with a list price: nothing to write")
    _check(entries, region)
    return Listing(region, tuple(entries), tuple(sorted(left_out)))


def _check(entries: Iterable[CatalogueEntry], region: str) -> None:
    """Refuse rows that nobody could read again: a file must not be written that the next command refuses."""
    try:
        parse_catalogue(catalogue_text(entries), region)
    except CatalogueError as fault:
        raise AnswerError(
            f"AWS's answer makes no catalogue ({fault}): run it again; if it stays, report it"
        ) from fault


def prices_of(pricing: Any, region: str) -> dict[str, set[float]]:
    """Return the list prices of a region by type, USD an hour, as far as they are above 0."""
    wanted = {"regionCode": region, **_PRICED}
    filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in wanted.items()]
    pages = pricing.get_paginator("get_products")
    prices: dict[str, set[float]] = {}
    for text in _pages(pages, "PriceList", ServiceCode="AmazonEC2", Filters=filters):
        name, found = _read("the price list", text, _price)
        if found:
            prices.setdefault(name, set()).update(found)
    return prices


def _pages(paginator: Any, key: str, **request: Any) -> Iterable[Any]:
    for page in paginator.paginate(**request, PaginationConfig={"PageSize": PAGE}):
        yield from page.get(key, [])


def _read(whose: str, given: Given, read: Callable[[Given], Made]) -> Made:
    try:
        return read(given)
    except (KeyError, ValueError, TypeError, AttributeError) as fault:
        said = f"{type(fault).__name__}: {fault}"
        raise AnswerError(
            f"an answer of {whose} cannot be read ({said}): run it again; if it stays, report it"
        ) from fault


def _price(text: str) -> tuple[str, set[float]]:
    product: Mapping[str, Any] = json.loads(text)
    terms = product["terms"].get("OnDemand", {}).values()
    found = {
        float(dimension["pricePerUnit"]["USD"])
        for term in terms
        for dimension in term["priceDimensions"].values()
        if "USD" in dimension["pricePerUnit"]
    }
    return str(product["product"]["attributes"]["instanceType"]), {price for price in found if price > 0}


def _entry(told: tuple[str, Mapping[str, Any], float, str]) -> CatalogueEntry:
    region, kind, price, day = told
    supported = kind["ProcessorInfo"]["SupportedArchitectures"]
    return CatalogueEntry(
        region=region,
        name=kind["InstanceType"],
        vcpu=int(kind["VCpuInfo"]["DefaultVCpus"]),
        memory_mib=int(kind["MemoryInfo"]["SizeInMiB"]),
        architecture=next(ours for theirs, ours in _ARCHITECTURES.items() if theirs in supported),
        gpus=sum(_whole_gpus(device) for device in kind.get("GpuInfo", {}).get("Gpus", [])),
        on_demand_usd_per_hour=price,
        as_of=day,
    )


def _whole_gpus(device: Mapping[str, Any]) -> int:
    """Return how many GPUs of a device jobs can have: whole ones that the hosts' image drives [EC2-GPU-INFO]."""
    is_whole = device.get("GpuPartitionSize", 1) >= 1
    return int(device.get("Count", 0)) if is_whole and device.get("Manufacturer") == "NVIDIA" else 0
