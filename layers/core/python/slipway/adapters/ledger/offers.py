"""Offers in the table: for each shape a head with a counter, and one item an offer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from slipway.adapters.ledger.items import keyed, waiting_to
from slipway.adapters.ledger.table import ConditionFailedError, Item, Key, Put, Table, Update
from slipway.domain.jobs import JobKey
from slipway.domain.matching import Shape
from slipway.domain.snapshot import WaitingJob


def offers_pk(pool: str) -> str:
    """Return the partition of a pool's offers."""
    return f"OFFERS#{pool}"


def head_key(pool: str, shape: Shape) -> Key:
    """Return the key of a shape's head: which generation is offered, how many, how many are drawn."""
    return Key(offers_pk(pool), f"{shape}#HEAD")


def offer_key(pool: str, shape: Shape, generation: int, position: int) -> Key:
    """Return the key of one offer."""
    return Key(offers_pk(pool), f"{shape}#{generation:010}#{position:06}")


@dataclass(slots=True)
class _OfShape:
    """What is on offer for one shape."""

    generation: int = 0
    newest: int = 0  # of all generations that were written, also of those that no head came to point to
    next: int = 0
    count: int = 0
    items: list[Item] = field(default_factory=list)

    def standing(self, shape: str) -> list[tuple[str, str | None]]:
        """Return job and previous task of the offers that are still to be drawn, in order.

        What lies before them was drawn and is not bound. What lies beyond the count was written by a publication that
        died before its head: nobody draws it.
        """
        prefix = f"{shape}#{self.generation:010}#"
        return [
            _says(item)
            for item in self.items
            if item["sk"].startswith(prefix) and self.next <= int(item["sk"][len(prefix) :]) < self.count
        ]


class DynamoOffers:
    """Implements ``ports.offers.Offers``."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self, pool: str) -> DynamoPublished:
        """Return what is on offer, also what claims have drawn and not bound."""
        published: dict[str, _OfShape] = defaultdict(_OfShape)
        for item in self._table.query(offers_pk(pool)):
            shape, _, rest = item["sk"].partition("#")
            seen = published[shape]
            if rest == "HEAD":
                seen.generation, seen.next, seen.count = item["generation"], item["next"], item["count"]
                generation = seen.generation
            else:
                seen.items.append(item)
                generation = int(rest.partition("#")[0])
            seen.newest = max(seen.newest, generation)
        return DynamoPublished(self._table, pool, dict(published))


class DynamoPublished:
    """Implements ``ports.offers.Published``. One writer at a time: the holder of the pool."""

    def __init__(self, table: Table, pool: str, shapes: Mapping[str, _OfShape]) -> None:
        self._table = table
        self._pool = pool
        self._shapes = shapes

    @property
    def jobs(self) -> frozenset[tuple[JobKey, str | None]]:
        """Return the jobs that claims may be given; that some of them can be drawn by nobody does no harm."""
        says = {_says(item) for of_shape in self._shapes.values() for item in of_shape.items}
        return frozenset((JobKey.parse(key), offered_to) for key, offered_to in says)

    def replace(self, offers: Mapping[Shape, Sequence[WaitingJob]]) -> None:
        """Offer this instead; shapes not named have none. What is unchanged is not written.

        Claims may have bound some of it since it was read: what is then offered once more is void.
        """
        wanted = {str(shape): (shape, list(jobs)) for shape, jobs in offers.items() if jobs}
        for name, old in self._shapes.items():
            if name not in wanted:
                head = Key(offers_pk(self._pool), f"{name}#HEAD")
                self._table.write_many(deletes=[head, *_keys(old.items)])
        for name, (shape, jobs) in wanted.items():
            self._publish(shape, jobs, self._shapes.get(name, _OfShape()))

    def _publish(self, shape: Shape, jobs: list[WaitingJob], old: _OfShape) -> None:
        standing = old.standing(str(shape))
        wanted = [(str(job.key), job.offered_to) for job in jobs]
        if not old.generation or wanted[: len(standing)] != standing:
            self._replace(shape, jobs, old)
            return
        if len(old.items) > len(standing):
            # A claim that drew what is still wanted may bind it yet.
            kept = set(wanted)
            self._table.write_many(deletes=_keys(item for item in old.items if _says(item) not in kept))
        if len(wanted) > len(standing):
            self._append(shape, jobs[len(standing) :], old)

    def _append(self, shape: Shape, jobs: list[WaitingJob], old: _OfShape) -> None:
        """Add to the end: claims go on drawing meanwhile."""
        self._table.write_many(self._items(shape, jobs, old.generation, old.count))
        longer = Update(
            head_key(self._pool, shape),
            set={"count": old.count + len(jobs)},
            condition="attribute_exists(#pk)",
        )
        try:
            self._table.write(longer)
        except ConditionFailedError:
            self._replace(shape, jobs, old)

    def _replace(self, shape: Shape, jobs: list[WaitingJob], old: _OfShape) -> None:
        """Write a new generation before the head points to it, so that a draw always finds its offer.

        It is newer than any that a publication which died has left, so that clearing those away spares it.
        """
        generation = old.newest + 1
        self._table.write_many(self._items(shape, jobs, generation, 0))
        head = {"generation": generation, "next": 0, "count": len(jobs)}
        self._table.write(Put(keyed(head_key(self._pool, shape), head)))
        self._table.write_many(deletes=_keys(old.items))

    def _items(self, shape: Shape, jobs: list[WaitingJob], generation: int, first: int) -> list[Item]:
        return [
            keyed(offer_key(self._pool, shape, generation, first + number), waiting_to(job))
            for number, job in enumerate(jobs)
        ]


def _says(item: Item) -> tuple[str, str | None]:
    return item["key"], item.get("offered_to")


def _keys(items: Iterable[Item]) -> list[Key]:
    return [Key(item["pk"], item["sk"]) for item in items]
