"""The catalogue that ships with Slipway."""

from __future__ import annotations

from local.catalogue import catalogue, registered_memory_mib


def test_every_type_has_a_size_a_price_and_a_known_architecture() -> None:
    entries = catalogue()
    assert len(entries) == 198
    for entry in entries.values():
        assert entry.architecture in ("x64", "arm64"), entry
        assert entry.registered.cpu_units == entry.vcpu * 1024
        assert 0 < entry.registered.memory_mib < entry.nominal_memory_mib
        assert entry.on_demand_usd_per_hour > 0


def test_registered_memory_is_estimated_below_nominal_so_that_8_gib_does_not_fit_8_times_in_64() -> None:
    """[EC2-REGISTERED-MEMORY]"""
    registered = registered_memory_mib(64 * 1024)
    assert (registered // (7 * 1024), registered // (8 * 1024)) == (8, 7)


def test_the_estimate_never_goes_below_nothing() -> None:
    assert registered_memory_mib(128) == 0
