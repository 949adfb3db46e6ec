"""Which profile serves which labels."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.domain.configuration import Bounds, Profile
from slipway.domain.labels import label_set_key
from slipway.domain.matching import Route, Shape, Unserved, route
from slipway.domain.resources import Resources

SIZE = Resources(2048, 7168)
BOUNDS = Bounds(Resources(1024, 2048), Resources(8192, 28672))
RUN = (501, 2)


def profile(name: str, labels: str, bounds: Bounds | None = None) -> Profile:
    return Profile(name, frozenset(labels.split()), SIZE, "image", f"pool-{name}", bounds=bounds)


PROFILES = {
    item.name: item
    for item in (
        profile("medium", "self-hosted linux x64 medium"),
        profile("gpu", "self-hosted linux x64 gpu cuda12"),
        profile("sized", "self-hosted linux sized", BOUNDS),
        profile("alpha", "tie one"),
        profile("beta", "tie two"),
    )
}


def served_by(*labels: str) -> str:
    found = route(labels, RUN, "acme/web", PROFILES)
    return found.shape.profile if isinstance(found, Route) else found.code


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        (("self-hosted", "linux", "x64", "medium"), "medium"),
        (("medium",), "medium"),
        (("MEDIUM", "Self-Hosted"), "medium"),
        (("self-hosted", "self-hosted", "gpu"), "gpu"),
        (("self-hosted",), "sized"),  # fewest labels more than asked
        (("self-hosted", "x64"), "medium"),
        (("tie",), "alpha"),  # then the first by name
        (("ubuntu-latest",), "no_profile"),
        (("self-hosted", "windows"), "no_profile"),
        (("medium", "gpu"), "no_profile"),
        ((), "no_labels"),
        (("straße",), "labels_unreadable"),
        (("slipway/medium/cpu=4_0",), "labels_unreadable"),
        (("slipway/medium", "linux"), "labels_unreadable"),
        (("slipway/medium",), "medium"),
        (("slipway/unknown",), "no_profile"),
        (("slipway/medium/run=501-2",), "medium"),
        (("slipway/medium/run=501-1",), "run_mismatch"),
        (("slipway/medium/run=502-2",), "run_mismatch"),
    ],
    ids=str,
)
def test_labels_lead_to_a_profile_or_to_a_code(labels: tuple[str, ...], wanted: str) -> None:
    assert served_by(*labels) == wanted


@pytest.mark.parametrize(
    ("label", "wanted"),
    [
        ("slipway/sized/cpu=1/memory=2GiB", Resources(1024, 2048)),
        ("slipway/sized/cpu=8/memory=28GiB", Resources(8192, 28672)),
        ("slipway/sized/cpu=4", Resources(4096, 7168)),
        ("slipway/sized", SIZE),
        ("slipway/medium/cpu=2/memory=7GiB", SIZE),  # its own size may be named without bounds
        ("slipway/sized/cpu=9", None),
        ("slipway/sized/cpu=9999", None),
        ("slipway/sized/memory=1GiB", None),
        ("slipway/sized/cpu=4/memory=29GiB", None),
        ("slipway/medium/cpu=4", None),  # no bounds: nothing but its own size
    ],
)
def test_a_size_is_sold_within_bounds_only(label: str, wanted: Resources | None) -> None:
    found = route([label], RUN, "acme/web", PROFILES)
    if wanted is None:
        assert isinstance(found, Unserved)
        assert found.code == "size_out_of_bounds"
    else:
        assert isinstance(found, Route)
        assert found.shape.size == wanted


def test_a_route_names_shape_pool_and_label_key() -> None:
    found = route(["medium"], RUN, "acme/web", PROFILES)
    assert isinstance(found, Route)
    assert found.shape == Shape("medium", SIZE)
    assert found.pool == "pool-medium"
    assert found.label_key == label_set_key(["MEDIUM"])


@given(st.permutations(sorted(PROFILES)), st.lists(st.sampled_from("self-hosted linux x64 tie gpu".split())))
def test_the_order_of_profiles_does_not_change_the_route(order: list[str], labels: list[str]) -> None:
    shuffled = {name: PROFILES[name] for name in order}
    assert route(labels, RUN, "acme/web", shuffled) == route(labels, RUN, "acme/web", PROFILES)


@given(st.lists(st.text(max_size=30), max_size=6), st.tuples(st.integers(), st.integers()))
def test_any_labels_get_a_route_or_a_code(labels: list[str], run: tuple[int, int]) -> None:
    found = route(labels, run, "acme/web", PROFILES)
    if isinstance(found, Unserved):
        assert found.code in {
            "no_labels",
            "no_profile",
            "labels_unreadable",
            "size_out_of_bounds",
            "run_mismatch",
        }
    else:
        assert found.shape.profile in PROFILES


@pytest.mark.parametrize(
    ("repository", "wanted"),
    [
        ("acme/web", "medium"),
        ("Acme/Web", "medium"),
        ("acme/etl", "gpu"),  # a repository's rule goes before its organization's
        ("globex/web", "no_labels"),
        ("acme-labs/web", "no_labels"),
    ],
)
def test_a_job_without_labels_goes_where_a_rule_for_it_says(repository: str, wanted: str) -> None:
    """[GH-WJ-9]"""
    profiles = {
        **PROFILES,
        "medium": replace(PROFILES["medium"], unlabelled_jobs_of=frozenset({"acme"})),
        "gpu": replace(PROFILES["gpu"], unlabelled_jobs_of=frozenset({"acme/etl"})),
    }
    found = route([], RUN, repository, profiles)
    assert (found.shape.profile if isinstance(found, Route) else found.code) == wanted
