"""Notes of environments in the table: one small partition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from slipway.adapters.ledger.items import keyed, known_of
from slipway.adapters.ledger.rows import DynamoPoolRows
from slipway.adapters.ledger.table import ConditionFailedError, Delete, Item, Key, Table
from slipway.domain.environments.found import Note
from slipway.domain.environments.names import EnvironmentKey
from slipway.domain.environments.reasons import Why

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PARTITION = "ENVIRONMENTS"
_NOTE, _MARK = "NOTE#", "MARK#"


def environment_memory(
    client: DynamoDBClient, table_name: str
) -> tuple[DynamoEnvironmentNotes, DynamoPoolRows]:
    """Build what the environments function remembers, on the deployment's table."""
    table = Table(client, table_name)
    return DynamoEnvironmentNotes(table), DynamoPoolRows(table)


class DynamoEnvironmentNotes:
    """Implements ``ports.environments.EnvironmentNotes``."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def all(self) -> dict[EnvironmentKey, Note]:
        """Return every note."""
        notes = (_note_from(item) for item in self._table.query(_PARTITION, _NOTE))
        return {note.key: note for note in notes}

    def keep(self, notes: Iterable[Note]) -> None:
        """Write notes down: only who holds the row does, so without a condition."""
        self._table.write_many(puts=[_note_to(note) for note in notes])

    def forget(self, keys: Iterable[EnvironmentKey]) -> None:
        """Forget notes."""
        self._table.write_many(deletes=[_key(key) for key in keys])

    def mark(self, repositories: Iterable[str], token: str) -> None:
        """Note that repositories are to be looked at."""
        marks = [keyed(Key(_PARTITION, f"{_MARK}{name}"), {"token": token}) for name in sorted(repositories)]
        self._table.write_many(puts=marks)

    def marks(self) -> Mapping[str, str]:
        """Return the repositories to look at."""
        return {
            item["sk"].removeprefix(_MARK): item["token"] for item in self._table.query(_PARTITION, _MARK)
        }

    def unmark(self, marks: Mapping[str, str]) -> None:
        """Note that repositories were looked at."""
        for name, token in marks.items():
            key = Key(_PARTITION, f"{_MARK}{name}")
            try:
                self._table.write(Delete(key, condition="#token = :token", values={"token": token}))
            except ConditionFailedError:
                continue  # marked again meanwhile, or unmarked already by a call whose reply was lost


def _key(key: EnvironmentKey) -> Key:
    return Key(_PARTITION, f"{_NOTE}{key}")


def _note_to(note: Note) -> Item:
    return keyed(_key(note.key), {**asdict(note), "key": str(note.key)})


def _note_from(item: Item) -> Note:
    repository, _, number = item["key"].rpartition("#")
    key = EnvironmentKey(repository, int(number))
    return Note(**{**known_of(Note, item), "key": key, "why": Why(item["why"])})
