"""The order in which organizations' jobs get what is scarce."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter

from slipway.domain.snapshot import WaitingJob

Accept = Callable[[WaitingJob], bool]


def fair_order(
    jobs: Iterable[WaitingJob],
    running: Mapping[tuple[str, str], int],
    weights: Mapping[str, int],
    accept: Accept = lambda _: True,
) -> list[WaitingJob]:
    """Order waiting jobs by weighted max-min shares: organizations first, then their repositories.

    The next job always comes from the organization that holds the least for its weight, counting what runs
    (``running``, by organization and repository) and what this order already gave; inside it from the
    repository that holds the least; inside that the oldest. A job that ``accept`` refuses is left out and
    charged to nobody, so that a capped repository does not eat its neighbours' turns. Ties end in names and
    keys, so that equal input gives equal order.
    """
    queues = _by_organization(jobs, running)
    heap = [(queue.held / weights.get(name, 1), name) for name, queue in queues.items()]
    heapq.heapify(heap)
    order: list[WaitingJob] = []
    while heap:
        _, name = heapq.heappop(heap)
        job = queues[name].take(accept)
        if job is not None:
            order.append(job)
            heapq.heappush(heap, (queues[name].held / weights.get(name, 1), name))
    return order


def oldest_first(jobs: Iterable[WaitingJob]) -> list[WaitingJob]:
    """Return jobs by their age, equal ones by their keys.

    Keys are compared only where ages are equal: as part of every sort key they are what a plan of many jobs, and
    the garbage collector after it, would spend a fifth of their time on.
    """
    ordered = sorted(jobs, key=attrgetter("queued_at"))
    first = 0
    for place in range(1, len(ordered) + 1):
        if place == len(ordered) or ordered[place].queued_at != ordered[first].queued_at:
            if place - first > 1:
                ordered[first:place] = sorted(ordered[first:place], key=attrgetter("key"))
            first = place
    return ordered


@dataclass(slots=True)
class _Queue:
    """One organization's waiting jobs, by repository; ``held`` counts what it runs and was given."""

    repositories: dict[str, deque[WaitingJob]] = field(default_factory=lambda: defaultdict(deque))
    held: int = 0
    _turns: list[tuple[int, str]] = field(default_factory=list)

    def start(self, running: Mapping[str, int]) -> None:
        """Line the repositories up by what they run."""
        self._turns = [(running.get(name, 0), name) for name in self.repositories]
        heapq.heapify(self._turns)

    def take(self, accept: Accept) -> WaitingJob | None:
        """Take the next job that is accepted; None when there is none left."""
        while self._turns:
            held, name = heapq.heappop(self._turns)
            waiting = self.repositories[name]
            job = waiting.popleft()
            is_accepted = accept(job)
            if waiting:
                heapq.heappush(self._turns, (held + is_accepted, name))
            if is_accepted:
                self.held += 1
                return job
        return None


def _by_organization(jobs: Iterable[WaitingJob], running: Mapping[tuple[str, str], int]) -> dict[str, _Queue]:
    queues: dict[str, _Queue] = defaultdict(_Queue)
    for job in oldest_first(jobs):
        queues[job.organization.lower()].repositories[job.repository.lower()].append(job)
    held: dict[str, Counter[str]] = defaultdict(Counter)
    for (organization, repository), count in running.items():
        held[organization.lower()][repository.lower()] += count
    for name, queue in queues.items():
        queue.held = held[name].total()
        queue.start(held[name])
    return queues
