"""The command: seeds of environments' chaos, a line for each that breaks a promise, how often each thing happened."""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections import Counter
from multiprocessing import get_context

from local.simulator.environments.chaos import ChaosResult, run_seed


def main() -> int:
    """Run what was asked for; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m local.simulator.environments", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="how many seeds")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--processes", type=int, default=2, help="how many at once")
    asked = parser.parse_args()
    began = time.monotonic()
    counts: Counter[str] = Counter()
    failed = pulls = 0
    seeds = range(asked.first, asked.first + asked.seeds)
    with get_context("fork").Pool(asked.processes, gc.disable, maxtasksperchild=5) as pool:
        for result in pool.imap_unordered(run_seed, seeds):
            counts += result.counts
            pulls += result.pulls
            failed += bool(result.violations)
            _tell(result)
    seconds = time.monotonic() - began
    print(
        f"\nenvironments: {asked.seeds} seeds, {pulls} pull requests, {seconds:.0f} s; {failed} broke a promise\n"
    )
    for name, times in sorted(counts.items()):
        print(f"  {name:<30} {times:>8}")
    return 1 if failed else 0


def _tell(result: ChaosResult) -> None:
    if result.violations:
        print(f"seed {result.seed} of environments broke {len(result.violations)} promises:")
        for violation in result.violations[:5]:
            print(f"  {violation}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
