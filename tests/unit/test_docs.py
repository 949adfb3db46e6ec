"""Documents that cannot drift: links, facts, configuration keys, commands."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from local.configuration.model import SlipwayFile
from slipway.domain.delivery import IgnoreReason
from slipway.domain.matching import UnservedReason
from slipway.domain.reasons import Why
from tests.support.repository import ROOT, repository_files
from tests.support.schema_keys import documented_default, documented_keys, keys_of

FACTS = ROOT / "docs" / "facts.md"
FACT_AREAS = (
    "GH|ECS|ECR|EC2|ELB|LOGS|CW|GRAFANA|SNS|SQS|SSM|DDB|LAMBDA|EVENTS|CFN|RUNNER|IAM|IMAGE|KERNEL|PEER"
)
CITATION = re.compile(rf"\[((?:{FACT_AREAS})-[A-Z0-9]+(?:-[A-Z0-9]+)*)\]")
FACT_ROW = re.compile(rf"^\|\s*`?((?:{FACT_AREAS})-[A-Z0-9-]+)`?\s*\|(.*)\|\s*$", re.MULTILINE)
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
FORM_LINK = re.compile(r"/blob/main/([\w./-]+)(?:#([\w-]+))?")
CODE = re.compile(r"^(?:```|~~~).*?^(?:```|~~~)$|`[^`\n]+`", re.MULTILINE | re.DOTALL)


def files(*suffixes: str) -> tuple[Path, ...]:
    return tuple(path for path in repository_files() if path.suffix in suffixes)


def anchors(page: Path) -> set[str]:
    """The anchors which GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> Iterator[str]:
    for target in LINK.findall(CODE.sub("", page.read_text("utf-8"))):
        if target.startswith(("https://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        place = (page.parent / name).resolve() if name else page
        is_there = place.exists() and (not anchor or anchor in anchors(place))
        if not is_there:
            yield f"{page.relative_to(ROOT) if page.is_relative_to(ROOT) else page.name}: {target}"


def test_every_link_between_documents_leads_somewhere() -> None:
    assert [link for page in files(".md") for link in broken_links(page)] == []


def test_every_link_of_an_issue_form_to_a_page_leads_there() -> None:
    forms = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    links = [link for form in forms for link in FORM_LINK.findall(form.read_text("utf-8"))]
    assert links
    gone = [
        name
        for name, anchor in links
        if (anchor and anchor not in anchors(ROOT / name)) or not (ROOT / name).exists()
    ]
    assert gone == []


def test_a_broken_link_or_anchor_is_found(tmp_path: Path) -> None:
    assert "the-promises" in anchors(ROOT / "docs" / "architecture.md")
    assert "keys" in anchors(ROOT / "docs" / "configuration.md")
    page, other = tmp_path / "page.md", tmp_path / "other.md"
    other.write_text("# Here\n", "utf-8")
    page.write_text(
        "# Page\n[a](other.md) [b](other.md#here) [c](#page) [d](https://example.com/none)\n"
        "[e](none.md) [f](other.md#there) [g](#nowhere) `[h](code.md)`\n",
        "utf-8",
    )
    broken = ["none.md", "other.md#there", "#nowhere"]
    assert list(broken_links(page)) == [f"page.md: {target}" for target in broken]


@cache
def facts() -> dict[str, list[str]]:
    """Facts by id, with the cells after the id; an id given twice keeps both rows' cells."""
    rows: dict[str, list[str]] = {}
    for fact, cells in FACT_ROW.findall(FACTS.read_text("utf-8")):
        rows.setdefault(fact, []).extend(cell.strip() for cell in cells.split("|"))
    return rows


def test_every_fact_that_is_cited_is_in_the_list_of_facts() -> None:
    cited: dict[str, str] = {}
    for path in files(".py", ".sh", ".md", ".yaml", ".tf"):
        if path != FACTS:
            for fact in CITATION.findall(path.read_text("utf-8")):
                cited.setdefault(fact, str(path.relative_to(ROOT)))
    assert {fact: place for fact, place in cited.items() if fact not in facts()} == {}


def test_every_fact_is_listed_once_with_a_statement_and_a_public_source() -> None:
    assert facts()
    for fact, cells in facts().items():
        assert len(cells) == 2, f"{fact}: wanted one row of id, statement, source"
        statement, source = cells
        assert statement, fact
        assert source, fact
        assert "../" not in source, f"{fact}: a source must be public"


@cache
def configuration_keys() -> dict[str, str]:
    """Keys of docs/configuration.md with the text of their default."""
    return documented_keys((ROOT / "docs" / "configuration.md").read_text("utf-8"))


def test_every_key_of_the_configuration_is_documented_and_no_other() -> None:
    assert {key for key, _, _ in keys_of(SlipwayFile)} == set(configuration_keys())


def test_the_documented_defaults_are_the_true_ones() -> None:
    wrong = {}
    for key, default, is_required in keys_of(SlipwayFile):
        said, wanted = configuration_keys()[key], documented_default(default, is_required=is_required)
        if wanted is not None and said != wanted:
            wrong[key] = (said, wanted)
    assert wrong == {}


def test_only_required_keys_are_documented_as_required() -> None:
    required = {key for key, _, is_required in keys_of(SlipwayFile) if is_required}
    assert {key for key, default in configuration_keys().items() if default == "-"} == required


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_every_make_target_that_a_page_names_exists_and_is_listed_by_make_help(page: str) -> None:
    listed = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    targets = set(re.findall(r"^  make ([a-z0-9-]+)", listed.stdout, re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z][a-z0-9-]*)", (ROOT / page).read_text("utf-8")))
    assert named
    assert named - {"sure"} <= targets


def test_continuous_integration_runs_the_test_command_of_the_readme() -> None:
    assert "make test" in (ROOT / "README.md").read_text("utf-8")
    assert (ROOT / ".ci" / "run").read_text("utf-8").rstrip().endswith("exec make test")


@pytest.mark.parametrize(
    ("heading", "codes"),
    [("# Why a job waits", {*Why}), ("## Never let in", {*UnservedReason, *IgnoreReason})],
)
def test_every_reason_is_documented_once_with_its_meaning_and_what_to_do(
    heading: str, codes: set[str]
) -> None:
    page = (ROOT / "docs" / "reasons.md").read_text("utf-8")
    text = page.partition(f"{heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+`) \| (.+) \| (.+) \|$", text, re.MULTILINE)
    assert sorted(code for names, *_ in rows for code in re.findall(r"`(\w+)`", names)) == sorted(codes)
    assert all(meaning.strip() and cure.strip() for _, meaning, cure in rows)
