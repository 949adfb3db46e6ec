"""What a refresh makes of a file: rows of other regions stay, and what is new, gone or dearer is told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from local.catalogue import Catalogue, CatalogueEntry
from local.catalogue.asking import Listing

SMALLEST_CHANGE = 0.01  # of a price: less is not told


@dataclass(frozen=True, slots=True)
class PriceChange:
    """A type whose price is another one, USD an hour."""

    name: str
    before: float
    after: float

    @property
    def share(self) -> float:
        """Return by what part of the old price it changed."""
        return self.after / self.before - 1


@dataclass(frozen=True, slots=True)
class Changes:
    """What became of one region."""

    region: str
    types: int
    new: tuple[str, ...]
    gone: tuple[str, ...]
    changed: tuple[PriceChange, ...]
    left_out: tuple[str, ...]


def merged(old: Catalogue | None, listings: Iterable[Listing]) -> list[CatalogueEntry]:
    """Return the rows of the new file: those of the regions that were asked for, and of others as they were."""
    by_region = {listing.region: listing.entries for listing in listings}
    kept = [entry for entry in old.entries() if entry.region not in by_region] if old else []
    return [*kept, *(entry for entries in by_region.values() for entry in entries)]


def changes_of(old: Catalogue | None, listing: Listing) -> Changes:
    """Return what a region's new rows change."""
    prices = old.lists.get(listing.region) if old else None
    before = prices.entries if prices else {}
    after = {entry.name: entry for entry in listing.entries}
    changed = (
        PriceChange(name, before[name].on_demand_usd_per_hour, after[name].on_demand_usd_per_hour)
        for name in sorted(before.keys() & after.keys())
    )
    return Changes(
        region=listing.region,
        types=len(after),
        new=tuple(sorted(after.keys() - before.keys())),
        gone=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(change for change in changed if abs(change.share) > SMALLEST_CHANGE),
        left_out=listing.left_out,
    )
