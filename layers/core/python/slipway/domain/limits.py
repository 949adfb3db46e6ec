"""Limits: which waiting jobs may have a runner now, by organization, profile and repository caps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cached_property

from slipway.domain.demand import ZOMBIE_AFTER
from slipway.domain.jobs import JobKey
from slipway.domain.matching import nearest_profile
from slipway.domain.policy import Policy
from slipway.domain.reach import reach_of
from slipway.domain.reasons import Reason, Why
from slipway.domain.runners import Runner, RunnerState
from slipway.domain.snapshot import GitHubPause, WaitingJob

_TAKEN = (RunnerState.REGISTERED, RunnerState.BUSY)
GITHUB_PATIENCE_SECONDS = 30  # a shorter pause of GitHub's is over before a container that starts now asks
GITHUB_PAUSE_AT_MOST_SECONDS = 3_600  # its limits start anew each hour [GH-LIMIT-PRIMARY]


def runners_by_profile(runners: Iterable[Runner]) -> Counter[str]:
    """Count the runners that have claimed and not ended, by profile."""
    return Counter(runner.shape.profile for runner in runners if runner.state in _TAKEN)


class Admission:
    """Decides job by job, in the order in which it is asked; ``refused`` keeps the reasons.

    A cap on a repository is hard only where a runner's reach is one repository; elsewhere GitHub may give
    any runner of the organization to a capped repository's job, so the repository that ran is charged.

    Claims go on drawing what the last plan has put ``on_offer`` until this one's offers are published. So a place that
    this plan takes from one of those jobs is free for another only in the next: until then it is withheld.
    """

    def __init__(
        self,
        runners: Iterable[Runner],
        policy: Policy,
        now: float,
        pauses: Iterable[GitHubPause] = (),
        on_offer: Iterable[WaitingJob] = (),
    ) -> None:
        self._now = now
        self._on_offer = {job.key: job for job in on_offer}
        self._paused: dict[str, float] = {}
        self._refusals: dict[str, str] = {}
        self._taken = taken = [runner for runner in runners if runner.state in _TAKEN]
        for pause in pauses:
            if pause.why and pause.until > now and not _is_mended(pause, taken):
                self._refusals[pause.reach] = pause.why
            elif not pause.why and _pauses_until(pause) - now > GITHUB_PATIENCE_SECONDS:
                self._paused[pause.reach] = _pauses_until(pause)
        self._trying: dict[str, JobKey] = {}
        self._policy = policy
        self._by_organization: Counter[str] = Counter()
        self.refused: dict[JobKey, Reason] = {}
        self.withholds = False

    # Counted when the first job asks: half of all plans have none that needs a runner.

    @cached_property
    def _by_profile(self) -> Counter[str]:
        return runners_by_profile(self._taken)

    @cached_property
    def _by_repository(self) -> Counter[tuple[str, str]]:
        return Counter((runner.shape.profile, (runner.repository or "").lower()) for runner in self._taken)

    @cached_property
    def _pledged(self) -> Counter[str | tuple[str, str]]:
        """Count the places, by profile and by repository in it, that are taken or may be taken at any moment."""
        pledged: Counter[str | tuple[str, str]] = Counter()
        for runner in self._taken:
            pledged.update(_places(runner.shape.profile, runner.repository))
        for job in self._on_offer.values():
            pledged.update(_places(job.shape.profile, job.repository))
        return pledged

    @property
    def trying(self) -> dict[JobKey, Reason]:
        """Return the jobs that go on trying for all of a reach which GitHub refuses."""
        return {
            key: Reason(Why.GITHUB_REFUSED, {"why": self._refusals[reach]})
            for reach, key in self._trying.items()
        }

    def __call__(self, job: WaitingJob) -> bool:
        """Say whether the job may have a runner now, and charge it if so."""
        refusal = self._refusal(job) or self._withheld(job)
        if refusal is not None:
            self.refused[job.key] = refusal
            return False
        if self._refusals:
            reach = reach_of(self._policy.github, job.organization, job.repository)
            if reach in self._refusals:
                self._trying[reach] = job.key
        self._charge(job)
        return True

    def _charge(self, job: WaitingJob) -> None:
        self._by_profile[job.shape.profile] += 1
        self._by_repository[job.shape.profile, job.repository.lower()] += 1
        self._by_organization[job.organization.lower()] += 1

    def _withheld(self, job: WaitingJob) -> Reason | None:
        """Return the limit that the places of others fill which a claim may still take; its own is kept for it."""
        if not self._on_offer or job.key in self._on_offer:
            return None
        pledged, profile = self._pledged, self._policy.profiles[job.shape.profile]
        of_profile, of_repository = _places(job.shape.profile, job.repository)
        reason = None
        if pledged[of_profile] >= profile.max_runners:
            reason = Reason(Why.PROFILE_LIMIT, {"limit": profile.max_runners})
        elif (cap := profile.max_runners_per_repository) is not None and pledged[of_repository] >= cap:
            reason = Reason(Why.REPOSITORY_LIMIT, {"limit": cap})
        if reason is None:
            pledged.update((of_profile, of_repository))
        else:
            self.withholds = True
            self._charge(job)
        return reason

    def _refusal(self, job: WaitingJob) -> Reason | None:
        profile = self._policy.profiles.get(job.shape.profile)
        if profile is None:
            nearest = nearest_profile(job.labels, self._policy.profiles.values())
            return Reason(
                Why.NO_PROFILE, {"profile": job.shape.profile, **({"nearest": nearest} if nearest else {})}
            )
        if not job.shape.size.is_a_size:
            return Reason(Why.TOO_LARGE, job.shape.size.as_parameters())
        if job.retry_at is not None and job.retry_at > self._now:
            why = Why.ZOMBIE if job.untaken >= ZOMBIE_AFTER else Why.NOT_TAKEN
            return Reason(why, {"runners": job.untaken, "until": job.retry_at})
        if self._paused or self._refusals:
            reach = reach_of(self._policy.github, job.organization, job.repository)
            if reach in self._paused:
                return Reason(Why.GITHUB_BUSY, {"until": self._paused[reach]})
            if reach in self._trying:
                trying = str(self._trying[reach])
                return Reason(Why.GITHUB_REFUSED, {"why": self._refusals[reach], "trying": trying})
        of_organization = self._policy.fairness.max_queued_per_organization
        if self._by_organization[job.organization.lower()] >= of_organization:
            return Reason(Why.ORGANIZATION_LIMIT, {"limit": of_organization})
        if self._by_profile[profile.name] >= profile.max_runners:
            return Reason(Why.PROFILE_LIMIT, {"limit": profile.max_runners})
        of_repository = profile.max_runners_per_repository
        held = self._by_repository[profile.name, job.repository.lower()]
        if of_repository is not None and held >= of_repository:
            return Reason(Why.REPOSITORY_LIMIT, {"limit": of_repository})
        return None


def _places(profile: str, repository: str | None) -> tuple[str, tuple[str, str]]:
    return profile, (profile, (repository or "").lower())


def _pauses_until(pause: GitHubPause) -> float:
    return min(pause.until, pause.at + GITHUB_PAUSE_AT_MOST_SECONDS)


def _is_mended(pause: GitHubPause, runners: Iterable[Runner]) -> bool:
    return any(
        runner.reach == pause.reach and runner.runner_id is not None and (runner.claimed_at or 0.0) > pause.at
        for runner in runners
    )
