"""A ledger as a file: what a demo leaves behind, to be looked at after everything else is gone.

A line is an item of the table as JSON; the first says when it was saved. The file is read into the table in memory,
so that every key and every reading is the ledger's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from local.memory_ledger import MemoryStore
from slipway.adapters.ledger.table import Key

VERSION = 1


class SavedLedgerError(Exception):
    """A file that is no saved ledger; the message names the line."""


def save_ledger(path: Path, items: Iterable[Mapping[str, Any]], at: float) -> None:
    """Write items, as plain values with their keys, and the time (epoch seconds) at which they were so."""
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps({"version": VERSION, "at": at}) + "\n")
        file.writelines(json.dumps(item, separators=(",", ":")) + "\n" for item in items)


def load_ledger(path: Path) -> tuple[MemoryStore, float]:
    """Read a saved ledger and the time of which it tells.

    Raises:
        SavedLedgerError: the file is not there, or is no saved ledger.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as fault:
        raise SavedLedgerError(f"{path} cannot be read: {fault}") from fault
    store = MemoryStore()
    at = _saved_at(path, lines[0] if lines else "")
    for number, line in enumerate(lines[1:], start=2):
        try:
            item = json.loads(line)
            store.put(Key(item["pk"], item["sk"]), item)
        except (ValueError, KeyError, TypeError) as fault:
            raise SavedLedgerError(f"{path}, line {number}: no item of a ledger: {fault}") from fault
    return store, at


def _saved_at(path: Path, line: str) -> float:
    try:
        header = json.loads(line)
        version, at = header["version"], float(header["at"])
    except (ValueError, KeyError, TypeError) as fault:
        raise SavedLedgerError(
            f"{path}, line 1: not the head of a saved ledger, as `slipway demo --keep-ledger` writes it"
        ) from fault
    if version != VERSION:
        raise SavedLedgerError(f"{path}: of version {version}; this command reads version {VERSION}")
    return at
