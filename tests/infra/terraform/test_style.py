"""How ``infra/terraform`` is written: five files a module, all of it described, and no page that has drifted from it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[3] / "infra" / "terraform"
MODULES = [".", "modules/function", "modules/network", "modules/pool"]
EXAMPLES = [
    "examples/complete",
    "examples/image-build",
    "examples/image-build/registry",
    "examples/minimal",
    "examples/network",
    "examples/private-clusters",
    "examples/private-clusters/network",
]
FIVE = {"README.md", "main.tf", "outputs.tf", "variables.tf", "versions.tf"}
BLOCK = re.compile(
    r'^(?P<kind>variable|output) "(?P<name>\w+)" \{\n(?P<body>.*?)^\}', re.MULTILINE | re.DOTALL
)


def text_of(folder: str) -> str:
    return "\n".join(path.read_text("utf-8") for path in sorted((SOURCE / folder).glob("*.tf")))


def blocks(folder: str, kind: str) -> dict[str, str]:
    """The variables or outputs of a folder, with what stands in their braces."""
    return {
        found["name"]: found["body"] for found in BLOCK.finditer(text_of(folder)) if found["kind"] == kind
    }


@pytest.mark.parametrize("folder", MODULES)
def test_a_module_has_its_five_files(folder: str) -> None:
    assert {path.name for path in (SOURCE / folder).iterdir()} >= FIVE


def test_every_module_and_example_is_looked_at_here() -> None:
    found = {str(path.parent.relative_to(SOURCE)) for path in SOURCE.rglob("versions.tf")}
    assert found == {*MODULES, *EXAMPLES}


@pytest.mark.parametrize("folder", [*MODULES, *EXAMPLES])
def test_every_variable_has_a_type_and_a_description(folder: str) -> None:
    lacking = {
        name
        for name, body in blocks(folder, "variable").items()
        if not re.search(r"^  type +=", body, re.MULTILINE)
        or not re.search(r'^  description = "', body, re.MULTILINE)
    }
    assert lacking == set()


@pytest.mark.parametrize("folder", [*MODULES, *EXAMPLES])
def test_a_variable_may_be_null_only_where_that_is_its_default(folder: str) -> None:
    """Null given on purpose would replace the default of another."""
    for name, body in blocks(folder, "variable").items():
        is_nullable = not re.search(r"^  nullable +=\s*false", body, re.MULTILINE)
        assert is_nullable == bool(re.search(r"^  default +=\s*null$", body, re.MULTILINE)), name


@pytest.mark.parametrize("folder", [*MODULES, *EXAMPLES])
def test_every_output_is_described(folder: str) -> None:
    assert blocks(folder, "output")
    for name, body in blocks(folder, "output").items():
        assert re.search(r'^  description = "', body, re.MULTILINE), name


@pytest.mark.parametrize("folder", MODULES)
def test_the_readme_names_every_variable_and_output_and_no_other(folder: str) -> None:
    page = (SOURCE / folder / "README.md").read_text("utf-8")
    tables = {
        kind: re.search(rf"\| {title} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", page)
        for kind, title in (("variable", "Variable"), ("output", "Output"))
    }
    for kind, table in tables.items():
        assert table, f"no table of {kind}s"
        cells = [line.split("|")[1] for line in table[1].splitlines()]
        assert set(re.findall(r"`(\w+)`", "".join(cells))) == set(blocks(folder, kind))


def test_the_readme_names_the_true_defaults() -> None:
    page = (SOURCE / "README.md").read_text("utf-8")
    said = {
        name: row[2].strip().strip("`")
        for line in page.splitlines()
        if len(row := line.split("|")) == 5
        for name in re.findall(r"`(\w+)`", row[1])
    }
    for name, body in blocks(".", "variable").items():
        default = re.search(r"^  default +=\s*(.*)$", body, re.MULTILINE)
        wanted = "-" if default is None else {"null": "none"}.get(default[1], default[1])
        if wanted == "{}" and "optional(" in body:
            fields = re.findall(r"^    (\w+) +=\s*optional\(\w+, (\d+)\)", body, re.MULTILINE)
            wanted = "{" + ", ".join(f"{field} = {value}" for field, value in fields) + "}"
        assert said[name] == wanted, name


@pytest.mark.parametrize("folder", MODULES)
def test_a_module_configures_no_provider_and_needs_none_but_amazons(folder: str) -> None:
    text = text_of(folder)
    assert not re.search(r'^provider "', text, re.MULTILINE)
    assert re.findall(r'source += "(hashicorp/\w+|\w+/\w+)"', text) == ["hashicorp/aws"]


def test_every_module_and_example_wants_the_same_versions() -> None:
    assert (
        len({(SOURCE / folder / "versions.tf").read_text("utf-8") for folder in [*MODULES, *EXAMPLES]}) == 1
    )


def test_no_resource_of_a_pool_or_network_forgets_its_region() -> None:
    """Forgotten, it would lie in the home region. IAM has none."""
    for folder in ("modules/pool", "modules/network"):
        for kind, name, body in re.findall(
            r'^(?:resource|data) "(aws_\w+)" "(\w+)" \{\n(.*?)^\}', text_of(folder), re.MULTILINE | re.DOTALL
        ):
            assert kind.startswith("aws_iam_") or re.search(
                r"^  region += var\.region$", body, re.MULTILINE
            ), f"{folder}: {kind}.{name}"
