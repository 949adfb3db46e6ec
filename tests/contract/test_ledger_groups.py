"""What the ledger's ``CheckedGroups`` must do."""

from __future__ import annotations

from tests.builders import NOW
from tests.contract.ledger_cases import Case


def test_a_checked_group_is_remembered_until_it_is_forgotten(case: Case) -> None:
    groups = case.ledger.groups
    assert groups.checked("acme") is None
    groups.keep_checked("acme", 7, NOW)
    groups.keep_checked("other", 8, NOW)
    groups.keep_checked("acme", 9, NOW + 1)
    assert groups.checked("acme") == (9, NOW + 1)
    groups.forget_checked("acme")
    assert (groups.checked("acme"), groups.checked("other")) == (None, (8, NOW))
