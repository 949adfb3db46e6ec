"""What of the checkout goes into which package, as files by path."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import botocore

from local.configuration.model import SlipwayFile
from local.infrastructure.places import ENVIRONMENTS, FUNCTIONS
from local.packages.botocore_models import DATA, cut_down, words_of
from local.packages.closure import Sources, closure
from slipway.adapters.environments.clients import MODELS, SERVICES
from slipway.config import CA_BUNDLE

ROOT = Path(__file__).parents[2]
CORE = ROOT / "layers" / "core" / "python"
PACKAGED = (*FUNCTIONS, "reach")
LAYERLESS = ("webhook", "reach")
"""Functions that use the standard library alone: their packages hold what of ours they can import, and no layer."""
CONFIGURATION = "slipway.json"
ASK_GITHUB = ("registrar", "reaper", "redelivery", ENVIRONMENTS)

Files = dict[str, bytes]
# Of the optional function, whose package holds all of ours that it can import, and botocore's models of its services.
_OF_ENVIRONMENTS = CORE / "slipway" / "adapters" / "environments"


def shared_adapters() -> list[str]:
    """Return the sources of the adapters whose operations the vendor layer knows; environments bring their own."""
    paths = sorted((CORE / "slipway" / "adapters").rglob("*.py"))
    return [path.read_text("utf-8") for path in paths if not path.is_relative_to(_OF_ENVIRONMENTS)]


def packaged(file: SlipwayFile) -> tuple[str, ...]:
    """Return the functions that are packaged for a configuration."""
    return (*PACKAGED, ENVIRONMENTS) if file.environments else PACKAGED


def function_files(name: str, configuration: str, ca_bundle: bytes | None) -> Files:
    """Return what lies in a function's package; its handler is ``functions.NAME.handler.lambda_handler``.

    The reach function, which only ``slipway doctor`` asks, has no configuration.
    """
    sources = [ROOT / "functions" / "__init__.py", *(ROOT / "functions" / name).rglob("*.py")]
    files = _read(sources, ROOT)
    if name in (*FUNCTIONS, ENVIRONMENTS):
        files[CONFIGURATION] = configuration.encode("ascii")
    if name == ENVIRONMENTS:
        files |= environment_models()
    if name in (*LAYERLESS, ENVIRONMENTS):
        modules = closure(f"functions.{name}.handler", Sources(ROOT, CORE))
        files |= _read([path for path in modules.values() if path.is_relative_to(CORE)], CORE)
    if name in ASK_GITHUB and ca_bundle is not None:
        files[CA_BUNDLE] = ca_bundle
    return files


def core_layer() -> Files:
    """Return the layer of our own code, without what only the optional function has."""
    package = CORE / "slipway"
    paths = [path for path in package.rglob("*.py") if not _is_of_environments(path.relative_to(package))]
    files = _read([*paths, package / "py.typed"], CORE)
    return {f"python/{path}": content for path, content in files.items()}


def environment_models() -> Files:
    """Return botocore's models of the services that environments use, with the operations that their adapters name.

    They are those of the botocore that runs here, which is the one that the vendor layer pins.
    """
    folder = Path(botocore.__file__).parents[1]
    services = (folder / DATA / name for name in SERVICES)
    paths = [folder / DATA / "endpoints.json", *(path for one in services for path in one.rglob("*.*"))]
    sources = (path.read_text("utf-8") for path in sorted(_OF_ENVIRONMENTS.rglob("*.py")))
    cut = cut_down(_read(paths, folder), words_of(sources))
    return {path.replace(DATA, MODELS.name, 1): content for path, content in cut.items()}


def _is_of_environments(path: Path) -> bool:
    """Say whether a module is of no use to the functions that share the layer."""
    return ENVIRONMENTS in path.with_suffix("").parts or path.name == "pull_requests.py"


def _read(paths: Iterable[Path], base: Path) -> Files:
    return {path.relative_to(base).as_posix(): path.read_bytes() for path in paths}
