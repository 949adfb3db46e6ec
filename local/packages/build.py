"""Builds what is deployed into one folder: from the same commit and ``slipway.yaml`` always the same bytes."""

from __future__ import annotations

import hashlib
import json
import shutil
import ssl
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local.configuration.compilation import compile_file, compiled_body
from local.configuration.model import SlipwayFile
from local.infrastructure import host_scripts
from local.infrastructure.cloudformation.sam_files import sam_files
from local.infrastructure.description import describe
from local.infrastructure.places import Places, partition_of_pools
from local.packages.archive import zip_bytes
from local.packages.bytecode import version_of, with_bytecode
from local.packages.contents import Files, core_layer, function_files, packaged
from local.packages.faults import BuildError
from local.packages.limits import check_limits
from local.packages.vendor import LAMBDA, Target, vendor_layer, versions_of
from slipway.config import decode_configuration, environments_of

VERSION = 1
MANIFEST = "manifest.json"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Package:
    """One zip as the manifest tells of it."""

    bytes: int
    unpacked_bytes: int
    files: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Order:
    """What to build: a valid file and where it lies; for which machine, and with which Python's bytecode, if any.

    SAM's templates are made for one home region, that of the functions: without a word that of the pools, if it is one.
    """

    path: Path
    file: SlipwayFile
    target: Target = LAMBDA
    bytecode_by: Path | None = None
    home_region: str | None = None


def build(order: Order, out: Path, say: Callable[[str], None] = lambda _step: None) -> Json:
    """Build into ``out`` and return its manifest; an earlier build there stays until this one is whole.

    Raises:
        BuildError: a file cannot be read, a layer not installed, a package is beyond Lambda's limits, or ``out`` is a
            folder of something else.
        DescriptionError: AWS would not take what the configuration asks for.
    """
    _refuse_other_folders(out)
    _refuse_other_pythons(order)
    files = _packages(order, say)
    packages = {}
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as name:
        staging = Path(name) / "build"
        for path, contents in files.items():
            say(f"zipping {path}")
            content = zip_bytes(contents)
            _write(staging / path, content)
            packages[path] = Package(
                bytes=len(content),
                unpacked_bytes=sum(map(len, contents.values())),
                files=len(contents),
                sha256=hashlib.sha256(content).hexdigest(),
            )
        check_limits({path: (package.bytes, package.unpacked_bytes) for path, package in packages.items()})
        description = _description(order)
        _write(staging / "deployment.json", _text(description))
        for path, text in _templates(order, description):
            _write(staging / path, text.encode())
        manifest = _manifest(order, packages, versions_of(files["layers/vendor.zip"]))
        _write(staging / MANIFEST, _text(manifest))
        _swap(staging, out, Path(name) / "earlier")
    return manifest


def _templates(order: Order, description: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield SAM's templates, path and text; none where only their operator knows which region is home."""
    if order.home_region or len({pool["region"] for pool in description["pools"].values()}) == 1:
        yield from sam_files(description, order.home_region)


def _packages(order: Order, say: Callable[[str], None]) -> dict[str, Files]:
    """Return what lies in each package, by the package's path."""
    configuration, ca_bundle = compile_file(order.file), _ca_bundle(order)
    names = packaged(order.file)
    packages = {f"functions/{name}.zip": function_files(name, configuration, ca_bundle) for name in names}
    packages["layers/core.zip"] = core_layer()
    say(f"installing the vendor layer for {order.target.architecture}, Python {order.target.python}")
    packages["layers/vendor.zip"] = vendor_layer(order.target)
    if order.bytecode_by is None:
        return packages
    say("compiling")
    return {path: with_bytecode(files, order.bytecode_by) for path, files in packages.items()}


def _ca_bundle(order: Order) -> bytes | None:
    """Read the private authority's file, which is named from where the ``slipway.yaml`` lies."""
    named = order.file.github.ca_bundle
    if named is None:
        return None
    path = order.path.parent / named
    try:
        content = path.read_bytes()
        ssl.create_default_context(cafile=str(path))  # as the functions will
    except ssl.SSLError as fault:
        raise BuildError(f"github.ca_bundle: {path} holds no PEM certificate") from fault
    except OSError as fault:
        raise BuildError(f"github.ca_bundle: {path} cannot be read: {fault.strerror}") from fault
    return content


def _description(order: Order) -> Json:
    body = compiled_body(order.file)
    configuration = decode_configuration(body)
    places = Places(partition=partition_of_pools(configuration))
    sha256 = _sha256(order.path)
    return describe(configuration, places, host_scripts.read(), sha256, environments_of(body))


def _manifest(order: Order, packages: Mapping[str, Package], vendored: Mapping[str, str]) -> Json:
    return {
        "version": VERSION,
        "configuration_sha256": _sha256(order.path),
        "architecture": order.target.architecture,
        "python": order.target.python,
        "bytecode_by": version_of(order.bytecode_by) if order.bytecode_by else None,
        "packages": {path: asdict(package) for path, package in sorted(packages.items())},
        "vendored": dict(vendored),
    }


def _refuse_other_folders(out: Path) -> None:
    if out.is_dir() and any(out.iterdir()) and not (out / MANIFEST).is_file():
        raise BuildError(
            f"{out} is there and is no earlier build (it has no {MANIFEST}): name another folder"
        )
    if out.exists() and not out.is_dir():
        raise BuildError(f"{out} is there and is no folder")


def _refuse_other_pythons(order: Order) -> None:
    if order.bytecode_by and not version_of(order.bytecode_by).startswith(f"{order.target.python}."):
        raise BuildError(
            f"{order.bytecode_by} is Python {version_of(order.bytecode_by)}, and the functions run on"
            f" {order.target.python}, which reads only bytecode of its own version"
        )


def _swap(made: Path, out: Path, earlier: Path) -> None:
    if out.exists():
        out.rename(earlier)
    shutil.move(made, out)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _text(value: Json) -> bytes:
    return json.dumps(value, indent=2).encode("ascii") + b"\n"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
