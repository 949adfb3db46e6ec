"""When a launch template should name a newer release of its AMI."""

from __future__ import annotations

import pytest

from slipway.domain.host_images import HostImage, TemplateVersion, image_to_use
from tests.builders import NOW

DAY = 86_400.0
FIRST = HostImage("ami-1", NOW - 60 * DAY)
SECOND = HostImage("ami-2", NOW - 20 * DAY)
THIRD = HostImage("ami-3", NOW - 8 * DAY)
YOUNG = HostImage("ami-4", NOW - 6.9 * DAY)


def versions(*image_ids: str) -> list[TemplateVersion]:
    return [TemplateVersion(number, image_id) for number, image_id in enumerate(image_ids, start=1)]


@pytest.mark.parametrize("released", [[FIRST, SECOND, THIRD], [THIRD, FIRST, SECOND]])
def test_the_newest_release_that_is_a_week_old_is_chosen_whatever_their_order(
    released: list[HostImage],
) -> None:
    assert image_to_use([*released, YOUNG], versions("ami-1"), NOW) == THIRD


def test_releases_that_follow_each_other_within_a_week_never_keep_an_old_one_in_use_for_ever() -> None:
    weekly = [HostImage(f"ami-{age}", NOW - age * DAY) for age in (21, 15, 9, 3)]
    assert image_to_use(weekly, versions("ami-21"), NOW) == weekly[2]


@pytest.mark.parametrize(
    "in_use",
    [["ami-3"], ["ami-1", "ami-3"], ["ami-0mine"], ["resolve:ssm:/aws/service/ecs"], []],
    ids=["newest", "renewed before", "the operator's own", "looked up by EC2", "no template"],
)
def test_a_template_that_is_right_as_it_is_is_left_alone(in_use: list[str]) -> None:
    assert image_to_use([FIRST, SECOND, THIRD, YOUNG], versions(*in_use), NOW) is None


def test_an_image_that_somebody_went_back_from_is_never_chosen_again_and_the_next_one_is() -> None:
    went_back = versions("ami-1", "ami-2", "ami-1")
    assert image_to_use([FIRST, SECOND], went_back, NOW) is None
    assert image_to_use([FIRST, SECOND, THIRD], went_back, NOW) == THIRD


def test_a_template_never_goes_back_by_itself() -> None:
    assert image_to_use([FIRST, SECOND], versions("ami-2"), NOW) is None


def test_the_order_in_which_versions_are_listed_does_not_matter() -> None:
    assert image_to_use([FIRST, SECOND, THIRD], versions("ami-1", "ami-3")[::-1], NOW) is None
