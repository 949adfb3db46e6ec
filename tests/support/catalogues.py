"""Catalogues of a few types."""

from __future__ import annotations

from dataclasses import replace

from local.catalogue import CatalogueEntry

M7I_LARGE = CatalogueEntry(
    region="ap-northeast-1",
    name="m7i.large",
    vcpu=2,
    memory_mib=8_192,
    architecture="x64",
    gpus=0,
    on_demand_usd_per_hour=0.1302,
    as_of="2026-11-20",
)


def an_entry(name: str = "m7i.large", **changes: object) -> CatalogueEntry:
    """Return one row of ap-northeast-1, of 2026-11-20."""
    return replace(M7I_LARGE, name=name, **changes)  # type: ignore[arg-type]
