"""What of the checkout goes into which package, as files by path."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from local.packages.closure import Sources, closure
from local.slipway_cli.infrastructure.places import FUNCTIONS
from slipway.config import CA_BUNDLE

ROOT = Path(__file__).parents[2]
CORE = ROOT / "layers" / "core" / "python"
PACKAGED = (*FUNCTIONS, "reach")
LAYERLESS = ("webhook", "reach")
"""Functions that use the standard library alone: their packages hold what of ours they can import, and no layer."""
CONFIGURATION = "slipway.json"
ASK_GITHUB = ("registrar", "reaper", "redelivery")

Files = dict[str, bytes]
_OF_ENVIRONMENTS = CORE / "slipway" / "adapters" / "environments"


def shared_adapters() -> list[str]:
    """Return the sources of the adapters whose operations the vendor layer knows; environments bring their own."""
    paths = sorted((CORE / "slipway" / "adapters").rglob("*.py"))
    return [path.read_text("utf-8") for path in paths if not path.is_relative_to(_OF_ENVIRONMENTS)]


def function_files(name: str, configuration: str, ca_bundle: bytes | None) -> Files:
    """Return what lies in a function's package; its handler is ``functions.NAME.handler.lambda_handler``.

    The reach function, which only ``slipway doctor`` asks, has no configuration.
    """
    sources = [ROOT / "functions" / "__init__.py", *(ROOT / "functions" / name).rglob("*.py")]
    files = _read(sources, ROOT)
    if name in FUNCTIONS:
        files[CONFIGURATION] = configuration.encode("ascii")
    if name in LAYERLESS:
        modules = closure(f"functions.{name}.handler", Sources(ROOT, CORE))
        files |= _read([path for path in modules.values() if path.is_relative_to(CORE)], CORE)
    if name in ASK_GITHUB and ca_bundle is not None:
        files[CA_BUNDLE] = ca_bundle
    return files


def core_layer() -> Files:
    """Return the layer of our own code."""
    package = CORE / "slipway"
    files = _read([*package.rglob("*.py"), package / "py.typed"], CORE)
    return {f"python/{path}": content for path, content in files.items()}


def _read(paths: Iterable[Path], base: Path) -> Files:
    return {path.relative_to(base).as_posix(): path.read_bytes() for path in paths}
