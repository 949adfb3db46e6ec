"""docs/recipes/: a test that a page names is there, and a page is for each folder beside it."""

from __future__ import annotations

import re

import pytest

from tests.support.checkout import names_of_tests
from tests.support.repository import ROOT

RECIPES = ROOT / "docs" / "recipes"
PAGES = sorted(page.name for page in RECIPES.glob("*.md"))


def test_each_recipe_has_its_page_which_is_on_the_map() -> None:
    assert [f"{folder.name}.md" for folder in sorted(RECIPES.iterdir()) if folder.is_dir()] == PAGES
    on_the_map = (ROOT / "docs" / "README.md").read_text("utf-8")
    assert [page for page in PAGES if f"](recipes/{page})" not in on_the_map] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_a_recipe_names_exists(page: str) -> None:
    named = set(re.findall(r"`(test_\w+)`", (RECIPES / page).read_text("utf-8")))
    assert named
    assert named - names_of_tests() == set()


@pytest.mark.parametrize("page", PAGES)
def test_a_recipe_says_what_it_answers_and_what_it_does_not(page: str) -> None:
    headings = re.findall(r"^## (.+)$", (RECIPES / page).read_text("utf-8"), re.MULTILINE)
    assert headings[-2:] == ["What it answers", "What it does not"]
