"""Handlers decode, call and encode: what importing them does, how much of them there is, what they bring along."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from tests.deliveries import compiled
from tests.support.checkout import IMPORT_PATH
from tests.support.environments import compiled_settings

ROOT = Path(__file__).parents[3]
FUNCTIONS = ("webhook", "scaler", "registrar", "reaper", "redelivery", "environments", "reach")
# What botocore imports itself when its first client is made: where the certificates lie.
DRAWN_IN = {"certifi", "certifi.core"}
NEVER_DEPLOYED = {"pydantic", "rich", "moto", "local", "tests", "pytest", "yaml", "awslambdaric"}
BUILDERS = {
    "scaler": "scale",
    "registrar": "runner_api",
    "reaper": "reap",
    "redelivery": "repair",
    "environments": "reconcile_environments",
}
ENVIRONMENT = {
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "made-up",
    "SLIPWAY_TABLE": "slipway",
    "SLIPWAY_ACCOUNT_ID": "111122223333",
    "SLIPWAY_JOBS_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/111122223333/jobs",
    "SLIPWAY_EVENTS_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/111122223333/events",
    "SLIPWAY_ENVIRONMENTS_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/111122223333/environments",
    "SLIPWAY_DEAD_LETTERS_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/111122223333/dead-letters",
}
# A process that finds the standard library, our code and the vendor layer, as a deployed function does; what it
# reads of the environment is noted, also the libraries' reads.
SCRIPT = """
import importlib, json, os, sys
handler_name, builder, found_there = sys.argv[1], sys.argv[2], set(sys.argv[3].split(","))

class NothingElse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in found_there | set(sys.stdlib_module_names):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NothingElse())
read, get = [], os._Environ.__getitem__
os._Environ.__getitem__ = lambda self, name: (read.append(name), get(self, name))[1]
handler = importlib.import_module(f"functions.{handler_name}.handler")
clients = sys.modules.get("slipway.adapters.aws_clients")
built = [name for name in dir(clients) if hasattr(getattr(clients, name), "cache_info")]
built = [name for name in built if getattr(clients, name).cache_info().currsize]
at_import = {"read": sorted(set(map(str, read))), "modules": sorted(sys.modules), "built": built}
if builder:
    getattr(handler.bootstrap, builder)()
print(json.dumps({"at_import": at_import, "modules": sorted(sys.modules)}))
"""


def normal(name: str) -> str:
    """Return a package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def wished() -> set[str]:
    """Return the packages that the functions' own requirements name."""
    text = (ROOT / "layers/vendor/requirements.in").read_text("utf-8")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return {normal(re.split(r"[\[=<>~!; ]", line)[0]) for line in lines}


def locked() -> set[str]:
    """Return the packages of the vendor layer, with what they bring along."""
    text = (ROOT / "layers/vendor/requirements.txt").read_text("utf-8")
    return {normal(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE)}


@cache
def modules_and_packages() -> dict[str, set[str]]:
    return {module: set(map(normal, names)) for module, names in metadata.packages_distributions().items()}


@cache
def imported(name: str, builder: str, configuration: str) -> Any:
    """Return what a fresh process imported and read for a handler, and for its builder if one is named."""
    vendored = {module for module, packages in modules_and_packages().items() if packages & locked()}
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": IMPORT_PATH,
        "SLIPWAY_CONFIG": configuration,
        **(ENVIRONMENT if builder else {}),
    }
    found_there = ",".join({"slipway", "functions", *vendored})
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, name, builder, found_there], env=environment, check=True,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("configuration") / "slipway.json"
    body = compiled(app_secret="arn:app", runner_token_secrets=["arn:token"])
    path.write_text(json.dumps({**body, "environments": compiled_settings()}), "utf-8")
    return str(path)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_importing_a_handler_reads_no_setting_and_builds_no_client(name: str) -> None:
    at_import = imported(name, "", "")["at_import"]
    assert [variable for variable in at_import["read"] if variable.startswith("SLIPWAY")] == []
    assert at_import["built"] == []


@pytest.mark.parametrize("name", BUILDERS)
def test_what_a_first_event_needs_is_imported_before_it(name: str, configuration: str) -> None:
    done = imported(name, BUILDERS[name], configuration)
    late = set(done["modules"]) - set(done["at_import"]["modules"])
    assert {module for module in late if module.partition(".")[0] not in sys.stdlib_module_names} <= DRAWN_IN


@pytest.mark.parametrize("name", BUILDERS)
def test_a_function_is_built_from_the_vendor_layer_alone(name: str, configuration: str) -> None:
    modules = set(imported(name, BUILDERS[name], configuration)["modules"])
    assert "botocore.session" in modules
    assert {module.partition(".")[0] for module in modules} & NEVER_DEPLOYED == set()


def direct_imports() -> set[str]:
    """Return the packages that the sources which are deployed name in an import."""
    modules: set[str] = set()
    for path in (*(ROOT / "layers/core").rglob("*.py"), *(ROOT / "functions").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module.partition(".")[0])
    third_party = modules - set(sys.stdlib_module_names) - {"slipway", "functions"}
    stubs = {module for module in third_party if module.startswith(("mypy_boto3_", "_typeshed"))}
    return {package for module in third_party - stubs for package in modules_and_packages()[module]}


def test_the_vendor_layer_names_exactly_what_is_imported() -> None:
    # Neither of these stands in an import: PyJWT signs RS256 with cryptography, zoneinfo reads the zones of tzdata.
    unnamed = {"cryptography", "tzdata"}
    assert direct_imports() | unnamed == wished()
    assert wished() <= locked()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_handler_is_short(name: str) -> None:
    tree = ast.parse((ROOT / f"functions/{name}/handler.py").read_text("utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert "lambda_handler" in {function.name for function in functions}
    for function in functions:
        assert (function.end_lineno or 0) - function.lineno < 30, function.name
