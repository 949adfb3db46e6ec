"""The cheapest new instances for many tasks at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.domain.filling import Filling, content_of, fill_cheaply, resource_prices
from slipway.domain.intents import Offering
from slipway.domain.matching import Shape
from slipway.domain.offerings import HostSize
from slipway.domain.resources import NOTHING, Resources

TASK = Shape("medium", Resources(2, 4))
CPU_HEAVY, MEMORY_HEAVY = Shape("build", Resources(4, 2)), Shape("test", Resources(4, 30))
GPU_TASK = Shape("gpu", Resources(2, 4, 1))


def a_host(name: str, room: Resources, usd: float, max_tasks: int = 1_000) -> HostSize:
    return HostSize(room, max_tasks, usd, (Offering(name, "a"),))


COMPUTE = a_host("compute", Resources(16, 32), 0.68)
BALANCED = a_host("balanced", Resources(16, 64), 0.80)
MEMORY = a_host("memory", Resources(16, 128), 1.06)
GPU = a_host("gpu", Resources(16, 64, 2), 2.40)


@dataclass(frozen=True, slots=True)
class Problem:
    """Tasks that are wanted, and hosts of which at least one holds each of them."""

    wanted: Mapping[Shape, int]
    hosts: tuple[HostSize, ...]


@st.composite
def problems(draw: st.DrawFn, most_of_a_shape: int = 200, most_shapes: int = 5) -> Problem:
    """Return a problem; a host that holds every shape is added where another would be missing."""
    amounts = st.builds(Resources, st.integers(1, 8), st.integers(1, 8), st.sampled_from([0, 0, 0, 1, 2]))
    sizes = draw(st.lists(amounts, min_size=1, max_size=most_shapes))
    rooms = st.builds(Resources, st.integers(1, 99), st.integers(1, 99), st.sampled_from([0, 4, 40]))
    prices, counts = st.integers(1, 20), st.integers(1, 60)
    hosts = [
        a_host(f"h{number}", room, price, most)
        for number, (room, price, most) in enumerate(
            draw(st.lists(st.tuples(rooms, prices, counts), max_size=3))
        )
    ]
    if not all(any(size.fits(host.room) for host in hosts) for size in sizes):
        hosts.append(a_host("largest", Resources(16, 16, 4), draw(prices), draw(counts)))
    wanted = {
        Shape(f"p{number}", size): draw(st.integers(1, most_of_a_shape)) for number, size in enumerate(sizes)
    }
    return Problem(wanted, tuple(sorted(hosts, key=lambda host: host.usd_per_hour)))


def cost(fillings: Sequence[Filling]) -> float:
    return sum(filling.host.usd_per_hour * filling.times for filling in fillings)


def bound(problem: Problem) -> float:
    """Return what CPU and memory of all tasks cost at the prices that no packing beats."""
    total = content_of(tuple(problem.wanted.items()))
    per_cpu, per_mib = resource_prices(total, problem.hosts)
    return per_cpu * total.cpu_units + per_mib * total.memory_mib


def cheapest_packing(problem: Problem) -> float:
    """Try every way of sharing the tasks out, each group on the cheapest host that holds it."""
    tasks = list(Counter(problem.wanted).elements())

    def price(group: Sequence[Shape]) -> float:
        content = sum((shape.size for shape in group), NOTHING)
        return min(
            host.usd_per_hour if content.fits(host.room) and len(group) <= host.max_tasks else float("inf")
            for host in problem.hosts
        )

    def best(number: int, groups: list[list[Shape]]) -> float:
        if number == len(tasks):
            return sum(map(price, groups))
        task = tasks[number]
        choices = [
            [*groups[:place], [*groups[place], task], *groups[place + 1 :]] for place in range(len(groups))
        ]
        return min(best(number + 1, choice) for choice in [*choices, [*groups, [task]]])

    return best(0, [])


@given(problems())
def test_every_wanted_task_is_in_exactly_one_instance(problem: Problem) -> None:
    found = Counter[Shape]()
    for filling in fill_cheaply(problem.wanted, problem.hosts):
        assert filling.times >= 1
        for shape, count in filling.load:
            found[shape] += count * filling.times
    assert found == problem.wanted


@given(problems())
def test_no_instance_is_given_more_than_it_holds(problem: Problem) -> None:
    for filling in fill_cheaply(problem.wanted, problem.hosts):
        assert filling.host in problem.hosts
        assert filling.content == sum(
            (shape.size for shape, count in filling.load for _ in range(count)), NOTHING
        )
        assert filling.content.fits(filling.host.room)
        assert 1 <= sum(count for _, count in filling.load) <= filling.host.max_tasks


@given(st.data(), problems())
def test_the_order_in_which_tasks_are_named_changes_nothing(data: st.DataObject, problem: Problem) -> None:
    turned = dict(data.draw(st.permutations(list(problem.wanted.items()))))
    assert fill_cheaply(turned, problem.hosts) == fill_cheaply(problem.wanted, problem.hosts)


@given(problems(most_of_a_shape=1, most_shapes=5))
def test_the_bound_is_never_above_the_optimum_nor_the_optimum_above_the_result(problem: Problem) -> None:
    optimum = cheapest_packing(problem)
    assert bound(problem) <= optimum * (1 + 1e-6)
    assert optimum <= cost(fill_cheaply(problem.wanted, problem.hosts)) * (1 + 1e-6)


@given(problems())
def test_the_bound_is_never_above_what_many_tasks_cost(problem: Problem) -> None:
    assert bound(problem) <= cost(fill_cheaply(problem.wanted, problem.hosts)) * (1 + 1e-6)


def cheapest_purchase_by_the_fraction(total: Resources, hosts: Sequence[HostSize]) -> float:
    """Try every one and every two types, in amounts that need not be whole: two needs, so two types suffice."""
    costs = [
        host.usd_per_hour
        * max(total.cpu_units / host.room.cpu_units, total.memory_mib / host.room.memory_mib)
        for host in hosts
    ]
    for one, other in combinations(hosts, 2):
        a, b, c, d = one.room.cpu_units, other.room.cpu_units, one.room.memory_mib, other.room.memory_mib
        if a * d != b * c:
            of_one = (total.cpu_units * d - total.memory_mib * b) / (a * d - b * c)
            of_other = (total.memory_mib * a - total.cpu_units * c) / (a * d - b * c)
            if of_one >= 0 and of_other >= 0:
                costs.append(of_one * one.usd_per_hour + of_other * other.usd_per_hour)
    return min(costs)


@given(problems())
def test_the_bound_is_what_the_cheapest_purchase_by_the_fraction_costs(problem: Problem) -> None:
    total = content_of(tuple(problem.wanted.items()))
    assert bound(problem) == pytest.approx(cheapest_purchase_by_the_fraction(total, problem.hosts))


@given(problems())
def test_at_the_bounds_prices_no_host_holds_more_than_it_costs(problem: Problem) -> None:
    total = content_of(tuple(problem.wanted.items()))
    per_cpu, per_mib = resource_prices(total, problem.hosts)
    assert min(per_cpu, per_mib) >= 0
    for host in problem.hosts:
        worth = per_cpu * host.room.cpu_units + per_mib * host.room.memory_mib
        assert worth <= host.usd_per_hour * (1 + 1e-6)


def test_the_bound_is_what_full_instances_cost() -> None:
    problem = Problem({TASK: 800}, (COMPUTE,))
    assert bound(problem) == pytest.approx(cost(fill_cheaply(problem.wanted, problem.hosts)))
    assert bound(problem) == pytest.approx(100 * 0.68)


@given(st.integers(1, 5_000), st.integers(1, 200), st.integers(1, 400), st.integers(1, 400))
def test_equal_tasks_on_one_type_take_no_instance_more_than_division_says(
    tasks: int, most: int, cpu: int, mib: int
) -> None:
    room = Resources(cpu + 2, mib + 4)
    each = min(room.cpu_units // 2, room.memory_mib // 4, most)
    fillings = fill_cheaply({TASK: tasks}, [a_host("only", room, 1.0, most)])
    assert sum(filling.times for filling in fillings) == ceil(tasks / each)
    assert len(fillings) <= 2  # full ones, and the last one


@pytest.mark.parametrize(
    ("tasks", "types"),
    [(1, {"small": 1}), (4, {"small": 1}), (8, {"large": 1}), (12, {"large": 1, "small": 1})],
    ids=["one task", "the small one full", "the large one full", "both full"],
)
@pytest.mark.parametrize(
    "size", [Resources(2, 1), Resources(1, 4)], ids=["CPU is scarce", "memory is scarce"]
)
def test_the_cheaper_type_is_taken_when_it_holds_all(
    size: Resources, tasks: int, types: dict[str, int]
) -> None:
    small, large = a_host("small", Resources(8, 16), 0.41), a_host("large", Resources(16, 32), 0.80)
    assert by_type(fill_cheaply({Shape("any", size): tasks}, [small, large])) == types


def test_of_equally_good_types_the_larger_is_taken_for_fewer_instances() -> None:
    small, large = a_host("small", Resources(8, 16), 0.4), a_host("large", Resources(16, 32), 0.8)
    assert by_type(fill_cheaply({TASK: 16}, [small, large])) == {"large": 2}


def test_cpu_and_memory_heavy_tasks_go_together_on_a_balanced_type_when_that_is_cheaper() -> None:
    """Two of one and two of the other fill a balanced one exactly; apart they leave memory or CPU unused."""
    wanted = {CPU_HEAVY: 20, MEMORY_HEAVY: 20}
    together = fill_cheaply(wanted, [COMPUTE, BALANCED, MEMORY])
    assert by_type(together) == {"balanced": 10}
    apart = cost(fill_cheaply({CPU_HEAVY: 20}, [COMPUTE])) + cost(fill_cheaply({MEMORY_HEAVY: 20}, [MEMORY]))
    assert cost(together) < apart


@pytest.mark.parametrize(
    ("task", "host"), [(CPU_HEAVY, "compute"), (MEMORY_HEAVY, "memory")], ids=["CPU", "memory"]
)
def test_tasks_of_one_kind_alone_go_on_the_type_made_for_them(task: Shape, host: str) -> None:
    assert set(by_type(fill_cheaply({task: 64}, [COMPUTE, BALANCED, MEMORY]))) == {host}


@pytest.mark.parametrize(
    ("one", "other"),
    [(Resources(5, 1), Resources(1, 4)), (Resources(1, 5), Resources(4, 1))],
    ids=["more CPU", "more memory"],
)
def test_a_host_is_not_filled_with_tasks_that_leave_one_resource_unused(
    one: Resources, other: Resources
) -> None:
    """Two of the smaller kind fit as well, but then none of the larger does."""
    wanted = {Shape("one", one): 10, Shape("other", other): 10}
    assert by_type(fill_cheaply(wanted, [a_host("only", Resources(8, 8), 1.0)])) == {"only": 10}


def test_a_load_names_the_largest_tasks_first() -> None:
    sizes = [Resources(1, 3), Resources(2, 1), Resources(1, 1)]
    [filling] = fill_cheaply({Shape("any", size): 1 for size in sizes[::-1]}, [COMPUTE])
    assert [shape.size for shape, _ in filling.load] == [sizes[1], sizes[0], sizes[2]]


def test_gpu_tasks_go_on_gpu_hosts_and_the_others_on_cheaper_ones() -> None:
    fillings = fill_cheaply({GPU_TASK: 6, TASK: 64}, [COMPUTE, GPU])
    for filling in fillings:
        has_gpu_tasks = any(shape == GPU_TASK for shape, _ in filling.load)
        assert (filling.host is GPU) is has_gpu_tasks
    assert by_type(fillings)["gpu"] == 3


def test_nothing_wanted_asks_for_nothing() -> None:
    assert fill_cheaply({}, [COMPUTE]) == []
    assert fill_cheaply({TASK: 0}, [COMPUTE]) == []


def test_a_task_that_no_host_holds_is_an_error_not_an_endless_search() -> None:
    with pytest.raises(ValueError, match="no host holds any of gpu-2-4"):
        fill_cheaply({GPU_TASK: 1}, [COMPUTE])


def by_type(fillings: Sequence[Filling]) -> dict[str, int]:
    counts = Counter[str]()
    for filling in fillings:
        counts[filling.host.offerings[0].instance_type] += filling.times
    return dict(counts)
