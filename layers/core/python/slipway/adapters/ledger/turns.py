"""Turns in the table: one write where there is room, two and a kept turn where there is none."""

from __future__ import annotations

from collections.abc import Sequence

from slipway.adapters.ledger.items import DAY, keyed
from slipway.adapters.ledger.table import ConditionFailedError, Delete, Item, Key, Put, Table, Update
from slipway.domain.turns import RegistrationPace, Turn, horizon_of

_TRIES = 8  # each failure means that another took a turn meanwhile
_KEPT_SECONDS = 600
_SECOND = 1_000_000


class DynamoTurns:
    """Implements ``ports.ledger.Turns`` with a token bucket whose next turn is one number.

    Idle time fills the bucket up to the burst. Where a turn is free, adding the interval to that number takes it;
    who comes in between takes the next, so that those who arrive together never wait for each other.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._seen: dict[str, int] = {}  # each queue's next turn when it was last seen here; it only grows

    def take(self, queues: Sequence[str], holder: str, pace: RegistrationPace, now: float) -> Turn:
        """Give the holder a turn in each queue, one after the other: at once, or later and kept until it comes back."""
        kept: Item | None = None
        turn = Turn(now, None)
        for position, queue in enumerate(queues):
            free = self._advance(queue, pace, now, until=now)
            if isinstance(free, Turn):
                turn = free
                continue
            kept = kept or self._table.get(_turn_key(holder))
            if kept is not None and kept["queue"] in queues[position + 1 :]:
                continue  # it has had its turn here, and waits further on
            if kept is None or kept["queue"] != queue:
                return self._keep(queue, holder, pace, now, horizon_of(queues, position))
            turn, kept = self._come_due(holder, kept, now), None
            if turn.at > now:
                return turn
        return turn

    def _keep(
        self, queue: str, holder: str, pace: RegistrationPace, now: float, horizon_seconds: float
    ) -> Turn:
        later = self._advance(queue, pace, now, until=now + horizon_seconds)
        if not isinstance(later, Turn):
            return Turn(max(now + 1, later - horizon_seconds / 2), None)
        turn = {"queue": queue, "at": later.at, "number": later.number}
        kept = {**turn, "expires_at": int(later.at) + _KEPT_SECONDS}
        self._table.write(Put(keyed(_turn_key(holder), kept)))
        return later

    def _come_due(self, holder: str, kept: Item, now: float) -> Turn:
        if kept["at"] <= now:
            self._table.write(Delete(_turn_key(holder)))
        return Turn(float(kept["at"]), int(kept["number"]))

    def _advance(self, queue: str, pace: RegistrationPace, now: float, *, until: float) -> Turn | float:
        """Take the next turn if it comes until a time; else return when it comes.

        What succeeds at once is tried first: a bucket that should be full by what was last seen of it is filled.
        """
        floor = now - (pace.burst - 1) * pace.interval_seconds
        is_full = self._seen.get(queue, -1) < _microseconds(floor)
        for _ in range(_TRIES):
            turn = self._take(queue, pace, now, _first(queue, pace, floor)) if is_full else None
            turn = turn or self._take(queue, pace, now, _next(queue, pace, floor, until))
            if turn is not None:
                return turn
            bucket = self._table.get(_bucket_key(queue))
            seen = self._seen[queue] = int(bucket["next_us"]) if bucket else -1
            if seen > _microseconds(until):
                return seen / _SECOND
            is_full = seen < _microseconds(floor)
        return until + 1.0  # too many at once: ask again

    def _take(self, queue: str, pace: RegistrationPace, now: float, write: Update) -> Turn | None:
        try:
            moved = self._table.write(write, want="ALL_NEW")
        except ConditionFailedError:
            return None
        self._seen[queue] = int(moved["next_us"])
        return Turn(max(now, moved["next_us"] / _SECOND - pace.interval_seconds), int(moved["taken"]))


def _first(queue: str, pace: RegistrationPace, floor: float) -> Update:
    """Fill a bucket, and take its first turn."""
    return Update(
        _bucket_key(queue),
        set={"next_us": _microseconds(floor + pace.interval_seconds), "expires_at": _expiry(floor)},
        add={"taken": 1},
        condition="attribute_not_exists(#pk) OR #next_us < :floor",
        values={"floor": _microseconds(floor)},
    )


def _next(queue: str, pace: RegistrationPace, floor: float, until: float) -> Update:
    """Take the next turn of a bucket; a bucket in use is kept, for one that expired would be full again."""
    return Update(
        _bucket_key(queue),
        set={"expires_at": _expiry(floor)},
        add={"next_us": _microseconds(pace.interval_seconds), "taken": 1},
        condition="#next_us >= :floor AND #next_us <= :until",
        values={"floor": _microseconds(floor), "until": _microseconds(until)},
    )


def _expiry(now: float) -> int:
    return int(now) + 2 * DAY


def _microseconds(seconds: float) -> int:
    """Whole numbers, because the table adds up in decimals and would not find a float of ours again."""
    return round(seconds * _SECOND)


def _bucket_key(queue: str) -> Key:
    return Key(f"PACE#{queue}", "BUCKET")


def _turn_key(holder: str) -> Key:
    return Key(f"TURN#{holder}", "TURN")
