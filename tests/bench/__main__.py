"""Every benchmark, one after the other: ``make bench``."""

from __future__ import annotations

import runpy

BENCHMARKS = (
    "webhook",
    "cold_start",
    "single_flight",
    "claims",
    "github_calls",
    "planner",
    "fairness",
    "lost_webhooks",
    "simulator",
    "cost",
    "accounting",
    "entrypoint",
)

for name in BENCHMARKS:
    print(f"\n{name}\n")
    runpy.run_module(f"tests.bench.{name}", run_name="__main__")
