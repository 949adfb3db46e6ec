"""What GitHub told of personal access tokens, in the table: digests and dates, never a token."""

from __future__ import annotations

from dataclasses import asdict

from slipway.adapters.ledger.items import keyed, known_of
from slipway.adapters.ledger.table import Key, Put, Table
from slipway.domain.tokens import TokenFacts


class DynamoTokens:
    """Implements ``ports.ledger.Tokens``."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, arn: str) -> TokenFacts | None:
        """Return what is known of the token in a secret."""
        item = self._table.get(_key(arn))
        if item is None:
            return None
        body = known_of(TokenFacts, item)
        scopes = body.pop("scopes", None)
        return TokenFacts(**body, scopes=None if scopes is None else tuple(scopes))

    def keep(self, arn: str, facts: TokenFacts) -> None:
        """Replace what is known of it."""
        self._table.write(Put(keyed(_key(arn), asdict(facts))))


def _key(arn: str) -> Key:
    return Key(f"TOKEN#{arn}", "TOKEN")
