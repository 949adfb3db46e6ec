"""Bugs that systems of this kind have had, planted one at a time: whether the checks of chaos would see them.

Each is a mistake that somebody has made, here or in a peer, in the place where ours would make it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from local.simulator.event_sources import Messages, QueueMapping
from slipway.adapters.github.http import GitHubApi
from slipway.adapters.github.runner_groups import RunnerGroups
from slipway.adapters.github.runners import GitHubRunners
from slipway.adapters.ledger import jobs as job_records
from slipway.adapters.ledger.instances import DynamoInstances
from slipway.adapters.ledger.intents import DynamoIntents
from slipway.adapters.ledger.jobs import DynamoJobs
from slipway.adapters.ledger.rows import DynamoPoolRows
from slipway.adapters.ledger.snapshots import DynamoSnapshots
from slipway.adapters.ledger.table import Update
from slipway.domain import planner, reaping, wanted
from slipway.domain.errors import UnavailableError, UnknownOutcomeError
from slipway.domain.fairness import oldest_first
from slipway.domain.findings import What
from slipway.domain.instances import InstanceState
from slipway.domain.intents import Intent
from slipway.domain.jobs import JobEvent, JobState
from slipway.domain.matching import Place, Route
from slipway.domain.plan import Plan
from slipway.domain.policy import Policy
from slipway.domain.reasons import Why
from slipway.domain.runners import Runner, RunnerState, runner_name
from slipway.domain.snapshot import Snapshot, WaitingJob
from slipway.ports.github import JitConfig, Removal
from slipway.ports.ledger import JobRecord, Recorded
from slipway.services import converge, removals
from slipway.services.act import Act
from slipway.services.applied import Applied
from slipway.services.claim import Answer, Claim
from slipway.services.deregister import Deregister
from slipway.services.end import End

Patch = Callable[[Any, str, Any], None]


@dataclass(frozen=True, slots=True)
class Bug:
    """One mistake: ``plant`` makes it, with ``monkeypatch.setattr``.

    ``first_seed`` is where looking begins: near a seed that showed it, for a run takes seconds.
    """

    name: str
    says: str
    plant: Callable[[Patch], None]
    first_seed: int = 1


def _netting(patch: Patch) -> None:
    record = DynamoJobs.record

    def netted(self: DynamoJobs, event: JobEvent, route: Route | None) -> Recorded | None:
        """Any job that starts takes one off the count: the oldest entry goes, whichever it is."""
        moved = record(self, event, route)
        if moved and event.action is JobState.IN_PROGRESS:
            waiting = list(self._table.query(f"POOL#{moved.place.pool}", "JOB#"))
            if waiting and not any(item["key"] == str(event.key) for item in waiting):
                oldest = min(waiting, key=lambda item: (item["queued_at"], item["key"]))
                self.drop(moved.place.pool, type(event.key).parse(oldest["key"]))
        return moved

    patch(DynamoJobs, "record", netted)


def _no_single_flight(patch: Patch) -> None:
    def acquire(self: DynamoPoolRows, pool: str, holder: str, *, now: float, until: float) -> int:
        return 0

    def release(self: DynamoPoolRows, pool: str, holder: str, *, seen: int, rests: bool = False) -> None:
        return None

    patch(DynamoPoolRows, "acquire", acquire)
    patch(DynamoPoolRows, "release", release)


def _one_busy_false_trusted(patch: Patch) -> None:
    """A runner that one listing calls idle is stopped at once, as scaling down by GitHub's busy flag does."""
    end = Deregister.end_runner

    def trusting(self: Deregister, reap: Any, allowance: Any) -> bool:
        runner = reap.runner
        if runner is not None and runner.state is RunnerState.REGISTERED and runner.reach is not None:
            listed = self._github.find(_name(self, runner), runner.reach)
            if listed is None or not listed.is_busy:
                self._ledger.runners.mark_ended(reap.pool, reap.id, at=self._clock.now(), why=reap.why)
                self._clusters[reap.pool].stop(reap.id, "slipway: idle")
                return True
        return end(self, reap, allowance)

    patch(Deregister, "end_runner", trusting)
    patch(reaping, "IDLE_GRACE_SECONDS", -100_000)


def _name(service: Deregister, runner: Runner) -> str:
    return runner_name(service._deployment, runner.shape.profile, runner.task_id)


def _stop_before_delete(patch: Patch) -> None:
    end = Deregister.end_runner

    def stopping(self: Deregister, reap: Any, allowance: Any) -> bool:
        self._clusters[reap.pool].stop(reap.id, f"slipway: {reap.why}")
        return end(self, reap, allowance)

    patch(Deregister, "end_runner", stopping)


def _booting_forgotten(patch: Patch) -> None:
    read = DynamoSnapshots.read

    def forgetful(self: DynamoSnapshots, pool: str, now: float) -> Snapshot:
        snapshot = read(self, pool, now)
        there = tuple(i for i in snapshot.instances if i.state is not InstanceState.LAUNCHING)
        return replace(snapshot, instances=there)

    patch(DynamoSnapshots, "read", forgetful)


