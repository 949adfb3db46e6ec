"""How much of each offering there is: unlimited until a test says otherwise."""

from __future__ import annotations

from dataclasses import dataclass, field

from local.twin.aws.ec2.records import Instance


@dataclass(slots=True)
class _Limit:
    instance_type: str | None
    place: str | None
    market: str | None
    available: int
    error_code: str

    def covers(self, instance_type: str, places: tuple[str, ...], market: str) -> bool:
        return (
            self.instance_type in {None, instance_type}
            and (self.place is None or self.place in places)
            and self.market in {None, market}
        )


@dataclass(slots=True)
class Capacity:
    """Limits by type, zone or subnet, and market; and the account's vCPU quotas [EC2-CAPACITY-ERRORS]."""

    vcpu_quota: dict[str, int] = field(default_factory=dict)
    _limits: list[_Limit] = field(default_factory=list)

    def limit(
        self,
        available: int,
        *,
        instance_type: str | None = None,
        place: str | None = None,
        market: str | None = None,
        error_code: str = "InsufficientInstanceCapacity",
    ) -> None:
        """From now on only `available` more instances of what the arguments name; None names all.

        `place` is a zone or a subnet; `market` is "spot" or "on-demand". A later limit of the same
        names replaces the earlier one.
        """
        self.lift(instance_type=instance_type, place=place, market=market)
        self._limits.append(_Limit(instance_type, place, market, available, error_code))

    def lift(
        self, *, instance_type: str | None = None, place: str | None = None, market: str | None = None
    ) -> None:
        """Remove exactly that limit."""
        names = (instance_type, place, market)
        self._limits = [x for x in self._limits if (x.instance_type, x.place, x.market) != names]

    def refusal(self, instance: Instance, live: list[Instance]) -> str | None:
        """The error code that EC2 would give for one more of these, or None; does not use it up."""
        limit = next((x for x in self._matching(instance) if x.available <= 0), None)
        if limit is not None:
            return limit.error_code
        quota = self.vcpu_quota.get(instance.market)
        used = sum(i.shape.vcpu for i in live if i.market == instance.market)
        if quota is not None and used + instance.shape.vcpu > quota:
            return "MaxSpotInstanceCountExceeded" if instance.market == "spot" else "VcpuLimitExceeded"
        return None

    def use(self, instance: Instance) -> None:
        for limit in self._matching(instance):
            limit.available -= 1

    def give_back(self, instance: Instance) -> None:
        for limit in self._matching(instance):
            limit.available += 1

    def _matching(self, instance: Instance) -> list[_Limit]:
        places = (instance.zone, instance.subnet_id)
        return [x for x in self._limits if x.covers(instance.shape.instance_type, places, instance.market)]
