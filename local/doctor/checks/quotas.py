"""Do the account's quotas allow what is configured: vCPUs, network interfaces, functions at once?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from botocore.exceptions import ClientError

from local.doctor.findings import Check, Look, Verdict, failed, ok, warning
from local.doctor.surroundings import Surroundings
from slipway.domain.configuration import Market, Pool
from slipway.domain.resources import CPU_UNITS_PER_VCPU


@dataclass(frozen=True, slots=True)
class Quota:
    """A quota of Service Quotas."""

    service: str
    code: str
    name: str


def _quotas_of(
    group: str, families: tuple[str, ...], codes: tuple[str, str]
) -> dict[str, dict[Market, Quota]]:
    """Return the quotas of vCPUs of running instances, by what their types begin with [EC2-VCPU-QUOTAS]."""
    both = {
        Market.ON_DEMAND: Quota("ec2", codes[0], f"Running On-Demand {group} instances"),
        Market.SPOT: Quota("ec2", codes[1], f"All {group} Spot Instance Requests"),
    }
    return dict.fromkeys(families, both)


_STANDARD = ("a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z")
_QUOTAS = {
    **_quotas_of("Standard", _STANDARD, ("L-1216C47A", "L-34B43A08")),
    **_quotas_of("G and VT", ("g", "vt"), ("L-DB2E81BA", "L-3819A6DF")),
    **_quotas_of("X", ("x",), ("L-7295265B", "L-E3A00192")),
    **_quotas_of("F", ("f",), ("L-74FC7D96", "L-88CF9481")),
    **_quotas_of("Inf", ("inf",), ("L-1945791B", "L-B5D1601B")),
    **_quotas_of("DL", ("dl",), ("L-6E869C2A", "L-85EED4F7")),
}
_OF_P = Quota("ec2", "L-417A185B", "Running On-Demand P instances")
#: P's Spot instances are the one group that is parted by generation; what counts for the newest is not known.
_SPOT_OF_P = {
    **dict.fromkeys(
        ("p2", "p3", "p4"), Quota("ec2", "L-7212CCBC", "All P4, P3 and P2 Spot Instance Requests")
    ),
    "p5": Quota("ec2", "L-C4BD4855", "All P5 Spot Instance Requests"),
}
INTERFACES = Quota("vpc", "L-DF5E4CA3", "Network interfaces per Region")
RESERVED_CONCURRENCY = 2  # one each for reaper and redelivery
ALWAYS_UNRESERVED = 100  # Lambda keeps so many for functions that reserve nothing [LAMBDA-CONCURRENCY]
BUSY_CONCURRENCY = 50  # both mappings' ten, and webhooks and claims in a burst


def vcpu_quota(instance_type: str, market: Market) -> Quota | None:
    """Return the quota that an instance of this type counts for; None for the rarer families."""
    series = re.match(r"([a-z]+)[0-9]+", instance_type)
    if series is None:
        return None
    if series[1] == "p":
        return _OF_P if market is Market.ON_DEMAND else _SPOT_OF_P.get(series[0])
    quotas = _QUOTAS.get(series[1])
    return quotas[market] if quotas else None


def _looks(surroundings: Surroundings) -> Iterator[Look]:
    for region, pools in surroundings.pools_by_region().items():
        for quota, needs in _vcpu_needs(pools).items():
            yield Look(
                f"{region}: {quota.name} ({quota.code})", partial(_vcpus, surroundings, region, quota, needs)
            )
        if others := _of_no_known_quota(pools):
            yield Look(f"{region}: {', '.join(others)}", partial(_not_known, others))
        interfaces = sum(pool.max_instances * surroundings.takes_addresses(pool) for pool in pools)
        at = f"{region}: {INTERFACES.name} ({INTERFACES.code})"
        yield Look(at, partial(_interfaces, surroundings, region, interfaces))
    yield Look(f"{surroundings.home_region}: Lambda concurrency", partial(_concurrency, surroundings))


@dataclass(frozen=True, slots=True)
class Needs:
    """vCPUs that pools need of one quota: for all of their instances and for the first; is it their second choice?"""

    all: int
    first: int
    is_fallback: bool


def _vcpu_needs(pools: list[Pool]) -> dict[Quota, Needs]:
    needs: dict[Quota, Needs] = {}
    for pool in pools:
        for market in _markets(pool):
            for quota, vcpus in _largest_by_quota(pool, market).items():
                # A Spot pool asks On-Demand where Spot has none, for its stopped tier in any case.
                is_fallback = market is not pool.market and not pool.stopped_instances
                old = needs.get(quota, Needs(0, vcpus, is_fallback=True))
                needs[quota] = Needs(
                    old.all + vcpus * pool.max_instances,
                    min(old.first, vcpus),
                    old.is_fallback and is_fallback,
                )
    return needs


def _of_no_known_quota(pools: list[Pool]) -> list[str]:
    return sorted(
        {
            kind.name
            for pool in pools
            for kind in pool.instance_types
            if any(vcpu_quota(kind.name, market) is None for market in _markets(pool))
        }
    )


def _not_known(names: list[str]) -> Iterator[Verdict]:
    yield warning(
        "quota-not-known",
        f"which quota {' and '.join(names)} count{'s' * (len(names) == 1)} for is not known here",
        "look under Service Quotas, ec2, whether their family's has room for max_instances",
    )


def _markets(pool: Pool) -> tuple[Market, ...]:
    return (Market.SPOT, Market.ON_DEMAND) if pool.market is Market.SPOT else (Market.ON_DEMAND,)


def _largest_by_quota(pool: Pool, market: Market) -> dict[Quota, int]:
    largest: dict[Quota, int] = {}
    for kind in pool.instance_types:
        quota = vcpu_quota(kind.name, market)
        if quota is not None:
            vcpus = kind.registered.cpu_units // CPU_UNITS_PER_VCPU
            largest[quota] = max(largest.get(quota, 0), vcpus)
    return largest


def _vcpus(surroundings: Surroundings, region: str, quota: Quota, needs: Needs) -> Iterator[Verdict]:
    allowed = _value(surroundings, region, quota)
    message = f"{allowed:g} vCPU, and max_instances of the largest type come to {needs.all}"
    mend = f"ask for {needs.all} (Service Quotas, {quota.service}, {quota.code}), or lower max_instances"
    if allowed >= needs.all:
        yield ok(message)
    elif needs.is_fallback:
        yield warning(
            "quota-no-fallback",
            f"{message}: the pools have no On-Demand to fall back on when Spot has none",
            mend,
        )
    elif allowed < needs.first:
        yield failed("quota-below-one-instance", f"{message}: not even one instance may run", mend)
    else:
        yield warning("quota-below-maximum", f"{message}: pools stop growing there", mend)


def _interfaces(surroundings: Surroundings, region: str, needed: int) -> Iterator[Verdict]:
    allowed = _value(surroundings, region, INTERFACES)
    message = f"{allowed:g}, and max_instances take {needed}"
    mend = f"ask for more (Service Quotas, vpc, {INTERFACES.code}); others in the region use some too"
    yield ok(message) if allowed >= needed else warning("interface-quota", message, mend)


def _value(surroundings: Surroundings, region: str, quota: Quota) -> float:
    """Return what is allowed; an account that never changed a quota may have none of its own but AWS's default."""
    client = surroundings.account.client("service-quotas", region)
    request = {"ServiceCode": quota.service, "QuotaCode": quota.code}
    try:
        answer = client.get_service_quota(**request)
    except ClientError as fault:
        if fault.response["Error"]["Code"] != "NoSuchResourceException":
            raise
        answer = client.get_aws_default_service_quota(**request)
    return float(answer["Quota"]["Value"])


