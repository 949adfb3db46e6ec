"""Offers in the table: for each shape a head with a counter, and one item an offer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from slipway.adapters.ledger.items import keyed, waiting_to
from slipway.adapters.ledger.table import ConditionFailedError, Item, Key, Put, Table, Update
from slipway.domain.matching import Shape
from slipway.domain.snapshot import WaitingJob


def head_key(pool: str, shape: Shape) -> Key:
    """Return the key of a shape's head: which generation is offered, how many, how many are drawn."""
    return Key(f"OFFERS#{pool}", f"{shape}#HEAD")


def offer_key(pool: str, shape: Shape, generation: int, position: int) -> Key:
    """Return the key of one offer."""
    return Key(f"OFFERS#{pool}", f"{shape}#{generation:010}#{position:06}")


@dataclass(slots=True)
class _Published:
    """What is on offer for one shape."""

    generation: int = 0
    newest: int = 0  # of all generations that were written, also of those that no head came to point to
    next: int = 0
    count: int = 0
    items: list[Item] = field(default_factory=list)

    def standing(self, shape: str) -> list[tuple[str, str | None]]:
        """Return job and previous task of the offers that are still to be drawn, in order.

        What lies beyond the count was written by a publication that died before its head: nobody draws it.
        """
        prefix = f"{shape}#{self.generation:010}#"
        return [
            (item["key"], item.get("offered_to"))
            for item in self.items
            if item["sk"].startswith(prefix) and self.next <= int(item["sk"][len(prefix) :]) < self.count
        ]


class DynamoOffers:
    """Implements ``ports.ledger.Offers``. One writer at a time: the holder of the pool."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def publish(self, pool: str, offers: Mapping[Shape, Sequence[WaitingJob]]) -> None:
        """Replace a pool's offers; shapes not named have none. What is unchanged is not written."""
        published = self._read(pool)
        wanted = {str(shape): (shape, list(jobs)) for shape, jobs in offers.items() if jobs}
        for name, old in published.items():
            if name not in wanted:
                stale = [Key(item["pk"], item["sk"]) for item in old.items]
                self._table.write_many(deletes=[Key(f"OFFERS#{pool}", f"{name}#HEAD"), *stale])
        for name, (shape, jobs) in wanted.items():
            self._publish(pool, shape, jobs, published.get(name, _Published()))

    def _read(self, pool: str) -> dict[str, _Published]:
        published: dict[str, _Published] = defaultdict(_Published)
        for item in self._table.query(f"OFFERS#{pool}"):
            shape, _, rest = item["sk"].partition("#")
            seen = published[shape]
            if rest == "HEAD":
                seen.generation, seen.next, seen.count = item["generation"], item["next"], item["count"]
                generation = seen.generation
            else:
                seen.items.append(item)
                generation = int(rest.partition("#")[0])
            seen.newest = max(seen.newest, generation)
        return published

    def _publish(self, pool: str, shape: Shape, jobs: list[WaitingJob], old: _Published) -> None:
        standing = old.standing(str(shape))
        wanted = [(str(job.key), job.offered_to) for job in jobs]
        if wanted == standing:
            return
        if old.generation and wanted[: len(standing)] == standing:
            self._append(pool, shape, jobs[len(standing) :], old)
        else:
            self._replace(pool, shape, jobs, old)

    def _append(self, pool: str, shape: Shape, jobs: list[WaitingJob], old: _Published) -> None:
        """Add to the end: claims go on drawing meanwhile."""
        self._table.write_many(self._items(pool, shape, jobs, old.generation, old.count))
        longer = Update(
            head_key(pool, shape), set={"count": old.count + len(jobs)}, condition="attribute_exists(#pk)"
        )
        try:
            self._table.write(longer)
        except ConditionFailedError:
            self._replace(pool, shape, jobs, old)

    def _replace(self, pool: str, shape: Shape, jobs: list[WaitingJob], old: _Published) -> None:
        """Write a new generation before the head points to it, so that a draw always finds its offer.

        It is newer than any that a publication which died has left, so that clearing those away spares it.
        """
        generation = old.newest + 1
        self._table.write_many(self._items(pool, shape, jobs, generation, 0))
        head = {"generation": generation, "next": 0, "count": len(jobs)}
        self._table.write(Put(keyed(head_key(pool, shape), head)))
        self._table.write_many(deletes=[Key(item["pk"], item["sk"]) for item in old.items])

    def _items(
        self, pool: str, shape: Shape, jobs: list[WaitingJob], generation: int, first: int
    ) -> list[Item]:
        return [
            keyed(offer_key(pool, shape, generation, first + number), waiting_to(job))
            for number, job in enumerate(jobs)
        ]
