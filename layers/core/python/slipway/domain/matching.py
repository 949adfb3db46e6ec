"""Which profile serves a job's labels, or why none does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from slipway.domain.configuration import Profile
from slipway.domain.labels import (
    SizedLabel,
    UnreadableLabelsError,
    canonical,
    label_set_key,
    sized_label,
)
from slipway.domain.resources import Resources


@dataclass(frozen=True, slots=True)
class Shape:
    """What makes two tasks interchangeable before they claim: profile and size."""

    profile: str
    size: Resources

    def __hash__(self) -> int:
        # A plan looks shapes up a dozen times for each job; the generated method hashes the size as an object.
        return hash((self.profile, self.size.cpu_units, self.size.memory_mib))

    def __str__(self) -> str:
        return f"{self.profile}-{self.size.cpu_units}-{self.size.memory_mib}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job counts: its pool and its profile."""

    pool: str
    profile: str


@dataclass(frozen=True, slots=True)
class Route:
    """Where a job goes: the shape of its task and its pool."""

    shape: Shape
    pool: str
    label_key: str

    @property
    def place(self) -> Place:
        """Return where a job that goes there counts."""
        return Place(self.pool, self.shape.profile)


class UnservedReason(StrEnum):
    """Why no profile serves a job (docs/reasons.md)."""

    NO_PROFILE = "no_profile"
    NO_LABELS = "no_labels"
    LABELS_UNREADABLE = "labels_unreadable"
    SIZE_OUT_OF_BOUNDS = "size_out_of_bounds"
    RUN_MISMATCH = "run_mismatch"


@dataclass(frozen=True, slots=True)
class Unserved:
    """A job that no profile serves: a code of ``UnservedReason``, and a sentence for whoever wrote ``runs-on``."""

    code: str
    detail: str


def route(
    labels: Sequence[str], run: tuple[int, int], repository: str, profiles: Mapping[str, Profile]
) -> Route | Unserved:
    """Match a job's labels to a profile.

    An ordinary label set matches a profile that has all of its labels; the nearest (fewest labels more than
    asked), then the first by name, wins. A job without labels (``runs-on: {group: …}``) goes to the profile that says
    so of its ``repository`` (OWNER/NAME) or of its organization: GitHub does not tell which group it asks for
    [GH-WJ-9]. ``run`` is the run id and attempt of the job, which a ``run=``
    label must repeat: it makes a copied label worthless to another run.
    """
    try:
        names = canonical(labels)
        sized = sized_label(labels)
    except UnreadableLabelsError as fault:
        return Unserved(UnservedReason.LABELS_UNREADABLE, str(fault))
    if not names:
        return _route_unlabelled(repository.lower(), profiles, label_set_key(labels))
    if sized:
        return _route_sized(sized, run, profiles, label_set_key(labels))
    wanted = frozenset(names)
    fitting = [profile for profile in profiles.values() if wanted <= profile.labels]
    if not fitting:
        return Unserved(UnservedReason.NO_PROFILE, "no profile has all of these labels")
    nearest = min(fitting, key=lambda profile: (len(profile.labels), profile.name))
    return Route(Shape(nearest.name, nearest.size), nearest.pool, label_set_key(labels))


def _route_unlabelled(repository: str, profiles: Mapping[str, Profile], key: str) -> Route | Unserved:
    for whose in (repository, repository.partition("/")[0]):
        for profile in profiles.values():
            if whose in profile.unlabelled_jobs_of:
                return Route(Shape(profile.name, profile.size), profile.pool, key)
    return Unserved(
        UnservedReason.NO_LABELS,
        "the job names no label (runs-on: {group: …}), and no profile has its repository or organization in "
        "unlabelled_jobs_of",
    )


def nearest_profile(labels: Sequence[str], profiles: Iterable[Profile]) -> str | None:
    """Return the name of the profile which shares the most labels with a job; None when none shares any."""
    wanted = {label.lower() for label in labels}
    shared = {profile.name: len(wanted & profile.labels) for profile in profiles}
    best = min(shared, key=lambda name: (-shared[name], name), default=None)
    return best if best is not None and shared[best] else None


def _route_sized(
    sized: SizedLabel, run: tuple[int, int], profiles: Mapping[str, Profile], key: str
) -> Route | Unserved:
    profile = profiles.get(sized.profile)
    if profile is None:
        return Unserved(UnservedReason.NO_PROFILE, f"no profile is called {sized.profile}")
    if sized.run is not None and sized.run != run:
        return Unserved(UnservedReason.RUN_MISMATCH, "run= names another run than the job's own")
    size = Resources(
        profile.size.cpu_units if sized.cpu_units is None else sized.cpu_units,
        profile.size.memory_mib if sized.memory_mib is None else sized.memory_mib,
        profile.size.gpus,  # no label asks for them
    )
    if size != profile.size and not _within_bounds(size, profile):
        return Unserved(UnservedReason.SIZE_OUT_OF_BOUNDS, f"profile {profile.name} does not sell this size")
    return Route(Shape(profile.name, size), profile.pool, key)


def _within_bounds(size: Resources, profile: Profile) -> bool:
    bounds = profile.bounds
    return bounds is not None and bounds.smallest.fits(size) and size.fits(bounds.largest)
