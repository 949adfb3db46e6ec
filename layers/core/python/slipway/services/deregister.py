"""Deregister: remove registrations at GitHub, whose DELETE alone proves a runner idle, then stop their tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from slipway.domain.configuration import Registration
from slipway.domain.errors import LimitMetError, ThrottledError
from slipway.domain.findings import Reap, What
from slipway.domain.runners import Runner, RunnerState, runner_name
from slipway.ports.clock import Clock
from slipway.ports.cluster import Cluster
from slipway.ports.github import Removal, RunnerService, WorkflowJobs
from slipway.ports.ledger import Ledger

# A credential may remove 180 a minute [GH-LIMIT-SECONDARY], and the reaper runs once a minute: half is for releases.
MOST_PER_CREDENTIAL = 90
MOST_A_RUN = 360  # what a run has the time for


@dataclass(slots=True)
class Allowance:
    """What one run may still ask of GitHub, by credential; a limit that is met ends it for that credential."""

    level: Registration
    spent: Counter[str] = field(default_factory=Counter)
    waits: dict[str, int] = field(default_factory=dict)

    def admits(self, reach: str) -> bool:
        """Say whether one more removal fits into the run, and count it if so."""
        credential = self._credential(reach)
        is_admitted = self.spent[credential] < MOST_PER_CREDENTIAL and self.spent.total() < MOST_A_RUN
        self.spent[credential] += is_admitted
        return is_admitted

    def ask(self, reach: str, question: Callable[[], Removal]) -> Removal:
        """Ask unless GitHub said to wait.

        Raises:
            LimitMetError: it did, now or before in this run.
        """
        credential = self._credential(reach)
        if credential in self.waits:
            raise LimitMetError("GitHub asked to wait", retry_after_seconds=self.waits[credential])
        try:
            return question()
        except ThrottledError as fault:
            self.waits[credential] = fault.retry_after_seconds
            raise LimitMetError(str(fault), retry_after_seconds=fault.retry_after_seconds) from fault

    def _credential(self, reach: str) -> str:
        """Return what tells whose limit a call counts for: the App's installation, or the enterprise's user.

        Several tokens of an enterprise may be one user's, whose limit they share [GH-LIMIT-PRIMARY].
        """
        return "" if self.level is Registration.ENTERPRISE else reach.partition("/")[0]


class Deregister:
    """Ends one registration at a time; what is busy by GitHub's word stays, but for a job that is known to be over."""

    def __init__(
        self,
        ledger: Ledger,
        github: RunnerService,
        workflow_jobs: WorkflowJobs | None,
        clusters: Mapping[str, Cluster],
        clock: Clock,
        *,
        deployment: str,
    ) -> None:
        self._deployment = deployment
        self._ledger = ledger
        self._github = github
        self._workflow_jobs = workflow_jobs
        self._clusters = clusters
        self._clock = clock

    def remove_ghost(self, reap: Reap, allowance: Allowance) -> bool:
        """Remove a registration; False if it is busy."""
        found = reap.registration
        return found is not None and self._remove(found.runner_id, found.reach, allowance) is Removal.GONE

    def remove_orphan(self, reap: Reap, allowance: Allowance) -> bool:
        """Remove the registration of a stopped task, and look after it no longer; False if it is busy."""
        orphan = reap.orphan
        if orphan is None or self._remove(orphan.runner_id, orphan.reach, allowance) is Removal.BUSY:
            return False
        self._ledger.runners.forget_orphan(reap.pool, orphan.task_id)
        return True

    def end_runner(self, reap: Reap, allowance: Allowance) -> bool:
        """Remove a runner's registration, then stop its task; False if it is busy."""
        runner, now = reap.runner, self._clock.now()
        if runner is None:
            return False
        # Which job it runs may never have been told; then a registration that is gone, by DELETE's word, is enough:
        # GitHub keeps it while its job runs [GH-RUNNER-EPHEMERAL-REMOVED]. Else an orphan would hold it for hours.
        is_nameless = runner.job is None and reap.what is What.UNREGISTERED_RUNNER
        if runner.state is RunnerState.BUSY and not is_nameless and not self._job_has_ended(runner):
            return False
        if self._is_busy(runner, allowance) and not self._job_has_ended(runner):
            # Else the queued job it seems to cover waits for it, and its job timeout never begins.
            self._ledger.runners.found_busy(reap.pool, reap.id, now)
            return False
        if reap.what is What.IDLE_RUNNER and runner.is_idle and runner.job is not None:
            self._ledger.jobs.note_untaken(reap.pool, runner.job, task_id=runner.task_id, at=now)
        self._ledger.runners.mark_ended(reap.pool, reap.id, at=now, why=reap.why)
        self._clusters[reap.pool].stop(reap.id, f"slipway: {reap.why}")
        return True

    def _remove(self, runner_id: int, reach: str, allowance: Allowance) -> Removal:
        return allowance.ask(reach, lambda: self._github.remove(runner_id, reach))

    def _is_busy(self, runner: Runner, allowance: Allowance) -> bool:
        """Remove the runner's registration, if it has one; say whether GitHub refused because it is busy."""
        reach = runner.reach
        if reach is None:
            return False  # it never claimed
        return allowance.ask(reach, lambda: self._remove_by_id_or_name(runner, reach)) is Removal.BUSY

    def _remove_by_id_or_name(self, runner: Runner, reach: str) -> Removal:
        runner_id = runner.runner_id
        if runner_id is None:  # minted, but the answer was never recorded: GitHub knows it by name
            name = runner_name(self._deployment, runner.shape.profile, runner.task_id)
            found = self._github.find(name, reach)
            runner_id = found.runner_id if found else None
        return Removal.GONE if runner_id is None else self._github.remove(runner_id, reach)

    def _job_has_ended(self, runner: Runner) -> bool:
        """Say whether the job that it is known to have begun has completed, by GitHub's word for that very job.

        Without an App nobody can tell; then its task goes on until the job timeout.
        """
        if self._workflow_jobs is None or runner.job is None or runner.busy_at is None:
            return False
        found = self._workflow_jobs.find(runner.repository or "", runner.job.job_id)
        return found is not None and found.status == "completed"
