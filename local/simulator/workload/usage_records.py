"""Recorded jobs as a workload, so that a simulation can be asked what would have been. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from local.reports.lines import Lines
from local.simulator.workload.jobs import SimulatedJob, Workload
from slipway.domain.configuration import Profile
from slipway.domain.resources import CPU_UNITS_PER_VCPU, Resources
from slipway.domain.runners import task_id_of
from slipway.domain.usage import JobUsage

_DAY = 86_400.0


def workload_of(lines: Lines, profiles: Mapping[str, Profile], name: str) -> Workload:
    """Return the recorded jobs that ran, by when they were queued; it starts at midnight (UTC) before the first.

    A record has no labels: a job asks for those of its profile, or by a sized label where its container was of another
    size. One whose profile is configured no more is left out.
    """
    sizes = {runner.task_id: runner.size for runner in lines.runners}
    ran = [job for job in lines.jobs if job.started_at is not None and job.profile in profiles]
    starts_at = min((job.queued_at for job in ran), default=0.0) // _DAY * _DAY
    jobs = [_simulated(job, profiles[job.profile], sizes, starts_at) for job in ran]
    return Workload(name, starts_at, tuple(sorted(jobs, key=lambda job: job.queued_at_seconds)))


def _simulated(
    job: JobUsage, profile: Profile, sizes: dict[str, Resources], starts_at: float
) -> SimulatedJob:
    size = sizes.get(task_id_of(job.runner_name or ""), profile.size)
    organization, _, repository = job.repository.partition("/")
    return SimulatedJob(
        queued_at_seconds=job.queued_at - starts_at,
        organization=organization,
        repository=repository,
        labels=tuple(sorted(profile.labels)) if size == profile.size else (_sized_label(job, profile, size),),
        duration_seconds=max(1.0, job.completed_at - (job.started_at or job.completed_at)),
    )


def _sized_label(job: JobUsage, profile: Profile, size: Resources) -> str:
    mib = size.memory_mib
    memory = f"{mib // 1024}GiB" if mib % 1024 == 0 else f"{mib}MiB"
    run = f"{job.run_id}-{job.job.run_attempt}"
    return f"slipway/{profile.name}/cpu={size.cpu_units // CPU_UNITS_PER_VCPU}/memory={memory}/run={run}"