def _second_claim_answered(patch: Patch) -> None:
    answer = Claim.__call__

    def generous(self: Claim, caller: Any) -> Answer:
        given = answer(self, caller)
        if given.status != 409 or caller is None:
            return given
        pool = self._configuration.pool_of_task_role(caller.role)
        runner = self._ledger.runners.find(pool.name, caller.task_id) if pool else None
        waiting = self._ledger.snapshots.read(pool.name, self._clock.now()).jobs if pool else ()
        job = next((job for job in waiting if runner and str(job.key) == str(runner.job)), None)
        if runner is None or job is None:
            return given
        return self._mint(runner, job, self._configuration.profiles[runner.shape.profile])

    patch(Claim, "__call__", generous)


def _new_token_after_timeout(patch: Patch) -> None:
    repeat = Act._repeat

    def anew(self: Act, intent: Intent) -> Applied:
        self._ledger.intents.settle(intent)
        fresh = replace(intent, token=self._new_token())
        self._ledger.intents.write(fresh)
        return repeat(self, fresh)

    patch(Act, "_repeat", anew)


def _index_read_for_open_work(patch: Patch) -> None:
    """Open work is read from an index that lags by some minutes at its worst, and its holder believes it."""
    read = DynamoSnapshots.read
    before: dict[str, list[tuple[float, Snapshot]]] = {}

    def lagging(self: DynamoSnapshots, pool: str, now: float) -> Snapshot:
        fresh = read(self, pool, now)
        seen = before.setdefault(pool, [])
        if seen and seen[-1][0] > now:
            seen.clear()  # another run has begun
        seen.append((now, fresh))
        old = next((snapshot for at, snapshot in reversed(seen) if at <= now - 3.0), None)
        return replace(fresh, jobs=old.jobs, runners=old.runners) if old is not None else fresh

    patch(DynamoSnapshots, "read", lagging)


def _wide_group(patch: Patch) -> None:
    """A group that somebody opened to all is taken as it is."""

    def unchecked(self: RunnerGroups, *_: Any, **__: Any) -> None:
        return None

    patch(RunnerGroups, "_check", unchecked)
    create = RunnerGroups._create

    def wide(self: RunnerGroups, path: str, name: str, job: WaitingJob, token: Any) -> dict[str, Any]:
        return create(self, path, "slipway-everyone", job, token)

    patch(RunnerGroups, "_create", wide)


def _intents_forgotten(patch: Patch) -> None:
    """Nothing is written down before CreateFleet and RunTask are called."""

    def nothing(self: DynamoIntents, intent: Intent) -> None:
        return None

    patch(DynamoIntents, "write", nothing)


def _hosts_end_with_their_tasks(patch: Patch) -> None:
    """A draining host is terminated without asking ECS what is still on it, by records that lag."""

    def at_once(self: Any, instance: Any) -> None:
        self._fleets[instance.pool].terminate([instance.instance_id])
        self._ledger.instances.remove(instance.pool, instance.instance_id, at=self._clock.now())

    patch(End, "end", at_once)
    patch(planner, "arns_with_tasks", lambda _snapshot: frozenset())


def _orphans_never_looked_for(patch: Patch) -> None:
    """Registrations whose task died are left to GitHub, which keeps one for a day."""
    tried = removals._tried

    def leaving(reap: Any, removal: Any, has_time: Any) -> Any:
        if reap.what in (What.ORPHAN, What.REGISTRATION):
            return reap, removals.Outcome.BUSY
        return tried(reap, removal, has_time)

    patch(removals, "_tried", leaving)


def _refusal_taken_for_gone(patch: Patch) -> None:
    """GitHub's 422 about a busy runner is taken for an answer like any other."""
    remove = GitHubRunners.remove

    def rude(self: GitHubRunners, runner_id: int, reach: str) -> Removal:
        remove(self, runner_id, reach)
        return Removal.GONE

    patch(GitHubRunners, "remove", rude)


def _stopped_host_never_seen(patch: Patch) -> None:
    """A host that EC2 took away stays in the books: room that is none."""

    def keeping(self: DynamoInstances, pool: str, instance_id: str) -> bool:
        return False

    patch(DynamoInstances, "remove", keeping)
    patch(DynamoInstances, "lose", lambda *_, **__: None)


def _first_n_accounted(patch: Patch) -> None:
    """A batch that failed in part is taken for one whose first n messages succeeded, whichever did."""
    done = QueueMapping._done

    def first_n(self: QueueMapping, messages: Messages, failed: set[int] | None) -> None:
        if failed:
            failed = set(range(len(messages) - len(failed), len(messages)))
        done(self, messages, failed)

    patch(QueueMapping, "_done", first_n)


def _moved_back(patch: Patch) -> None:
    """The event that came last is the truth, however long it was under way."""
    forward = DynamoJobs._forward

    def anywhere(self: DynamoJobs, event: JobEvent, place: Place, before: JobRecord | None) -> Update:
        return replace(forward(self, event, place, before), condition="", values={})

    patch(DynamoJobs, "_forward", anywhere)
    patch(job_records, "_moves", lambda *_: True)


