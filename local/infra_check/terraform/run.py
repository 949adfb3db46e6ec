"""Runs Terraform on a folder with the stub as its AWS provider."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.infra_check.terraform.package import PROVIDER, Package
from local.infra_check.terraform.provider import StubProvider, serving
from local.infra_check.terraform.shapes import folder_of, shape_of

REGION = "eu-west-1"  # where a configuration names none
_PROVIDER = "registry.terraform.io/hashicorp/aws"
_BLOCK = re.compile(r'^\s*(resource|data)\s+"(aws_\w+)"', re.MULTILINE)
OLDEST = (1, 9)
_TIMEOUT_SECONDS = 300

Variables = Mapping[str, Any]


class TerraformError(Exception):
    """Terraform refused; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Terraform:
    """Terraform with the stub behind it. It writes into the folders that it works on: give it copies."""

    program: str
    environment: Mapping[str, str]

    def faults(self, folder: Path) -> list[str]:
        """Return what ``terraform validate`` finds in a folder, one sentence each with its file and line."""
        try:
            self._init(folder)
        except TerraformError as error:
            return [str(error)]
        verdict = json.loads(self._run(folder, "validate", "-json", check=False).stdout)
        return [_sentence(diagnostic) for diagnostic in verdict["diagnostics"]]

    def test(self, folder: Path, variables: Variables, only: str | None = None) -> list[str]:
        """Run ``terraform test``, or one file of it, and return the runs that passed by name.

        Raises:
            TerraformError: one failed; the message is all that Terraform said.
        """
        self._init(folder)
        arguments = [*_given(variables), *([f"-filter={only}"] if only else [])]
        done = self._run(folder, "test", "-no-color", *arguments)
        return re.findall(r'^\s*run "(.+)"\.\.\. pass$', done.stdout, re.MULTILINE)

    def plan(self, folder: Path, variables: Variables) -> dict[str, Any]:
        """Return the plan of a folder into an empty account, as ``terraform show -json`` writes it.

        Raises:
            TerraformError: there is no plan; the message is what Terraform said.
        """
        self._init(folder)
        self._run(folder, "plan", "-no-color", "-input=false", "-lock=false", "-out=plan", *_given(variables))
        plan: dict[str, Any] = json.loads(self._run(folder, "show", "-json", "plan").stdout)
        return plan

    def misformatted(self, folder: Path) -> list[str]:
        """Return the files below a folder that ``terraform fmt`` would change."""
        done = self._run(folder, "fmt", "-check", "-recursive", "-list=true", check=False)
        return done.stdout.split()

    def _init(self, folder: Path) -> None:
        """Find the modules of a folder, unless that was done; there is nothing else to be fetched."""
        if not (folder / ".terraform" / "modules").exists():
            self._run(folder, "init", "-no-color", "-backend=false", "-input=false")

    def _run(self, folder: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(  # noqa: S603 - our own arguments
            [self.program, *arguments],
            cwd=folder,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
        if check and done.returncode:
            # What a plan tells before it fails is long, and no help; of tests it says which one failed.
            said = f"{done.stdout}{done.stderr}" if arguments[0] == "test" else done.stderr or done.stdout
            raise TerraformError(said.strip())
        return done


@contextmanager
def terraform(root: Path, package: Package, region: str = REGION) -> Iterator[Terraform]:
    """Serve the resources and data sources that are named below a folder, and give a Terraform that uses them.

    A type that the AWS provider does not have is not served: Terraform says so itself.

    Args:
        root: what Terraform will work on lies in it, with all of its modules.
        package: of the provider's shapes.
        region: of a configuration that names none.

    Raises:
        PackageError: the provider's shapes cannot be had.
    """
    program = found()
    if program is None:
        raise TerraformError("no terraform on the PATH")
    with tempfile.TemporaryDirectory(prefix="slipway-") as place:  # a socket's path must be short
        socket = Path(place) / "aws.sock"
        with serving(_stub(root, package, region), socket):
            yield Terraform(program, _environment(socket))


def found() -> str | None:
    """Return the terraform on the PATH, if it is young enough for the modules."""
    program = shutil.which("terraform")
    if program is None:
        return None
    asked = [program, "version", "-json"]
    done = subprocess.run(  # noqa: S603 - the program that was just found
        asked, env=_quiet(), capture_output=True, text=True, timeout=60, check=False
    )
    version = re.search(r'"terraform_version":\s*"(\d+)\.(\d+)', done.stdout)
    return program if version and (int(version[1]), int(version[2])) >= OLDEST else None


def types_in(root: Path) -> set[tuple[str, str]]:
    """Return the types that are named below a folder: ``("resource", "aws_sqs_queue")``."""
    texts = (path.read_text("utf-8") for path in sorted(root.rglob("*.tf")))
    return {(found[1], found[2]) for text in texts for found in _BLOCK.finditer(text)}


def _stub(root: Path, package: Package, region: str) -> StubProvider:
    wanted = {
        (kind, name): folder_of("data" if kind == "data" else "resource", name)
        for kind, name in types_in(root)
    }
    sources = package.sources({PROVIDER, *wanted.values()})
    shapes: dict[str, dict[str, Any]] = {"resource": {}, "data": {}}
    for (kind, name), folder in wanted.items():
        if folder in sources:
            shapes[kind][name] = shape_of(sources[folder])
    return StubProvider(shape_of(sources[PROVIDER]), shapes["resource"], shapes["data"], region)


def _environment(socket: Path) -> dict[str, str]:
    reattach = {
        _PROVIDER: {
            "Protocol": "grpc",
            "ProtocolVersion": 5,
            "Pid": os.getpid(),
            "Test": True,  # it is not Terraform's to end
            "Addr": {"Network": "unix", "String": str(socket)},
        }
    }
    return {**_quiet(), "TF_REATTACH_PROVIDERS": json.dumps(reattach)}


def _quiet() -> dict[str, str]:
    """Return an environment without the machine's settings of Terraform, in which it asks and tells nobody."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull, "TF_IN_AUTOMATION": "1"}


def _given(variables: Variables) -> Iterable[str]:
    for name, value in variables.items():
        yield f"-var={name}={value if isinstance(value, str | Path) else json.dumps(value)}"


def _sentence(diagnostic: Mapping[str, Any]) -> str:
    place = diagnostic.get("range")
    where = f"{place['filename']}:{place['start']['line']}: " if place else ""
    return f"{where}{diagnostic['summary']}: {' '.join(diagnostic.get('detail', '').split())}"
