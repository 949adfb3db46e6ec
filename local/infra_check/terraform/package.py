"""Fetches the npm package from which the AWS provider's schema is read, and keeps what is used of it under ``build/``.

``@cdktf/provider-aws`` is the AWS provider's schema, generated into TypeScript. It is read, never run, and nothing of
it is committed: it is under another licence than Slipway, and it is large.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

NAME, VERSION = "@cdktf/provider-aws", "21.22.1"  # the last one there will be, of hashicorp/aws 6.25.0
SHA256 = "d1446ab6ac6526c6fab4b28a5ebefdd90c0ce56203949925d35a4d286c05cbbf"
KEPT = Path(__file__).resolve().parents[3] / "build" / "infra_check"
PROVIDER = "provider"  # the folder of the provider's own configuration
_TIMEOUT_SECONDS = 120
_SOURCE_MAP = re.compile(rb"sourceMappingURL=data:application/json;base64,(\S+)")


class PackageError(Exception):
    """The package cannot be had; the message says why."""


@dataclass(frozen=True, slots=True)
class Package:
    """The package's TypeScript, one text for each resource and data source."""

    folder: Path

    def sources(self, names: Iterable[str]) -> dict[str, str]:
        """Return the TypeScript of each folder of the package that there is; names of no folder are left out.

        Raises:
            PackageError: it is not here, and npm cannot fetch it.
        """
        names = {*names}
        index = self.folder / "folders.json"
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # of several workers of pytest one fetches, the others wait
            if not index.exists():
                self._unpack(names)
            wanted = set(json.loads(index.read_text("utf-8"))) & names
            if missing := {name for name in wanted if not self._kept(name).exists()}:
                self._unpack(missing)
        return {name: self._kept(name).read_text("utf-8") for name in sorted(wanted)}

    def _kept(self, name: str) -> Path:
        return self.folder / f"{name}.ts"

    def _unpack(self, names: set[str]) -> None:
        folders = []
        with tarfile.open(self._archive()) as archive:
            for member in archive:
                parts = member.name.split("/")
                if len(parts) != 4 or parts[1] != "lib" or parts[3] != "index.js":
                    continue
                folders.append(parts[2])
                if parts[2] in names and (file := archive.extractfile(member)):
                    partial = self._kept(parts[2]).with_suffix(".partial")
                    partial.write_text(_typescript(file.read()), "utf-8")
                    partial.replace(self._kept(parts[2]))
        (self.folder / "folders.json").write_text(json.dumps(sorted(folders)), "utf-8")

    def _archive(self) -> Path:
        """Return the package as npm has it, fetched once."""
        archive = self.folder / "package.tgz"
        if not archive.exists():
            with tempfile.TemporaryDirectory(dir=self.folder) as place:
                fetched = _fetch(Path(place))
                digest = hashlib.sha256(fetched.read_bytes()).hexdigest()
                if digest != SHA256:
                    raise PackageError(f"npm gave a {NAME} {VERSION} with the sha256 {digest}, not {SHA256}")
                fetched.replace(archive)
        return archive


def package() -> Package:
    """Return the package of the pinned version, fetched when something is first asked of it."""
    return Package(KEPT / f"provider-aws-{VERSION}")


def _fetch(folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise PackageError(f"no npm to fetch {NAME} with (Debian: apt-get install npm)")
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments
            [npm, "pack", f"{NAME}@{VERSION}", "--silent", f"--pack-destination={folder}"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PackageError(f"npm did not answer within {_TIMEOUT_SECONDS} s") from None
    found = sorted(folder.glob("*.tgz"))
    if done.returncode or not found:
        raise PackageError(f"npm cannot fetch {NAME}: {done.stderr[-300:].strip()}")
    return found[0]


def _typescript(javascript: bytes) -> str:
    """Return the TypeScript that a compiled file carries in its source map.

    The compiled code has lost what is needed: whether an attribute is computed stands in a comment, and comments go
    with the declarations that they stand above.
    """
    found = _SOURCE_MAP.search(javascript)
    if found is None:
        raise PackageError(f"{NAME} {VERSION} has a file without the source that it was made from")
    text: str = json.loads(base64.b64decode(found[1]))["sourcesContent"][0]
    return text
