"""Which environments exist and which do not, case by case."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from slipway.domain.environments.found import ForeignRule, Found, FoundRule, FoundTargetGroup
from slipway.domain.environments.names import LAST_PRIORITY, EnvironmentKey
from slipway.domain.environments.plan import Make
from slipway.domain.environments.planner import GONE_SECONDS, RULES_OF_A_LOAD_BALANCER, plan, wanted_images
from slipway.domain.environments.reasons import Why
from slipway.domain.environments.spec import spec_of
from tests.support.environments import DAY, HOUR, MINUTE, World, a_pull, a_template, reasons, settings

WEB_1 = EnvironmentKey("acme/web", 1)


def why(world: World, key: EnvironmentKey = WEB_1) -> Why | None:
    """Return the reason of one pull request after everything came to rest."""
    return world.settle().reasons.get(key)


def test_a_labelled_pull_request_with_an_image_has_an_environment_until_it_is_closed() -> None:
    world = World()
    world.open(a_pull())
    assert why(world) is Why.READY
    assert world.served() == {WEB_1}
    del world.pulls[WEB_1]
    assert why(world) is None
    assert (world.found, world.notes) == ({}, {})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"labels": frozenset()}, None),
        ({"is_draft": True}, Why.DRAFT),
        ({"is_fork": True}, Why.FORK),
        ({"is_fork": True, "labels": frozenset({"preview", "preview-keep"})}, Why.FORK),
    ],
    ids=["no label", "draft", "fork", "a fork with every label"],
)
def test_a_gate_that_closes_takes_the_environment_away(changes: dict[str, Any], reason: Why | None) -> None:
    world = World()
    world.open(a_pull(**changes))
    assert why(world) is reason
    assert world.found == {}
    world.open(a_pull())
    assert why(world) is Why.READY
    world.open(a_pull(**changes))
    assert why(world) is reason
    assert world.found == {}


def test_drafts_have_environments_where_it_is_said() -> None:
    world = World(settings(drafts=True))
    world.open(a_pull(is_draft=True))
    assert why(world) is Why.READY


def test_the_label_s_case_is_ignored() -> None:
    world = World(settings(label="Preview"))
    world.open(a_pull())
    assert why(world) is Why.READY


def test_an_environment_waits_for_its_image_and_keeps_the_old_one_meanwhile() -> None:
    world = World()
    world.open(a_pull(), image=False)
    assert why(world) is Why.IMAGE_AWAITED
    assert world.found == {}
    world.open(a_pull())
    assert why(world) is Why.READY
    before = world.found[spec_of(a_pull(), world.settings).name].service
    world.open(a_pull(commit="b" * 40), image=False)
    assert why(world) is Why.OUTDATED
    assert world.found[spec_of(a_pull(), world.settings).name].service == before
    world.open(a_pull(commit="b" * 40))
    assert why(world) is Why.READY
    found = world.found[spec_of(a_pull(), world.settings).name]
    assert found.service is not None
    assert found.service.family == spec_of(a_pull(commit="b" * 40), world.settings).family
    assert found.families == {found.service.family}, "the old task definition is gone too"


def test_a_template_that_changes_renews_the_environment() -> None:
    world = World()
    world.open(a_pull())
    world.settle()
    changed = a_template("acme/web", cpu_units=512, memory_mib=1024)
    world.settings = replace(
        world.settings, repositories={**world.settings.repositories, "acme/web": changed}
    )
    decided = world.run()
    assert [make.deploys for make in decided.makes] == [True]
    assert why(world) is Why.READY


def test_time_to_live_ends_it_a_push_brings_it_back_and_the_label_keeps_it() -> None:
    world = World()
    world.open(a_pull())
    world.settle()
    world.wait(3 * DAY)
    assert why(world) is Why.EXPIRED
    assert world.found == {}
    world.open(a_pull(commit="b" * 40))
    assert why(world) is Why.READY
    world.open(a_pull(commit="b" * 40, labels=frozenset({"preview", "preview-keep"})))
    world.wait(30 * DAY)
    assert why(world) is Why.READY


def test_taking_the_label_off_and_on_begins_its_time_anew() -> None:
    world = World()
    world.open(a_pull())
    world.settle()
    world.wait(3 * DAY)
    assert why(world) is Why.EXPIRED
    world.open(a_pull(labels=frozenset()))
    world.settle()
    world.open(a_pull())
    assert why(world) is Why.READY


def test_an_image_that_never_comes_is_given_up_in_time() -> None:
    world = World()
    world.open(a_pull(), image=False)
    world.settle()
    world.wait(3 * DAY)
    assert why(world) is Why.EXPIRED


def test_what_cannot_start_is_removed_after_the_stated_age_and_tried_again_with_the_next_commit() -> None:
    world = World()
    world.open(a_pull())
    world.broken.add(spec_of(a_pull(), world.settings).family)
    assert why(world) is Why.FAILING
    assert world.served() == {WEB_1}
    world.wait(30 * MINUTE)
    assert why(world) is Why.UNHEALTHY
    assert world.found == {}
    world.wait(DAY)
    assert why(world) is Why.UNHEALTHY
    world.open(a_pull(commit="b" * 40))
    assert why(world) is Why.READY


def test_an_old_commit_that_stopped_running_does_not_spend_the_new_one_s_chance() -> None:
    world = World()
    world.open(a_pull())
    world.settle()
    world.broken.add(spec_of(a_pull(), world.settings).family)
    world.open(a_pull(commit="b" * 40), image=False)
    world.wait(MINUTE)
    world.run()
    world.wait(31 * MINUTE)
    assert why(world) is Why.IMAGE_AWAITED
    world.open(a_pull(commit="b" * 40))
    assert why(world) is Why.READY


def test_a_task_that_starts_in_time_is_left_alone() -> None:
    world = World()
    world.open(a_pull())
    family = spec_of(a_pull(), world.settings).family
    world.broken.add(family)
    world.settle()
    world.broken.discard(family)
    world.wait(HOUR)
    assert why(world) is Why.READY


@pytest.mark.parametrize(
    ("host", "priority", "is_taken"),
    [
        ("web-pr1.pr-env.example.com", 49_000, False),
        ("web-pr1.pr-env.example.com", 10, True),
        ("*.pr-env.example.com", 10, True),
        ("*.pr-env.example.com", LAST_PRIORITY + 1, False),
        ("web-pr12.pr-env.example.com", 10, False),
    ],
)
def test_a_host_name_that_something_else_answers_for_is_left_to_it(
    host: str, priority: int, *, is_taken: bool
) -> None:
    world = World()
    world.foreign = (ForeignRule((host,), priority),)
    world.open(a_pull())
    assert why(world) is (Why.HOST_TAKEN if is_taken else Why.READY)
    world.foreign = ()
    assert why(world) is Why.READY


def test_a_load_balancer_at_its_limit_of_rules_gives_a_reason_and_nothing_is_left_over() -> None:
    world = World()
    others = [ForeignRule((f"other{n}.example.com",), n) for n in range(1, RULES_OF_A_LOAD_BALANCER)]
    world.foreign = tuple(others)
    world.open(a_pull(1), a_pull(2))
    assert reasons(world.settle()) == {1: "ready", 2: "rule_limit"}
    assert len(world.found) == 1
    world.foreign = tuple(others[1:])
    assert reasons(world.settle()) == {1: "ready", 2: "ready"}


def test_a_repository_that_vanished_keeps_its_environments_for_an_hour() -> None:
    world = World()
    world.open(a_pull(), a_pull(7, "acme/api"))
    world.settle()
    world.gone.add("acme/web")
    world.settle()
    assert len(world.served()) == 2
    world.wait(GONE_SECONDS)
    world.settle()
    assert world.served() == {EnvironmentKey("acme/api", 7)}
    world.gone.clear()
    world.settle()
    assert len(world.served()) == 2
    assert EnvironmentKey("acme/web", 0) not in world.notes


def test_a_repository_that_came_back_in_time_loses_nothing() -> None:
    world = World()
    world.open(a_pull())
    world.settle()
    world.gone.add("acme/web")
    world.settle()
    world.gone.clear()
    world.settle()
    world.wait(GONE_SECONDS)
    world.gone.add("acme/web")
    world.settle()
    assert world.served() == {WEB_1}


def test_a_repository_that_cannot_be_read_stays_as_it_is() -> None:
    world = World()
    world.open(a_pull(), a_pull(2))
    world.settle()
    world.unreadable.add("acme/web")
    del world.pulls[WEB_1]
    world.wait(10 * DAY)
    world.settle()
    assert len(world.served()) == 2
    world.unreadable.clear()
    world.settle()
    assert WEB_1 not in world.served()


def test_a_repository_that_is_configured_no_longer_loses_its_environments() -> None:
    world = World()
    world.open(a_pull())
    world.settle()
    world.settings = settings("acme/api")
    world.settle()
    assert (world.found, world.notes) == ({}, {})


def test_a_run_for_one_repository_leaves_the_others_alone() -> None:
    world = World()
    world.open(a_pull(), a_pull(2, "acme/api"))
    world.settle()
    world.pulls.clear()
    world.run("acme/api")
    assert world.served() == {WEB_1}


def test_a_run_for_one_repository_forgets_nothing_of_the_others() -> None:
    world = World()
    world.open(a_pull(1, is_fork=True), a_pull(2, is_draft=True), a_pull(3, "acme/api"))
    world.settle()
    before = dict(world.notes)
    world.run("acme/api")
    assert world.notes.keys() == before.keys()


def test_what_nobody_owns_goes_once_every_repository_was_read() -> None:
    world = World()
    orphan = Found("slipway-pr000000000", target_group=FoundTargetGroup("group/x", "/"))
    world.found[orphan.name] = orphan
    world.run("acme/web")
    assert orphan.name in world.found
    world.run()
    assert world.found == {}


def test_half_of_an_environment_is_completed() -> None:
    world = World()
    world.open(a_pull())
    spec = spec_of(a_pull(), world.settings)
    world.found[spec.name] = Found(spec.name, spec.key, log_group=spec.log_group)
    assert why(world) is Why.READY


def test_a_rule_of_another_host_name_is_replaced() -> None:
    world = World()
    world.open(a_pull())
    world.settle()
    world.settings = replace(world.settings, domain="previews.example.com")
    decided = world.run()
    assert decided.makes[0].priority is not None
    assert why(world) is Why.READY
    (found,) = world.found.values()
    assert [rule.host for rule in found.rules] == ["web-pr1.previews.example.com"]


def test_a_service_that_still_drains_is_waited_for() -> None:
    world = World()
    world.open(a_pull())
    world.settle()
    world.open(a_pull(labels=frozenset()))
    world.run()
    world.open(a_pull())
    assert world.run().reasons == {WEB_1: Why.CLOSING}
    assert why(world) is Why.READY


def test_an_image_is_asked_for_only_where_it_would_change_something() -> None:
    world = World()
    world.open(a_pull(1), a_pull(2, labels=frozenset()), a_pull(3, is_fork=True))
    assert wanted_images(world.snapshot(), world.settings) == {spec_of(a_pull(1), world.settings).image}
    world.settle()
    assert wanted_images(world.snapshot(), world.settings) == frozenset()


def test_two_rules_for_one_host_are_one_too_many() -> None:
    world = World()
    world.open(a_pull())
    world.settle()
    (found,) = world.found.values()
    twice = replace(found, rules=(*found.rules, FoundRule("rule/again", found.rules[0].host, 3)))
    world.found[found.name] = twice
    (make,) = plan(world.snapshot(), world.settings).makes
    assert isinstance(make, Make)
    assert make.is_needed
