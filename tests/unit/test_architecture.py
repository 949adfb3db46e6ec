"""The direction of imports (docs/architecture.md), proved from the sources."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "layers" / "core" / "python"
STDLIB = frozenset(sys.stdlib_module_names)
TYPE_STUBS = ("mypy_boto3_", "types_boto3_")


@dataclass(frozen=True)
class Arrow:
    """An import: the part of the house that has it, the part or package it reaches, where."""

    source: str
    target: str
    place: str


COMPOSITION = frozenset(
    {
        "slipway.wiring",
        "slipway.config",
        "slipway.services",
        "slipway.adapters",
        "slipway.ports",
        "slipway.domain",
        "slipway.telemetry",
    }
)

# Part of the house -> what it may reach. `third party` is any package outside the standard library.
ALLOWED: dict[str, frozenset[str]] = {
    "slipway.domain": frozenset({"slipway.domain"}),
    "slipway.ports": frozenset({"slipway.ports", "slipway.domain"}),
    "slipway.telemetry": frozenset({"slipway.domain"}),
    "slipway.services": frozenset(
        {"slipway.services", "slipway.ports", "slipway.domain", "slipway.telemetry"}
    ),
    # Adapters take their credentials and endpoints as config.AwsAccess; they never read the environment.
    "slipway.adapters": frozenset(
        {
            "slipway.adapters",
            "slipway.ports",
            "slipway.domain",
            "slipway.telemetry",
            "slipway.config",
            "third party",
        }
    ),
    "slipway.config": frozenset({"slipway.domain"}),
    "slipway.wiring": COMPOSITION,
    "slipway.bootstrap": COMPOSITION | {"slipway.bootstrap", "slipway.wiring"},
    "functions": frozenset(
        {"slipway.bootstrap", "slipway.services", "slipway.domain", "slipway.ports", "slipway.telemetry"}
        | {"aws_lambda_powertools", "functions"}
    ),
    # The twin knows AWS and GitHub, not Slipway: sharing code would share its mistakes.
    "local.twin": frozenset({"local.twin", "third party"}),
    "local.slipway_cli": frozenset(
        {"local", "slipway.config", "slipway.domain", "slipway.telemetry", "third party"}
    ),
}

# local/ from the bottom up: a part reaches those of the rows above its own, so that no two need each other.
LOCAL = (
    {"words", "catalogue", "twin", "memory_ledger", "costs", "operator_account"},
    {"configuration", "operating", "permissions"},
    {"infrastructure", "planning", "live_check"},
    {"containers", "doctor", "infra_check", "packages", "reports", "twin_deployment"},
    {"live", "explain"},
    {"simulator"},
    {"demo"},
    {"slipway_cli"},
)


def modules_under(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def part_of(module: str) -> str:
    names = module.split(".")
    if names[0] == "slipway":
        return ".".join(names[:2])
    if names[0] == "local":
        return ".".join(names[:2]) if names[1:2] == ["twin"] else "local"
    return names[0]


def imported_modules(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import; write the whole name"
            if node.module in ("slipway", "local"):  # `from slipway import bootstrap` names the part last
                yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)
            elif node.module:
                yield node.module, node.lineno


def arrows() -> list[Arrow]:
    found = []
    for path in modules_under(CORE / "slipway", ROOT / "functions", ROOT / "local"):
        base = CORE if path.is_relative_to(CORE) else ROOT
        module = ".".join(path.relative_to(base).with_suffix("").parts).removesuffix(".__init__")
        source = next((part for part in ALLOWED if module == part or module.startswith(f"{part}.")), None)
        if source is None:
            continue  # the package roots, and parts of local/ that may reach everything (the demo)
        for target, line in imported_modules(path):
            root = target.split(".")[0]
            if root not in STDLIB and not root.startswith(TYPE_STUBS):
                found.append(Arrow(source, part_of(target), f"{path.relative_to(ROOT)}:{line}"))
    return found


def is_allowed(arrow: Arrow) -> bool:
    allowed = ALLOWED[arrow.source]
    is_ours = arrow.target.split(".")[0] in ("slipway", "functions", "local", "tests")
    return arrow.target in allowed or (not is_ours and "third party" in allowed)


def test_every_import_follows_an_arrow_of_the_architecture() -> None:
    wrong = [
        f"{arrow.place}: {arrow.source} -> {arrow.target}" for arrow in arrows() if not is_allowed(arrow)
    ]
    assert wrong == []


def test_the_arrows_are_read_at_all() -> None:
    pairs = {(arrow.source, arrow.target) for arrow in arrows()}
    assert {("slipway.domain", "slipway.domain"), ("slipway.config", "slipway.domain")} <= pairs


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("slipway.domain", "botocore"),
        ("slipway.domain", "slipway.ports"),
        ("slipway.services", "slipway.adapters"),
        ("slipway.services", "httpx"),
        ("slipway.adapters", "slipway.services"),
        ("slipway.bootstrap", "botocore"),
        ("functions", "slipway.adapters"),
        ("functions", "local"),
        ("local.twin", "slipway.domain"),
    ],
)
def test_an_arrow_outwards_is_refused(source: str, target: str) -> None:
    assert not is_allowed(Arrow(source, target, "-"))


def local_arrows() -> Iterator[tuple[str, str, str]]:
    """Every import of one part of local/ by another: who, whom, where."""
    for path in modules_under(ROOT / "local"):
        source = path.relative_to(ROOT / "local").with_suffix("").parts[0]
        for target, line in imported_modules(path):
            names = target.split(".")
            if names[0] == "local" and names[1:] and names[1] != source:
                yield source, names[1], f"{path.relative_to(ROOT)}:{line}"


def test_the_parts_of_local_stand_on_each_other_in_one_order() -> None:
    row = {part: number for number, parts in enumerate(LOCAL) for part in parts}
    found = list(local_arrows())
    assert ("demo", "twin") in {(source, target) for source, target, _ in found}
    wrong = [
        f"{place}: {source} -> {target}" for source, target, place in found if row[source] <= row[target]
    ]
    assert wrong == []


def test_every_part_of_local_has_its_row() -> None:
    parts = {
        path.stem
        for path in (ROOT / "local").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert parts - {"__init__"} == set().union(*LOCAL)


def environment_reads(path: Path) -> list[int]:
    lines = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv"):
            lines.append(node.lineno)
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            lines += [node.lineno for alias in node.names if alias.name in ("environ", "environb", "getenv")]
    return lines


def test_config_is_the_only_reader_of_the_environment() -> None:
    readers = {
        str(path.relative_to(ROOT))
        for path in modules_under(CORE / "slipway", ROOT / "functions")
        if environment_reads(path)
    }
    assert readers == {"layers/core/python/slipway/config.py"}


# No logging in the domain either: what was decided is in the plan, and whoever applies it tells of it.
IMPURE_MODULES = frozenset(
    {"os", "time", "random", "uuid", "secrets", "socket", "subprocess", "pathlib", "logging"}
)


def impurities(path: Path, modules: frozenset[str] = IMPURE_MODULES) -> list[str]:
    found = [
        f"{path.name}:{line} imports {module}"
        for module, line in imported_modules(path)
        if module.split(".")[0] in modules
    ]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            called = (owner.id, node.func.attr) if isinstance(owner, ast.Name) else ("", "")
            if called in {("datetime", "now"), ("datetime", "utcnow"), ("date", "today")}:
                found.append(f"{path.name}:{node.lineno} reads the clock")
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("open", "print")
        ):
            found.append(f"{path.name}:{node.lineno} calls {node.func.id}")
    return found


def test_the_domain_has_no_clock_no_chance_no_environment_and_no_files() -> None:
    assert [fault for path in modules_under(CORE / "slipway" / "domain") for fault in impurities(path)] == []


def test_services_are_given_time_ids_and_randomness() -> None:
    modules = IMPURE_MODULES - {"logging"}
    services = modules_under(CORE / "slipway" / "services")
    assert [fault for path in services for fault in impurities(path, modules)] == []
