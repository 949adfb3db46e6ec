"""The command: seeds on both cores, a line for each that breaks a promise, and how often each fault fired."""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from multiprocessing import get_context
from pathlib import Path

from local.simulator.chaos.faults import NAMES
from local.simulator.chaos.run import Result, prepare, run_seed

ENOUGH, ENOUGH_FROM_SEEDS = 30, 300
_SHOWN_LINES = 30
_SEEDS_OF_A_PROCESS = 25


def main() -> int:
    """Run what was asked for; 1 when a promise was broken or a fault came too seldom."""
    asked = _arguments()
    if asked.seed is not None:
        return _one(asked.seed, asked.log)
    began = time.monotonic()
    counts: Counter[str] = Counter()
    failed = jobs = 0
    seeds = range(asked.first, asked.first + asked.seeds)
    for number, result in enumerate(_results(seeds, asked.jobs), 1):
        counts += result.counts
        jobs += result.jobs
        if result.violations:
            failed += 1
            _tell(result)
        elif sys.stderr.isatty() or number % 25 == 0:
            spent = time.monotonic() - began
            print(
                f"{number} of {asked.seeds} seeds, {failed} broke a promise, {spent:.0f} s", file=sys.stderr
            )
    seconds = time.monotonic() - began
    print(
        f"\n{asked.seeds} seeds from {asked.first}, {jobs} jobs, {seconds:.0f} s; {failed} broke a promise\n"
    )
    rare = _summary(counts, asked.seeds)
    return 1 if failed or rare else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.simulator.chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many seeds")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seed", type=int, help="one seed, with the end of its event log")
    parser.add_argument("--jobs", type=int, default=2, help="how many processes")
    parser.add_argument("--log", type=Path, help="with --seed: write its whole event log to this file")
    return parser.parse_args()


def _results(seeds: Iterable[int], processes: int) -> Iterator[Result]:
    if processes == 1:
        yield from map(_collected, seeds)
        return
    prepare()
    # No garbage is looked for: a run leaves a dozen megabytes of it, and a process that ends takes all with it.
    with get_context("fork").Pool(processes, gc.disable, maxtasksperchild=_SEEDS_OF_A_PROCESS) as pool:
        yield from pool.imap_unordered(run_seed, seeds)


def _collected(seed: int) -> Result:
    """Run a seed without looking for garbage on the way: a run makes little, and there is much to look at."""
    gc.disable()
    result = run_seed(seed)
    gc.collect()
    return result


def _one(seed: int, log: Path | None) -> int:
    result = run_seed(seed, keeps_log=log is not None)
    for line in result.log[-_SHOWN_LINES:]:
        print(line)
    if log is not None:
        log.write_text("\n".join(result.log) + "\n", "utf-8")
    hours = result.model_seconds / 3600
    print(f"\nseed {seed}: {result.jobs} jobs, {hours:.1f} model hours, {result.counts.total()} faults")
    for violation in result.violations:
        print(f"  {violation}")
    return 1 if result.violations else 0


def _tell(result: Result) -> None:
    print(f"seed {result.seed} broke {len(result.violations)} promises:")
    for violation in result.violations[:5]:
        print(f"  {violation}")
    print(
        f"  replay: python -m local.simulator.chaos --seed {result.seed} --log seed-{result.seed}.log",
        flush=True,
    )


def _summary(counts: Counter[str], seeds: int) -> list[str]:
    """Print how often each fault fired; return those that came too seldom to say that they were tried."""
    for name in NAMES:
        print(f"  {name:<30} {counts[name]:>8}")
    rare = [name for name in NAMES if counts[name] < ENOUGH] if seeds >= ENOUGH_FROM_SEEDS else []
    if rare:
        print(f"fired less than {ENOUGH} times: {', '.join(rare)}")
    return rare


if __name__ == "__main__":
    sys.exit(main())
