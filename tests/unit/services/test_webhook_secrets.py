"""How long a webhook secret is kept, and when it is read again."""

from __future__ import annotations

import pytest

from slipway.domain.configuration import WebhookSecret
from slipway.domain.errors import SlipwayError, UnavailableError
from slipway.services.webhook_secrets import WebhookSecrets
from tests.deliveries import NOW, signature
from tests.fakes.clock import ManualClock
from tests.fakes.secret_store import MemorySecrets

BODY = b"{}"
ONE, TWO = WebhookSecret("arn-one"), WebhookSecret("arn-two", ("globex",))


class Bench:
    def __init__(self) -> None:
        self.store = MemorySecrets({"arn-one": "one", "arn-two": "two"})
        self.clock = ManualClock(NOW)
        self.secrets = WebhookSecrets([ONE, TWO], self.store, self.clock)

    def signers(self, secret: str) -> tuple[WebhookSecret, ...]:
        return self.secrets.signers(BODY, signature(BODY, secret))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_secret_that_signed_is_found_with_its_binding(bench: Bench) -> None:
    assert bench.signers("one") == (ONE,)
    assert bench.signers("two") == (TWO,)
    assert bench.signers("three") == ()


def test_one_value_in_two_places_is_both(bench: Bench) -> None:
    bench.store.values["arn-two"] = "one"
    assert bench.signers("one") == (ONE, TWO)


def test_values_are_kept_for_five_minutes(bench: Bench) -> None:
    for _ in range(5):
        assert bench.signers("one")
        bench.clock.advance(60)
    assert bench.store.reads == ["arn-one", "arn-two"]
    bench.clock.advance(1)
    assert bench.signers("one")
    assert len(bench.store.reads) == 4


def test_a_replaced_secret_is_honoured_as_soon_as_its_value_is_a_minute_old(bench: Bench) -> None:
    assert bench.signers("one")
    bench.store.values["arn-one"] = "fresh"
    bench.clock.advance(60)
    assert bench.signers("fresh") == ()
    bench.clock.advance(1)
    assert bench.signers("fresh") == (ONE,)
    assert bench.signers("one") == ()


def test_a_flood_of_forgeries_reads_each_secret_at_most_once_a_minute(bench: Bench) -> None:
    for _ in range(600):
        assert bench.signers("forged") == ()
        bench.clock.advance(1)
    assert len(bench.store.reads) <= 2 * 10


def test_a_flood_while_the_store_is_down_reads_each_secret_at_most_every_five_seconds(bench: Bench) -> None:
    bench.store.error = UnavailableError("down")
    for _ in range(60):
        with pytest.raises(SlipwayError):
            bench.signers("forged")
        bench.clock.advance(1)
    assert len(bench.store.reads) <= 2 * 12


def test_the_last_value_serves_while_the_store_is_down_but_not_for_ever(bench: Bench) -> None:
    assert bench.signers("one")
    bench.store.error = UnavailableError("down")
    bench.clock.advance(3600)
    assert bench.signers("one") == (ONE,)
    bench.clock.advance(1)
    with pytest.raises(UnavailableError):
        bench.signers("one")


def test_one_unreadable_secret_does_not_stop_the_others(bench: Bench) -> None:
    del bench.store.values["arn-one"]
    assert bench.signers("two") == (TWO,)
    with pytest.raises(SlipwayError):
        bench.signers("one")  # nobody can tell: better sent again than refused


def test_a_secret_that_becomes_readable_is_read(bench: Bench) -> None:
    bench.store.error = UnavailableError("down")
    with pytest.raises(UnavailableError):
        bench.signers("one")
    bench.store.error = None
    bench.clock.advance(6)
    assert bench.signers("one") == (ONE,)


def test_no_secret_configured_means_nobody_signs() -> None:
    secrets = WebhookSecrets([], MemorySecrets({}), ManualClock(NOW))
    assert secrets.signers(BODY, signature(BODY, "")) == ()


def test_while_a_value_cannot_be_renewed_a_mismatch_is_not_called_a_forgery(bench: Bench) -> None:
    assert bench.signers("one")
    bench.store.values["arn-one"] = "fresh"
    bench.store.error = UnavailableError("down")
    bench.clock.advance(61)
    with pytest.raises(UnavailableError):
        bench.signers("fresh")
    bench.store.error = None
    bench.clock.advance(6)
    assert bench.signers("fresh") == (ONE,)
