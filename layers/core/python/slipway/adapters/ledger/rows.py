"""Pool rows in the table: the lease that makes one convergence a pool."""

from __future__ import annotations

from slipway.adapters.ledger.items import pool_key
from slipway.adapters.ledger.table import ConditionFailedError, Table, Update


class DynamoPoolRows:
    """Implements ``ports.ledger.PoolRows`` with the row ``{wanted, done, rests, holder, until}``."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def want(self, pool: str) -> bool:
        """Note that something changed; say whether the pool rests."""
        row = self._table.write(Update(pool_key(pool, "ROW"), add={"wanted": 1}), want="ALL_NEW")
        return bool(row.get("rests")) and "holder" not in row

    def acquire(self, pool: str, holder: str, *, now: float, until: float) -> int | None:
        """Take the pool until a time and return ``wanted``; None if another holds it.

        Who holds it may take it again: botocore repeats a call whose reply was lost, and the first one held.
        """
        is_free = "attribute_not_exists(#holder) OR #holder = :holder OR #until < :now"
        take = Update(
            pool_key(pool, "ROW"),
            set={"holder": holder, "until": until},
            remove=("rests",),
            condition=is_free,
            values={"now": now, "holder": holder},
        )
        try:
            return int(self._table.write(take, want="ALL_NEW").get("wanted", 0))
        except ConditionFailedError:
            return None

    def release(self, pool: str, holder: str, *, seen: int, rests: bool = False) -> int | None:
        """Let go if nothing changed since ``seen``; otherwise keep it and return the newer ``wanted``."""
        key = pool_key(pool, "ROW")
        nothing_new = "#wanted = :seen" if seen else "attribute_not_exists(#wanted)"
        values: dict[str, str | int] = {"holder": holder, **({"seen": seen} if seen else {})}
        done = Update(
            key,
            set={"done": seen, "rests": rests},
            remove=("holder", "until"),
            condition=f"#holder = :holder AND {nothing_new}",
            values=values,
        )
        try:
            self._table.write(done)
        except ConditionFailedError:
            row = self._table.get(key) or {}
            return int(row.get("wanted", 0)) if row.get("holder") == holder else None
        return None

    def abandon(self, pool: str, holder: str) -> None:
        """Let go with work left."""
        drop = Update(
            pool_key(pool, "ROW"),
            remove=("holder", "until"),
            condition="#holder = :holder",
            values={"holder": holder},
        )
        try:
            self._table.write(drop)
        except ConditionFailedError:
            return  # the lease ran out and another took it
