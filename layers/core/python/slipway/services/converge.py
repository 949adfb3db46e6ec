"""Converge: make a pool what its jobs need, one holder at a time, until nothing has changed meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from slipway.domain.configuration import Configuration
from slipway.domain.errors import SlipwayError
from slipway.domain.gauges import Gauges, gauges_of
from slipway.domain.intents import Intent
from slipway.domain.launches import Launch
from slipway.domain.pace import seconds_for
from slipway.domain.plan import Plan
from slipway.domain.planner import plan
from slipway.domain.policy import policy_of
from slipway.domain.resting import rests
from slipway.domain.strain import Strain, strain_of
from slipway.ports.clock import Clock
from slipway.ports.ledger import Ledger
from slipway.ports.queue import Wakeups
from slipway.services.applied import Applied
from slipway.services.apply import Apply

RETRY_SECONDS = (1, 2, 4)  # while an agent connects or a read lags [ECS-AGENT-REGISTERS-FIRST]


@dataclass(frozen=True, slots=True)
class Converged:
    """What a convergence did: one plan a round (none: another holder has the pool), what failed, the strain left.

    ``gauges`` are of what the last round read; ``launches`` what all rounds' calls to EC2 brought.
    """

    pool: str
    plans: tuple[Plan, ...] = ()
    errors: tuple[Exception, ...] = ()
    strain: Strain = field(default_factory=Strain)
    gauges: Gauges = field(default_factory=Gauges)
    launches: tuple[Launch, ...] = ()

    @property
    def failed(self) -> bool:
        """Say whether no plan came of it though it was tried."""
        return bool(self.errors) and not self.plans

    def then(self, later: Converged) -> Converged:
        """Return both as one, of which the later knows better how the pool is."""
        last = later if later.plans else self
        return Converged(
            self.pool,
            self.plans + later.plans,
            self.errors + later.errors,
            last.strain,
            last.gauges,
            self.launches + later.launches,
        )


@dataclass(frozen=True, slots=True)
class _Round:
    """One round: what was decided, what applying it brought, whether the pool rests then, what it was read as.

    ``unnoted`` is what kept reasons from being remembered. ``read_at``, epoch seconds, is when the pool was read, and
    ``serves_seconds`` for how long that should serve.
    """

    plan: Plan
    applied: Applied
    is_resting: bool
    strain: Strain
    gauges: Gauges
    unnoted: tuple[Exception, ...]
    read_at: float
    serves_seconds: float


class Converge:
    """Single flight: what arrives while one holder works is its next round, or another's while it waits for EC2."""

    def __init__(  # noqa: PLR0913 - single flight meets ledger, queue and time here
        self,
        configuration: Configuration,
        ledger: Ledger,
        apply: Apply,
        wakeups: Wakeups,
        clock: Clock,
        *,
        lease_seconds: int,
        pause: Callable[[float], None],
    ) -> None:
        self._configuration = configuration
        self._ledger = ledger
        self._apply = apply
        self._wakeups = wakeups
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._pause = pause

    def __call__(
        self, pool: str, holder: str, *, has_time: Callable[[], bool], attempt: int = 0
    ) -> Converged:
        """Converge one pool unless another holder has it; that one then makes another round.

        What takes EC2 seconds is asked for when the pool is let go, so that nobody waits behind it; what it brings is
        news, and the pool is converged once more. ``has_time`` says whether there is time for one more step before the
        invocation's deadline; ``attempt`` counts the retries behind this call. The lease outlives the invocation's hard
        deadline, because no fencing token can fence ECS.

        Raises:
            Exception: reading or planning failed; the pool is let go and woken again.
        """
        done = Converged(pool)
        while has_time():
            now = self._clock.now()
            try:
                if done.plans:  # what EC2 answered is news, to whoever holds the pool
                    self._ledger.rows.want(pool)
                wanted = self._ledger.rows.acquire(pool, holder, now=now, until=now + self._lease_seconds)
            except SlipwayError as fault:
                if not done.plans:
                    raise
                self._wake_later(pool, attempt)
                return done.then(Converged(pool, errors=(fault,)))
            if wanted is None:
                return done
            asked: list[Intent] = []
            try:
                done = done.then(self._rounds(pool, holder, wanted, has_time, attempt, asked))
            except Exception:
                try:
                    self._ledger.rows.abandon(pool, holder)
                    self._wake_later(pool, attempt)
                finally:
                    self._launch(pool, asked, has_time)  # it is written down, whatever failed besides
                raise
            if not asked:
                return done
            landed = self._launch(pool, asked, has_time)
            done = done.then(Converged(pool, errors=landed.errors, launches=landed.launches))
            if landed.should_retry:
                self._wake_later(pool, attempt)
                return done
        self._wakeups.wake(pool)
        return done

    def _rounds(
        self,
        pool: str,
        holder: str,
        wanted: int,
        has_time: Callable[[], bool],
        attempt: int,
        asked: list[Intent],
    ) -> Converged:
        """Hold the pool until nothing has changed meanwhile, or something was ``asked`` for: another goes on then."""
        plans: list[Plan] = []
        errors: list[Exception] = []
        launches: list[Launch] = []
        while True:
            # ``wanted`` was noted before reading: a change committed while we read or act is seen at release.
            done = self._once(pool)
            decided, applied = done.plan, done.applied
            plans.append(decided)
            errors += (*applied.errors, *done.unnoted)
            launches += applied.launches
            asked += applied.asked
            if decided.withholds and applied.is_published:
                self._ledger.rows.want(pool)
            if not asked:
                self._rest(done.read_at, done.serves_seconds)
            newer = self._ledger.rows.release(pool, holder, seen=wanted, rests=done.is_resting)
            if newer is None:
                break
            if asked or not has_time():
                self._ledger.rows.abandon(pool, holder)
                self._wakeups.wake(pool)
                break
            wanted = newer
        if applied.is_cut_short:
            self._wakeups.wake(pool, delay_seconds=1, attempt=attempt)
        elif applied.should_retry and not asked:  # what was asked for brings another round
            self._wake_later(pool, attempt)
        return Converged(pool, tuple(plans), tuple(errors), done.strain, done.gauges, tuple(launches))

    def _rest(self, read_at: float, seconds: float) -> None:
        """Hold the pool until its reading has served its time, and no longer than that if the clock is set back."""
        if (left := min(read_at + seconds - self._clock.now(), seconds)) > 0:
            self._pause(left)

    def _launch(self, pool: str, asked: Sequence[Intent], has_time: Callable[[], bool]) -> Applied:
        """Wait for EC2's answers, each recorded as it comes; without the time for it, ask nothing."""
        if has_time():
            return self._apply.launch(pool, asked)
        self._apply.forget(asked)
        return Applied()

    def _once(self, pool: str) -> _Round:
        """Gather, decide, apply; say whether the pool rests then, what strain it is under, and what could not be noted.

        What is on offer is read first: a claim that takes some of it meanwhile is seen in the snapshot.
        """
        published = self._ledger.offers.read(pool)
        snapshot = self._ledger.snapshots.read(pool, self._clock.now())
        left = [intent for intent in snapshot.intents if not intent.is_awaited(snapshot.now)]
        settled = self._apply.settle(left)
        if left:  # what they did is recorded now
            snapshot = self._ledger.snapshots.read(pool, self._clock.now())
        policy = policy_of(self._configuration, pool, snapshot.now)
        decided = plan(replace(snapshot, on_offer=published.jobs), policy)
        applied = self._apply(decided, snapshot, published).merged(settled)
        went_well = not (applied.errors or applied.should_retry or applied.is_cut_short)
        is_resting = went_well and rests(decided, snapshot, policy)
        unnoted = self._apply.remember(decided, snapshot)
        strain = strain_of(snapshot, decided, policy)
        gauges, serves_seconds = gauges_of(snapshot), seconds_for(snapshot)
        return _Round(decided, applied, is_resting, strain, gauges, unnoted, snapshot.now, serves_seconds)

    def _wake_later(self, pool: str, attempt: int) -> None:
        delay = RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)]
        if attempt < 2 * len(RETRY_SECONDS):  # then the tick goes on: once a minute is enough by then
            self._wakeups.wake(pool, delay_seconds=delay, attempt=attempt + 1)
