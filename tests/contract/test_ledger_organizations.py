"""What the ledger's ``Organizations`` must do."""

from __future__ import annotations

from slipway.domain.series import Named
from tests.contract.ledger_cases import Case


def test_what_is_kept_is_what_every_process_reads(case: Case) -> None:
    assert case.ledger.organizations.named() == Named()
    named = Named(("acme", "globex"), "2026-11-26", 1)
    assert case.ledger.organizations.keep(named, seen=0)
    assert case.another().organizations.named() == named


def test_of_two_that_read_the_same_one_replaces_it(case: Case) -> None:
    assert case.ledger.organizations.keep(Named().with_name("acme"), seen=0)
    known = case.ledger.organizations.named()
    assert case.ledger.organizations.keep(known.with_name("globex"), seen=known.version)
    assert not case.another().organizations.keep(known.with_name("initech"), seen=known.version)
    assert case.ledger.organizations.named().names == ("acme", "globex")


def test_of_two_that_found_nothing_one_names_the_first(case: Case) -> None:
    assert case.ledger.organizations.keep(Named().with_name("acme"), seen=0)
    assert not case.another().organizations.keep(Named().with_name("globex"), seen=0)
    assert case.ledger.organizations.named().names == ("acme",)
