"""Hosts hold what they have and no more; the fullest that has room is found."""

from __future__ import annotations

import random

import pytest

from local.simulator.policies.baseline_world import Run
from local.simulator.policies.hosts import Host, Rooms
from local.simulator.policies.served import ServedJob
from local.simulator.policies.waiting import WaitingTasks
from slipway.domain.matching import Shape
from slipway.domain.resources import Resources
from tests.support.baselines import BIG, a_baseline_pool, a_simulated_job

POOL = a_baseline_pool()


def a_host(number: int = 0, max_tasks: int = 1_000) -> Host:
    return Host(number, POOL, BIG, 0.0, max_tasks)


def a_run(index: int, size: Resources) -> Run:
    shape = Shape(f"{size.cpu_units}-{size.memory_mib}", size)
    return Run(ServedJob(index, a_simulated_job(), shape, POOL, "image"), 0.0)


def test_a_host_refuses_what_does_not_fit_by_cpu_memory_gpu_or_number() -> None:
    for size in (Resources(8193, 1), Resources(1, 28_673), Resources(1, 1, 1)):
        with pytest.raises(ValueError, match="has no room"):
            a_host().take(a_run(1, size))
    host = a_host(max_tasks=1)
    host.take(a_run(1, Resources(1, 1)))
    with pytest.raises(ValueError, match="has no room"):
        host.take(a_run(2, Resources(1, 1)))


def test_what_is_given_back_is_free_again() -> None:
    host, run = a_host(), a_run(1, BIG.registered)
    host.take(run)
    host.give_back(run)
    assert (host.free, host.is_empty, run.host) == (BIG.registered, True, None)


def test_the_fullest_host_with_room_is_the_one_that_a_search_of_all_finds() -> None:
    rng = random.Random(5)
    hosts = [a_host(number, max_tasks=rng.choice((2, 1_000))) for number in range(20)]
    rooms = Rooms()
    for host in hosts:
        rooms.add(host)
    placed: list[tuple[Host, Run]] = []
    for index in range(400):
        size = Resources(rng.randrange(1, 3_000), rng.randrange(1, 12_000))
        found = rooms.fullest_for(size)
        fitting = [host for host in hosts if host.fits(size)]
        assert found is min(
            fitting, key=lambda h: (h.free.cpu_units, h.free.memory_mib, h.number), default=None
        )
        if found is not None:
            run = a_run(index, size)
            found.take(run)
            rooms.changed(found)
            placed.append((found, run))
        elif placed:
            host, run = placed.pop(rng.randrange(len(placed)))
            host.give_back(run)
            rooms.changed(host)


def test_a_host_that_is_removed_is_not_found() -> None:
    rooms, host = Rooms(), a_host()
    rooms.add(host)
    rooms.remove(host)
    rooms.remove(host)
    rooms.changed(host)
    assert rooms.fullest_for(Resources(1, 1)) is None


def test_the_task_that_has_waited_longest_of_those_that_fit_is_next() -> None:
    waiting, host = WaitingTasks(), a_host()
    too_large, small, later = (
        a_run(1, Resources(9_000, 1)),
        a_run(2, Resources(1, 1)),
        a_run(3, Resources(2, 1)),
    )
    for run in (too_large, small, later):
        waiting.add(run)
    assert waiting.next_for(host) is small
    waiting.remove(small)
    assert waiting.next_for(host) is later
    waiting.remove(later)
    assert waiting.next_for(host) is None
    assert (len(waiting), too_large in waiting, small in waiting) == (1, True, False)
    assert waiting.demand() == {too_large.served.shape: 1}
