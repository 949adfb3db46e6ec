"""Placing: where each wanted task goes, on free room first, then on instances that boot, stopped ones, new ones."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from slipway.domain.capacity import NewCapacity
from slipway.domain.instances import Load
from slipway.domain.intents import MAX_TASKS_PER_CALL, Offering, RunTasks, StartInstances
from slipway.domain.jobs import JobKey
from slipway.domain.matching import Shape
from slipway.domain.packing import Bin, FirstFit
from slipway.domain.reasons import Reason, Why
from slipway.domain.resources import Resources
from slipway.domain.rooms import Rooms
from slipway.domain.snapshot import WaitingJob

Want = WaitingJob | Shape  # a task for a job, or one that stands by
_ROOM = ""  # no profile has this name


def room_for(size: Resources) -> Want:
    """Return a want of room alone: it is found and kept free, and no task is started in it."""
    return Shape(_ROOM, size)


@dataclass(slots=True)
class Ramp:
    """The start ramp: how many runners of a repository may be between RunTask and their job at once.

    A matrix of hundreds of jobs would else register as many runners in a second, which a GitHub Enterprise Server
    has to bear. ``in_flight`` counts them by repository, lower-case.
    """

    limit: int
    in_flight: Counter[str]

    def admits(self, job: WaitingJob) -> bool:
        """Say whether one more runner may start for a job of this repository, and count it if so."""
        if self.is_full(job):
            return False
        self.in_flight[job.repository.lower()] += 1
        return True

    def is_full(self, job: WaitingJob) -> bool:
        """Say whether no more runner may start for a job of this repository."""
        return self.in_flight[job.repository.lower()] >= self.limit

    @property
    def reason(self) -> Reason:
        """Return what is told of the jobs that it holds back."""
        return Reason(Why.START_RAMP, {"limit": self.limit})


@dataclass(slots=True)
class Placing:
    """Finds a place for each want, in fair order; ``reasons`` says for every job what came of it.

    ``hosts`` says where the plan saw room for the tasks that start, by instance.
    """

    rooms: Rooms
    capacity: NewCapacity
    exclusive: bool
    ramp: Ramp
    tasks: Counter[Shape] = field(default_factory=Counter)
    hosts: dict[str, Counter[Shape]] = field(default_factory=lambda: defaultdict(Counter))
    reasons: dict[JobKey, Reason] = field(default_factory=dict)
    is_short_of_tiers: bool = False
    _starts: dict[str, Counter[Shape]] = field(default_factory=lambda: defaultdict(Counter))
    _looked_for: set[Shape] = field(default_factory=set)
    _held: dict[JobKey, str] = field(default_factory=dict)

    def place(self, wants: Sequence[Want]) -> list[WaitingJob]:
        """Place all of them; return the jobs for which a task is started."""
        started, rest = self._on_usable(wants)
        rest = self._on_booting(rest)
        rest = self._on_stopped(rest)
        for want, reason in zip(rest, self.capacity.find([shape_of(want) for want in rest]), strict=True):
            if isinstance(want, WaitingJob):
                self.reasons[want.key] = reason
            else:
                self.is_short_of_tiers |= reason.code is not Why.INSTANCE_STARTING
        for key, instance_id in self._held.items():
            reason = self.reasons[key]
            self.reasons[key] = Reason(reason.code, {**reason.parameters, "held": instance_id})
        return started

    def refuse(self, wants: Sequence[Want], reason: Reason) -> list[WaitingJob]:
        """Place none of them, for one reason; room that is kept is found all the same, so that it does not drain."""
        self._on_usable([want for want in wants if shape_of(want).profile == _ROOM])
        self.reasons.update({want.key: reason for want in wants if isinstance(want, WaitingJob)})
        return []

    def run_requests(self) -> tuple[RunTasks, ...]:
        """Return the RunTask calls: equal tasks together, at most ten a call, the largest first.

        ECS chooses the instances. Large tasks go first because they have the fewest places to go.
        """
        requests = []
        held = [bin for bin in self.rooms.usable if bin.held_for is not None]
        for shape, count in sorted(
            self.tasks.items(),
            key=lambda item: (-item[0].size.cpu_units, -item[0].size.memory_mib, str(item[0])),
        ):
            full, rest = divmod(count, MAX_TASKS_PER_CALL)
            counts = [MAX_TASKS_PER_CALL] * full + ([rest] if rest else [])
            avoid = tuple(sorted(bin.name for bin in held if bin.held_for != shape))
            requests += [RunTasks(shape, size, self.exclusive, avoid) for size in counts]
        return tuple(requests)

    def start_requests(self) -> tuple[StartInstances, ...]:
        """Return the StartInstances calls, one for each offering: EC2 starts all instances of a call or none."""
        by_offering: dict[Offering, list[tuple[str, Load]]] = defaultdict(list)
        for instance_id, load in sorted(self._starts.items()):
            by_offering[self.rooms.offerings[instance_id]].append(
                (instance_id, tuple(sorted(load.items(), key=str)))
            )
        return tuple(
            StartInstances(offering, tuple(starts))
            for offering, starts in sorted(
                by_offering.items(), key=lambda item: (item[0].instance_type, item[0].subnet)
            )
        )

    def _on_usable(self, wants: Sequence[Want]) -> tuple[list[WaitingJob], list[Want]]:
        fit = FirstFit(self.rooms.usable)
        starting = {shape: Reason(Why.TASK_STARTING, {"shape": str(shape)}) for shape in _shapes(wants)}
        ramped = self.ramp.reason
        started: list[WaitingJob] = []
        rest: list[Want] = []
        loaded = _loaded(self.rooms.usable, wants)
        for want in wants:
            shape = shape_of(want)
            bin = loaded[shape].pop() if loaded[shape] else fit.place(shape)
            if bin is None:
                rest.append(want)
                if isinstance(want, WaitingJob):
                    self._hold(want)
            elif not isinstance(want, WaitingJob):
                if shape.profile != _ROOM:
                    self._start(shape, bin)
            elif self.ramp.admits(want):
                self._start(shape, bin)
                started.append(want)
                self.reasons[want.key] = starting[shape]
            else:
                self.reasons[want.key] = ramped
        return started, rest

    def _start(self, shape: Shape, bin: Bin) -> None:
        self.tasks[shape] += 1
        self.hosts[bin.name][shape] += 1

    def _hold(self, job: WaitingJob) -> None:
        """Keep the emptiest instance that could ever hold this job's shape free of others, one instance a shape.

        Without it a pool at its limit, or for which EC2 has nothing, would give each place that falls free to the next
        small task, and a large one would wait for ever.
        """
        shape = job.shape
        if self.exclusive or shape in self._looked_for:
            return
        self._looked_for.add(shape)
        if self._may_come(shape.size):
            return
        could = [
            bin
            for bin in self.rooms.usable
            if bin.held_for is None and not bin.taken and shape.size.fits(self.rooms.sizes[bin.name])
        ]
        if could:
            emptiest = max(
                could,
                key=lambda bin: (
                    min(bin.cpu_units, shape.size.cpu_units),
                    min(bin.memory_mib, shape.size.memory_mib),
                    bin.name,
                ),
            )
            emptiest.held_for = shape
            self._held[job.key] = emptiest.name

    def _may_come(self, size: Resources) -> bool:
        """Say whether room for a size may come from elsewhere than from tasks that end.

        Where EC2 is asked again, not even what it grants is counted on before it is up: else each try would give away
        what was kept, and the plan after one that succeeds would start what this one has an instance launched for.
        """
        if self.capacity.allowed and any(size.fits(bin.free) for bin in self.rooms.stopped):
            return True
        if self.capacity.is_in_doubt(size):
            return False
        return self.capacity.may_be_had(size) or any(size.fits(bin.free) for bin in self.rooms.booting)

    def _on_booting(self, wants: Sequence[Want]) -> list[Want]:
        """Give each instance that boots the tasks that it was started for, and what room is left to others.

        The load is remembered because packing again would not come out the same: a job more or less at the front,
        and the last task would find no room, and launch another instance. Loads go to the jobs at the back, for it
        was they that had found no room before: those at the front then find what they found, in the same order.
        """
        if not self.rooms.booting:
            return list(wants)
        places: dict[int, Bin] = {}
        waiting: dict[Shape, list[int]] = defaultdict(list)
        for number, want in enumerate(wants):
            waiting[shape_of(want)].append(number)
        for bin in self.rooms.booting:
            for shape, count in bin.load:
                for _ in range(min(count, len(waiting[shape]))):
                    if bin.take(shape):
                        places[waiting[shape].pop()] = bin
        return self._on_instances(wants, FirstFit(self.rooms.booting), places)

    def _on_stopped(self, wants: Sequence[Want]) -> list[Want]:
        """Start stopped instances for tasks, never for room alone: that can wait for a cold start."""
        sizes = {shape.size for shape in _shapes(wants) if shape.profile != _ROOM}
        startable = [bin for bin in self.rooms.stopped if any(size.fits(bin.free) for size in sizes)]
        startable = startable[: self.capacity.allowed]
        if not startable:
            return list(wants)
        fit = FirstFit(startable)
        places: dict[int, Bin] = {}
        for number, want in enumerate(wants):
            shape = shape_of(want)
            bin = fit.place(shape) if shape.profile != _ROOM else None
            if bin is not None:
                places[number] = bin
                self._starts[bin.name][shape] += 1
        self.capacity.allowed -= len(self._starts)
        return self._on_instances(wants, FirstFit(()), places)

    def _on_instances(self, wants: Sequence[Want], fit: FirstFit[Bin], places: dict[int, Bin]) -> list[Want]:
        """Note where the placed ones went, try the others first fit, and return those without a place."""
        reasons: dict[str, Reason] = {}
        rest = []
        for number, want in enumerate(wants):
            bin = places.get(number) or fit.place(shape_of(want))
            if bin is None:
                rest.append(want)
            elif isinstance(want, WaitingJob):
                if bin.name not in reasons:
                    since = self.rooms.since[bin.name]
                    told = Reason(Why.INSTANCE_STARTING, {"instance": bin.name, "since": since})
                    reasons[bin.name] = told
                self.reasons[want.key] = reasons[bin.name]
        return rest


def shape_of(want: Want) -> Shape:
    """Return the shape of the task that is wanted."""
    return want.shape if isinstance(want, WaitingJob) else want


def _shapes(wants: Iterable[Want]) -> set[Shape]:
    return {shape_of(want) for want in wants}


def _loaded(bins: Iterable[Bin], wants: Iterable[Want]) -> dict[Shape, list[Bin]]:
    """Reserve, on instances that just came up, room for the tasks that they were started for, as far as these wait.

    First fit would mix them otherwise than the launch did, and the last would find no room. Room alone reserves
    nothing: it is there for whoever comes.
    """
    waiting = Counter(shape_of(want) for want in wants)
    loaded: dict[Shape, list[Bin]] = defaultdict(list)
    for bin in bins:
        for shape, count in bin.load:
            for _ in range(min(count, waiting[shape]) if shape.profile != _ROOM else 0):
                if bin.take(shape):
                    loaded[shape].append(bin)
                    waiting[shape] -= 1
    return loaded


def untouched(bins: Iterable[Bin]) -> set[str]:
    """Return the instances on which a plan placed nothing and which it holds for nobody."""
    return {bin.name for bin in bins if not bin.taken and bin.held_for is None}