def _minted_again(patch: Patch) -> None:
    """A lost reply is answered with a second registration, under another name because the first is taken."""
    mint = GitHubRunners.mint

    def again(self: GitHubRunners, job: WaitingJob, name: str) -> JitConfig:
        try:
            return mint(self, job, name)
        except UnknownOutcomeError:
            return mint(self, job, f"{name}-2")

    patch(GitHubRunners, "mint", again)
    # Nor is it taken back what may have been registered.
    patch(GitHubRunners, "_after_doubt", _in_doubt)


def _in_doubt(_self: GitHubRunners, _path: str, _name: str, _token: Any, doubt: Exception) -> JitConfig:
    raise UnknownOutcomeError(str(doubt)) from doubt


def _awaited_for_ever(patch: Patch) -> None:
    """Whoever asked EC2 for something still waits for its answer, also when it is no more."""
    patch(Intent, "is_awaited", lambda self, _now: self.awaited_until is not None)


def _oldest_first(patch: Patch) -> None:
    """Whoever came first goes first: an organization that queues thousands has everything until they are done."""

    def by_age(jobs: Any, _running: Any, _weights: Any, accept: Any = lambda _: True) -> list[WaitingJob]:
        return [job for job in oldest_first(jobs) if accept(job)]

    patch(wanted, "fair_order", by_age)


def _silent_limit(patch: Patch) -> None:
    """A limit holds jobs back, and the plan does not say so."""

    def silent(snapshot: Snapshot, policy: Policy) -> Plan:
        decided = planner.plan(snapshot, policy)
        told = {key: why for key, why in decided.reasons.items() if why.code is not Why.PROFILE_LIMIT}
        return replace(decided, reasons=told)

    patch(converge, "plan", silent)


def _secret_in_an_error(patch: Patch) -> None:
    """What GitHub refused is logged with the headers of its request."""
    call = GitHubApi.call

    def telling(self: GitHubApi, method: str, path: str, token: Any, **rest: Any) -> Any:
        try:
            return call(self, method, path, token, **rest)
        except UnavailableError as fault:
            raise UnavailableError(f"{fault}; sent: authorization: Bearer {token()}") from fault

    patch(GitHubApi, "call", telling)


def _secret_in_a_reason(patch: Patch) -> None:
    """What a job waits for is told with the token that was used."""

    def telling(snapshot: Snapshot, policy: Policy) -> Plan:
        decided = planner.plan(snapshot, policy)
        told = {
            key: replace(why, parameters={**why.parameters, "by": "ghp_" + "0" * 36})
            for key, why in decided.reasons.items()
        }
        return replace(decided, reasons=told)

    patch(converge, "plan", telling)


BUGS = (
    Bug("netting events", "a start takes one off the count, whichever job it is of", _netting),
    Bug("no single flight", "two convergences of one pool at once", _no_single_flight, 3),
    Bug("one busy=false trusted", "idle by one listing is idle", _one_busy_false_trusted, 4),
    Bug("stop before DELETE", "the task goes before GitHub said that it may", _stop_before_delete, 3),
    Bug("booting instances forgotten", "what boots is launched again", _booting_forgotten),
    Bug("second claim answered", "a task gets its JIT config again", _second_claim_answered, 10),
    Bug("new token after a timeout", "a lost reply starts everything twice", _new_token_after_timeout, 4),
    Bug(
        "index read for open work", "the plan sees what was there a moment ago", _index_read_for_open_work, 4
    ),
    Bug("minted in a wide group", "one group for all organizations", _wide_group, 3),
    Bug("no intents", "what was started without an answer is forgotten", _intents_forgotten, 3),
    Bug(
        "hosts ended with their tasks",
        "a draining host is not asked what it holds",
        _hosts_end_with_their_tasks,
        2,
    ),
    Bug("orphans left to GitHub", "nobody removes a dead task's registration", _orphans_never_looked_for),
    Bug("422 taken for gone", "a busy runner's removal counts as done", _refusal_taken_for_gone, 13),
    Bug("lost hosts stay in the books", "room that is none", _stopped_host_never_seen),
    Bug("first-n retry accounting", "n of a batch succeeded: the first n", _first_n_accounted, 11),
    Bug("late events move jobs back", "the last event that comes is the truth", _moved_back),
    Bug("second mint after a lost reply", "one task, two registrations", _minted_again, 5),
    Bug("awaited for ever", "nobody repeats what a dead function asked EC2 for", _awaited_for_ever, 3),
    Bug("oldest first", "shares are not looked at", _oldest_first, 60),
    Bug("a limit without a reason", "a job waits and nobody is told why", _silent_limit, 2),
    Bug("a token in an error", "the log tells what was sent", _secret_in_an_error),
    Bug("a token in a reason", "the reason tells who asked", _secret_in_a_reason),
)