def _concurrency(surroundings: Surroundings) -> Iterator[Verdict]:
    """New accounts have ten at once, of which none may be reserved."""
    client = surroundings.account.client("lambda", surroundings.home_region)
    limits = client.get_account_settings()["AccountLimit"]
    allowed, unreserved = int(limits["ConcurrentExecutions"]), int(limits["UnreservedConcurrentExecutions"])
    message = f"{allowed} functions at once, {unreserved} of them unreserved"
    mends = []
    if unreserved - RESERVED_CONCURRENCY < ALWAYS_UNRESERVED:
        message += f": too few to reserve {RESERVED_CONCURRENCY} for reaper and redelivery"
        mends.append("deploy without reserved concurrency")
    if unreserved < BUSY_CONCURRENCY:
        message += "; in a burst webhooks and claims would be refused"
        mends.append("ask for 1,000 (Service Quotas, lambda, L-B99A9384)")
    yield warning("concurrency-low", message, ", and ".join(mends)) if mends else ok(message)


CHECK = Check(
    name="quotas",
    about="the account's quotas allow max_instances of each pool, and the functions",
    permissions=(
        "servicequotas:GetServiceQuota",
        "servicequotas:GetAWSDefaultServiceQuota",
        "lambda:GetAccountSettings",
    ),
    looks=_looks,
)
