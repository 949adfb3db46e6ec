"""Which jobs would do with less: what they used at most, and the smallest profile that would hold it. Pure.

What a job used is its own container's word: a hint, that a job can falsify about itself.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from local.reports.accounts import quantile
from local.reports.lines import Lines
from local.reports.money import Charge, share_of
from local.reports.peaks import Peak
from slipway.domain.configuration import Configuration, Isolation, Profile
from slipway.domain.resources import CPU_UNITS_PER_VCPU, Resources
from slipway.domain.runners import task_id_of
from slipway.domain.usage import JobUsage

PART = 0.95  # of the jobs' peaks lie below what is counted with
MARGIN = Fraction(1, 5)  # on top of it
FEWEST_JOBS = 10  # of fewer, nineteen in twenty says nothing
_MIB_PER_GIB = 1_024


@dataclass(frozen=True, slots=True)
class Sized:
    """Jobs of one name, workflow and size: what they used at most, and what would hold that.

    ``fits`` is the smallest profile or label that holds ``needs``, None where the present one is the smallest;
    ``saved`` is what it would have saved, nano-USD.
    """

    repository: str
    workflow: str
    name: str
    profile: str
    size: Resources
    jobs: int
    cpu_units: int
    memory_mib: int
    memory_most_mib: int | None
    needs: Resources
    fits: str | None = None
    fits_size: Resources | None = None
    saved: int = 0

    @property
    def is_tight(self) -> bool:
        """Say whether the present size leaves no margin."""
        return not self.needs.fits(self.size)

    @property
    def is_of_few(self) -> bool:
        """Say whether there were too few jobs to go by."""
        return self.jobs < FEWEST_JOBS


@dataclass(frozen=True, slots=True)
class _Ran:
    job: JobUsage
    size: Resources
    peak: Peak
    charge: Charge | None


def right_sizes(
    lines: Lines, peaks: Mapping[str, Peak], charges: Mapping[str, Charge], configuration: Configuration
) -> list[Sized]:
    """Return each kind of job whose containers told what they used; what saves most comes first.

    ``peaks`` and ``charges`` are by task id. Jobs of a profile that is configured no more are left out.
    """
    groups: dict[tuple[str, str, str, str, Resources], list[_Ran]] = defaultdict(list)
    for ran in _ran(lines, peaks, charges):
        job = ran.job
        if job.profile in configuration.profiles:
            groups[job.repository, job.workflow, job.name, job.profile, ran.size].append(ran)
    found = [_sized(group, configuration, lines) for group in groups.values()]
    return sorted(
        found, key=lambda one: (-one.saved, one.repository, one.workflow, one.name, one.profile, one.size)
    )


def _ran(lines: Lines, peaks: Mapping[str, Peak], charges: Mapping[str, Charge]) -> Iterator[_Ran]:
    sizes = {runner.task_id: runner.size for runner in lines.runners}
    for job in lines.jobs:
        task_id = task_id_of(job.runner_name or "")
        if task_id in peaks and task_id in sizes:
            yield _Ran(job, sizes[task_id], peaks[task_id], charges.get(task_id))


def _sized(group: list[_Ran], configuration: Configuration, lines: Lines) -> Sized:
    job, size = group[0].job, group[0].size
    cpu = _high(ran.peak.cpu_units for ran in group)
    memory = _high(ran.peak.memory_mib for ran in group)
    needs = Resources(_with_margin(cpu), _with_margin(memory), size.gpus)
    fits, fits_size = _smallest(needs, size, configuration.profiles[job.profile], configuration) or (
        None,
        None,
    )
    most = [ran.peak.memory_most_mib for ran in group if ran.peak.memory_most_mib is not None]
    return Sized(
        repository=job.repository,
        workflow=job.workflow,
        name=job.name,
        profile=job.profile,
        size=size,
        jobs=len(group),
        cpu_units=cpu,
        memory_mib=memory,
        memory_most_mib=_high(iter(most)) if most else None,
        needs=needs,
        fits=fits,
        fits_size=fits_size,
        saved=_saved(group, fits_size, lines) if fits_size else 0,
    )


def _smallest(
    needs: Resources, size: Resources, profile: Profile, configuration: Configuration
) -> tuple[str, Resources] | None:
    """Return the smallest profile that is otherwise alike, or size within the profile's bounds, that is less than now.

    A job that has its instance alone gets nothing: a smaller instance saves there, not a smaller container on it.
    """
    if profile.isolation is Isolation.INSTANCE:
        return None
    alike = [
        (one.name, one.size)
        for one in configuration.profiles.values()
        if one.name != profile.name and _kind(one, configuration) == _kind(profile, configuration)
    ]
    candidates = [*alike, *_labels(needs, profile)]
    fitting = [
        (
            Fraction(held.cpu_units, size.cpu_units) + Fraction(held.memory_mib, size.memory_mib),
            number,
            name,
            held,
        )
        for number, (name, held) in enumerate(candidates)
        if needs.fits(held) and held.fits(size) and held != size
    ]
    _, _, name, held = min(fitting, default=(0, 0, "", size))
    return (name, held) if name else None


def _kind(profile: Profile, configuration: Configuration) -> tuple[object, ...]:
    """Return what a job would notice besides the size."""
    pool = configuration.pools[profile.pool]
    return (
        profile.docker,
        profile.isolation,
        profile.kvm,
        profile.size.gpus,
        pool.architecture,
        pool.task_policy,
    )


def _labels(needs: Resources, profile: Profile) -> Iterator[tuple[str, Resources]]:
    """Return the smallest size that a label may ask of a profile: whole CPUs, whole GiB."""
    if profile.bounds is None:
        return
    least = profile.bounds.smallest
    cpu = max(
        math.ceil(needs.cpu_units / CPU_UNITS_PER_VCPU), math.ceil(least.cpu_units / CPU_UNITS_PER_VCPU)
    )
    gib = max(math.ceil(needs.memory_mib / _MIB_PER_GIB), math.ceil(least.memory_mib / _MIB_PER_GIB))
    held = Resources(cpu * CPU_UNITS_PER_VCPU, gib * _MIB_PER_GIB, profile.size.gpus)
    if held.fits(profile.bounds.largest):
        yield f"slipway/{profile.name}/cpu={cpu}/memory={gib}GiB", held


def _saved(group: list[_Ran], held: Resources, lines: Lines) -> int:
    """Return what these jobs held beyond what the smaller size would have, by the report's own rule of shares."""
    hosts = {life.instance_arn: life for life in lines.instances if life.instance_arn}
    saved = 0
    for ran in group:
        life = hosts.get(ran.charge.runner.instance_arn or "") if ran.charge else None
        if ran.charge and life:
            saved += round(ran.charge.held * (1 - share_of(held, life) / share_of(ran.size, life)))
    return saved


def _high(values: Iterator[int]) -> int:
    return int(quantile(values, PART) or 0)


def _with_margin(amount: int) -> int:
    return math.ceil(amount * (1 + MARGIN))
