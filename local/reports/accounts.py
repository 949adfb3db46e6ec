"""Accounts: jobs, minutes, waits and money of each organization, repository, workflow or profile. Pure."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from local.reports.lines import Lines
from local.reports.money import Bill, Prices, Range, apportion, bill, priced
from local.reports.waits import waits
from slipway.domain.runners import task_id_of
from slipway.domain.usage import JobUsage, RunnerUsage

NANO_IN_A_CENT = 10_000_000
NOBODY, UNKNOWN = "(nobody)", "(unknown)"
BY: tuple[str, ...] = ("organization", "repository", "workflow", "profile")


@dataclass(frozen=True, slots=True)
class Row:
    """One account. Money is in nano-USD; ``cents`` are the whole account's, so rounded that rows add up.

    ``waited_for`` are the minutes for which each of the plan's reasons held its jobs up, the most first.
    """

    name: str
    jobs: int
    minutes: float
    wait_p50: float | None
    wait_p90: float | None
    held: int
    overhead: int
    cents: int = 0
    waited_for: tuple[tuple[str, float], ...] = ()

    @property
    def cost(self) -> int:
        """Return what it costs, nano-USD."""
        return self.held + self.overhead


@dataclass(frozen=True, slots=True)
class Report:
    """All accounts of a range, dearest first. ``bill.instances`` is what their costs add up to."""

    within: Range
    rows: tuple[Row, ...]
    bill: Bill
    prices: Prices

    @property
    def cents(self) -> int:
        """Return the whole cost in cents, to which the rows' cents add up."""
        return sum(row.cents for row in self.rows)


def report(lines: Lines, within: Range, by: str, prices: Prices) -> Report:
    """Add up what ended, or was held, within a range.

    A job counts where it completed within the range; money counts for the seconds that lie within it.

    Raises:
        NoPriceError: an instance has no price of its own, and ``prices`` none of its type.
    """
    name_of_job, name_of_runner = _NAMES[by]
    made = bill(priced(lines.instances, prices), lines.runners, within, lines.ran_a_job)
    jobs_by_task = {task_id_of(job.runner_name): job for job in lines.jobs if job.runner_name}
    accounts: dict[str, _Account] = defaultdict(_Account)
    for job in lines.jobs:
        if within.start <= job.completed_at < within.end:
            accounts[name_of_job(job)].add(job)
    for wait in waits(lines):
        if within.start <= wait.job.completed_at < within.end:
            accounts[name_of_job(wait.job)].held_by.update(wait.held_by)
    for charge in made.charges:
        served = jobs_by_task.get(charge.runner.task_id)
        account = accounts[name_of_job(served) if served else name_of_runner(charge.runner)]
        account.held += charge.held
        account.overhead += charge.overhead
    if made.unowned:
        accounts[NOBODY].overhead += sum(made.unowned.values())
    rows = sorted(
        (account.row(name) for name, account in accounts.items()), key=lambda row: (-row.cost, row.name)
    )
    return Report(within, tuple(_in_cents(rows)), made, prices)


@dataclass(slots=True)
class _Account:
    jobs: int = 0
    seconds: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    held: int = 0
    overhead: int = 0
    held_by: Counter[str] = field(default_factory=Counter)

    def add(self, job: JobUsage) -> None:
        self.jobs += 1
        if job.started_at is not None:
            self.seconds.append(max(0.0, job.completed_at - job.started_at))
            self.waits.append(max(0.0, job.started_at - job.queued_at))

    def row(self, name: str) -> Row:
        return Row(
            name=name,
            jobs=self.jobs,
            minutes=math.fsum(self.seconds) / 60,
            wait_p50=quantile(self.waits, 0.5),
            wait_p90=quantile(self.waits, 0.9),
            held=self.held,
            overhead=self.overhead,
            waited_for=tuple(
                sorted(
                    ((why, part / 60) for why, part in self.held_by.items()),
                    key=lambda one: (-one[1], one[0]),
                )
            ),
        )


def quantile(values: Iterable[float], part: float) -> float | None:
    """Return the value below which a part of the values lies; None when there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else None


def _in_cents(rows: list[Row]) -> list[Row]:
    """Round each row to the cent so that together they make the rounded whole."""
    costs = [row.cost for row in rows]
    whole = round(sum(costs) / NANO_IN_A_CENT)
    cents = apportion(whole, costs) if any(costs) else [0] * len(rows)
    return [replace(row, cents=part) for row, part in zip(rows, cents, strict=True)]


_NAMES: dict[str, tuple[Callable[[JobUsage], str], Callable[[RunnerUsage], str]]] = {
    "organization": (
        lambda job: job.job.organization,
        lambda runner: runner.job.organization if runner.job else UNKNOWN,
    ),
    "repository": (lambda job: job.repository, lambda runner: runner.repository or UNKNOWN),
    "workflow": (
        lambda job: f"{job.repository} {job.workflow}".rstrip(),
        lambda runner: f"{runner.repository or UNKNOWN} {UNKNOWN}",
    ),
    "profile": (lambda job: job.profile, lambda runner: runner.profile),
}
