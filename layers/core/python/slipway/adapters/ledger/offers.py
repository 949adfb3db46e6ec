"""Offers in the table: for each shape a head with a counter, and one item an offer; the same for each reach in it."""

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


def line_of(shape: Shape, reach: str | None = None) -> str:
    """Return the name of the line in which a shape's tasks draw, or those alone with a turn to register in a reach."""
    return str(shape) if reach is None else f"{shape}@{reach}"


def head_key(pool: str, line: str) -> Key:
    """Return the key of a line's head: which generation is offered, how many, how many are drawn."""
    return Key(offers_pk(pool), f"{line}#HEAD")


def offer_key(pool: str, line: str, generation: int, position: int) -> Key:
    """Return the key of one offer."""
    return Key(offers_pk(pool), f"{line}#{generation:010}#{position:06}")


@dataclass(slots=True)
class _Line:
    """What is on offer in one line."""

    generation: int = 0
    newest: int = 0  # of all generations that were written, also of those that no head came to point to
    next: int = 0
    count: int = 0
    items: list[Item] = field(default_factory=list)

    def standing(self, line: str) -> list[tuple[str, str | None]]:
        """Return job and previous task of the offers that are still to be drawn, in order.

        What lies before them was drawn and is not bound. What lies beyond the count was written by a publication that
        died before its head: nobody draws it.
        """
        prefix = f"{line}#{self.generation:010}#"
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
        published: dict[str, _Line] = defaultdict(_Line)
        for item in self._table.query(offers_pk(pool)):
            line, _, rest = item["sk"].partition("#")
            seen = published[line]
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

    def __init__(self, table: Table, pool: str, lines: Mapping[str, _Line]) -> None:
        self._table = table
        self._pool = pool
        self._lines = lines

    @property
    def jobs(self) -> frozenset[tuple[JobKey, str | None]]:
        """Return the jobs that claims may be given; that some of them can be drawn by nobody does no harm."""
        says = {_says(item) for line in self._lines.values() for item in line.items}
        return frozenset((JobKey.parse(key), offered_to) for key, offered_to in says)

    def replace(
        self,
        offers: Mapping[Shape, Sequence[WaitingJob]],
        reserved: Mapping[tuple[Shape, str], Sequence[WaitingJob]] | None = None,
    ) -> None:
        """Offer this instead; shapes and reaches not named have none. What is unchanged is not written.

        Claims may have bound some of it since it was read: what is then offered once more is void.
        """
        wanted = {line_of(shape): list(jobs) for shape, jobs in offers.items() if jobs}
        wanted |= {line_of(*key): list(jobs) for key, jobs in (reserved or {}).items() if jobs}
        for line, old in self._lines.items():
            if line not in wanted:
                self._table.write_many(deletes=[head_key(self._pool, line), *_keys(old.items)])
        for line, jobs in wanted.items():
            self._publish(line, jobs, self._lines.get(line, _Line()))

    def _publish(self, line: str, jobs: list[WaitingJob], old: _Line) -> None:
        standing = old.standing(line)
        wanted = [(str(job.key), job.offered_to) for job in jobs]
        if not old.generation or wanted[: len(standing)] != standing:
            self._replace(line, jobs, old)
            return
        if len(old.items) > len(standing):
            # A claim that drew what is still wanted may bind it yet.
            kept = set(wanted)
            self._table.write_many(deletes=_keys(item for item in old.items if _says(item) not in kept))
        if len(wanted) > len(standing):
            self._append(line, jobs[len(standing) :], old)

    def _append(self, line: str, jobs: list[WaitingJob], old: _Line) -> None:
        """Add to the end: claims go on drawing meanwhile."""
        self._table.write_many(self._items(line, jobs, old.generation, old.count))
        longer = Update(
            head_key(self._pool, line),
            set={"count": old.count + len(jobs)},
            condition="attribute_exists(#pk)",
        )
        try:
            self._table.write(longer)
        except ConditionFailedError:
            self._replace(line, jobs, old)

    def _replace(self, line: str, jobs: list[WaitingJob], old: _Line) -> None:
        """Write a new generation before the head points to it, so that a draw always finds its offer.

        It is newer than any that a publication which died has left, so that clearing those away spares it.
        """
        generation = old.newest + 1
        self._table.write_many(self._items(line, jobs, generation, 0))
        head = {"generation": generation, "next": 0, "count": len(jobs)}
        self._table.write(Put(keyed(head_key(self._pool, line), head)))
        self._table.write_many(deletes=_keys(old.items))

    def _items(self, line: str, jobs: list[WaitingJob], generation: int, first: int) -> list[Item]:
        return [
            keyed(offer_key(self._pool, line, generation, first + number), waiting_to(job))
            for number, job in enumerate(jobs)
        ]


def _says(item: Item) -> tuple[str, str | None]:
    return item["key"], item.get("offered_to")


def _keys(items: Iterable[Item]) -> list[Key]:
    return [Key(item["pk"], item["sk"]) for item in items]
