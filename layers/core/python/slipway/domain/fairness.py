"""The order in which organizations' jobs get what is scarce."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping

from slipway.domain.snapshot import WaitingJob


def fair_order(
    jobs: Iterable[WaitingJob], running: Mapping[tuple[str, str], int], weights: Mapping[str, int]
) -> list[WaitingJob]:
    """Order waiting jobs by weighted max-min shares: organizations first, then their repositories.

    The next job always comes from the organization that holds the least for its weight, counting what runs
    (``running``, by organization and repository) and what this order already gave; inside it from the
    repository that holds the least; inside that the oldest. Ties end in names and keys, so that equal
    input gives equal order.
    """
    queues: dict[str, dict[str, deque[WaitingJob]]] = defaultdict(lambda: defaultdict(deque))
    for job in sorted(jobs, key=lambda job: (job.queued_at, job.key)):
        queues[job.organization.lower()][job.repository.lower()].append(job)
    held: Counter[str] = Counter()
    for (organization, _), count in running.items():
        held[organization.lower()] += count
    merged = {name: _round_robin(name, queue, running) for name, queue in queues.items()}
    heap = [(held[name] / weights.get(name, 1), name) for name in merged]
    heapq.heapify(heap)
    order: list[WaitingJob] = []
    while heap:
        _, name = heapq.heappop(heap)
        order.append(merged[name].popleft())
        held[name] += 1
        if merged[name]:
            heapq.heappush(heap, (held[name] / weights.get(name, 1), name))
    return order


def _round_robin(
    organization: str,
    queues: Mapping[str, deque[WaitingJob]],
    running: Mapping[tuple[str, str], int],
) -> deque[WaitingJob]:
    held = {name: running.get((organization, name), 0) for name in queues}
    heap = [(held[name], name) for name in queues]
    heapq.heapify(heap)
    merged: deque[WaitingJob] = deque()
    while heap:
        count, name = heapq.heappop(heap)
        merged.append(queues[name].popleft())
        if queues[name]:
            heapq.heappush(heap, (count + 1, name))
    return merged
