"""Rerun: jobs that died with their instance are run again, and nothing else is.

What to do is read off GitHub at each look and never remembered: a job that was run again has another runner in the
run's latest attempt. So whatever dies half way, and whichever reply is lost, nothing is asked for twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from slipway.domain.errors import ThrottledError, UnavailableError
from slipway.domain.interruptions import Interruption, decide, next_look
from slipway.domain.jobs import LONGEST_WAIT_SECONDS
from slipway.ports.clock import Clock
from slipway.ports.github import WorkflowJobs
from slipway.ports.ledger import Interruptions

MOST_RUNS = 20  # looked at each time, with a call or two to GitHub each
MOST_FAILURES = 3  # without an answer: then it is GitHub that is down, not a run


@dataclass(frozen=True, slots=True)
class Settled:
    """An interrupted job that needs no further look, and why."""

    interruption: Interruption
    was_run_again: bool
    why: str


@dataclass(frozen=True, slots=True)
class Reran:
    """What came of the jobs that were due, and what failed."""

    settled: list[Settled] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)


class Rerun:
    """Works off the jobs that EC2 interrupted; ``limit`` is how often one job is run again."""

    def __init__(self, jobs: WorkflowJobs, interruptions: Interruptions, clock: Clock, limit: int) -> None:
        self._jobs = jobs
        self._interruptions = interruptions
        self._clock = clock
        self._limit = limit

    def __call__(self, has_time: Callable[[], bool] = lambda: True) -> Reran:
        """Look at the runs that are due, the longest due first; GitHub's refusal for one stops no other.

        ``has_time`` says whether there is time for one more; what is left is still due.
        """
        reran, failures = Reran(), 0
        limited: set[str] = set()  # organizations: a limit is an installation's
        for (repository, run_id), items in list(self._due(reran).items())[:MOST_RUNS]:
            organization = repository.partition("/")[0].lower()
            if organization in limited:
                continue
            if failures == MOST_FAILURES or not has_time():
                break
            try:
                self._try(repository, run_id, items, reran)
            except ThrottledError as fault:
                limited.add(organization)
                reran.errors.append(fault)
            except Exception as fault:  # noqa: BLE001 - the service loop: the other runs are still looked at
                failures += isinstance(fault, UnavailableError)
                reran.errors.append(fault)
        return reran

    def _due(self, reran: Reran) -> dict[tuple[str, int], list[Interruption]]:
        """Return the jobs to look at by repository and run, and settle those that GitHub need not be asked about."""
        now = self._clock.now()
        by_run: dict[tuple[str, int], list[Interruption]] = {}
        for item in self._interruptions.pending():
            # Attempts of the run are counted, so nothing need be remembered; a person's own re-run counts too.
            if item.job.run_attempt > self._limit:
                why = f"it was attempt {item.job.run_attempt}, and github.rerun_interrupted is {self._limit}"
                self._settle(item, why, reran)
            elif now - item.at >= LONGEST_WAIT_SECONDS:
                self._settle(item, "it could not be run again for a day", reran)
            elif item.due_at <= now:
                by_run.setdefault((item.repository, item.run_id), []).append(item)
        return by_run

    def _try(self, repository: str, run_id: int, items: list[Interruption], reran: Reran) -> None:
        try:
            self._work_off(repository, run_id, items, reran)
        except ThrottledError:
            raise  # still due: the next run asks again
        except Exception:
            self._put_off(items)  # else what goes on failing is always the first that is due
            raise

    def _work_off(self, repository: str, run_id: int, items: list[Interruption], reran: Reran) -> None:
        decision = decide(items, self._jobs.of_run(repository, run_id))
        for item, why in decision.over:
            self._settle(item, why, reran)
            items.remove(item)
        if len(decision.again) > 1:
            self._jobs.run_failed_again(repository, run_id)
        elif decision.again:
            self._jobs.run_again(repository, decision.again[0][1])
        for item, _ in decision.again:
            self._settle(item, "its instance was taken away", reran, was_run_again=True)
            items.remove(item)
        self._put_off(items)

    def _settle(self, item: Interruption, why: str, reran: Reran, *, was_run_again: bool = False) -> None:
        self._interruptions.settle(item)
        reran.settled.append(Settled(item, was_run_again, why))

    def _put_off(self, items: Sequence[Interruption]) -> None:
        now = self._clock.now()
        for item in items:
            self._interruptions.look_again(item, next_look(item, now))
